/**
 * MySQL and MariaDB: rows into a table.
 */
import type { RecordBatch, Schema } from 'apache-arrow';
import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2';
import {
  connectionOption,
  type DatabaseConnection,
  type DatabaseSetup,
  guarded,
  identifier,
  tableIdentifier,
} from '../sources/database.js';
import { connectMysql, isPassingMysql } from '../sources/mysql-client.js';
import { sinkFailed } from '../src/errors.js';
import { reached } from '../src/fault-points.js';
import { checked } from '../src/options.js';
import type { Sink } from '../src/sink.js';
import { insertStatements } from './mysql-insert.js';
import { mysqlType } from './mysql-values.js';
import {
  type CommitSession,
  commitsTable,
  type ResolvedTransactional,
  type TokenMove,
  type TransactionalSinkOptions,
  transactionalOptions,
  transactionalSink,
} from './transactional-sink.js';

export interface MysqlSinkOptions extends TransactionalSinkOptions {
  /** A URL (`mysql://user@host:3306/db`) or its parts. Default: port 3306 of this machine. */
  readonly connection?: DatabaseConnection;
}

/**
 * Writes rows into a table by INSERT statements of many rows, exactly once where the flow has checkpoints: each transaction
 * moves a token in table `chunkwise_commits`, beside the table, with its rows (see `transactional-sink.ts`). A run's row there
 * may be deleted once its checkpoints are. The table must be of an engine with transactions, such as InnoDB.
 *
 * Columns go by their names; the session is strict, so what the server refuses (a number out of range, text that is too long, a
 * broken constraint) is SINK_FAILED, with nothing of the transaction kept. With `create`:
 *
 * | Arrow | MySQL |
 * |---|---|
 * | Bool | boolean, which is tinyint(1) |
 * | Int8, Int16, Int32, Int64; Uint8 … Uint64 | tinyint, smallint, int, bigint; the same, unsigned |
 * | Float16, Float32; Float64 | float; double |
 * | Decimal of at most 65 digits, 30 behind the point | decimal(p, s) |
 * | Utf8, and dictionaries of it | longtext; varchar(255) in a `key` |
 * | Binary, FixedSizeBinary | longblob |
 * | Date, Time | date, time(6) |
 * | Timestamp | datetime(6), in UTC |
 * | List, FixedSizeList, Struct, Map | json |
 *
 * NaN, infinities, and nanoseconds that are no whole microseconds are refused, not changed; minus zero is zero there; unions,
 * durations and intervals are COLUMN_TYPE. A server that is gone is SINK_FAILED once the retries are used up. Needs the package `mysql2`.
 */
export function mysqlSink(options: MysqlSinkOptions): Sink<'exactly once'> {
  const who = 'mysqlSink';
  const { connection, ...resolved } = checked(who, options, [], () => {
    const transactional = transactionalOptions(who, options);
    tableIdentifier(options.table, '`');
    return { ...transactional, connection: connectionOption(options.connection) };
  });
  const setup = { who, connection, connectTimeoutMs: resolved.connectTimeoutMs, failed: sinkFailed };
  const connect = async (signal: AbortSignal) =>
    new MysqlCommits(setup, await connectMysql(setup, signal), resolved);
  return transactionalSink({ who, options: resolved, connect, isPassing: isPassingMysql });
}

class MysqlCommits implements CommitSession {
  bytes = 0;
  readonly #setup: DatabaseSetup;
  readonly #client: Connection;
  readonly #options: ResolvedTransactional;
  readonly #table: string;
  readonly #commits: string;
  #names: readonly string[] = [];

  constructor(setup: DatabaseSetup, client: Connection, options: ResolvedTransactional) {
    const { table } = options;
    this.#setup = setup;
    this.#client = client;
    this.#options = options;
    this.#table = tableIdentifier(table, '`');
    this.#commits = commitsTable(table, '`');
  }

  committedRows(run: string): Promise<number | undefined> {
    return this.#transaction(async () => {
      const seconds = Math.ceil(this.#options.connectTimeoutMs / 1000);
      await this.#query(`set session innodb_lock_wait_timeout = ${seconds}`);
      const sql = `select \`rows\` from ${this.#commits} where run = ? for update`;
      const [found] = await this.#query<RowDataPacket[]>(sql, [run]);
      return found && Number(found.rows);
    });
  }

  async beginRun(run: string): Promise<void> {
    await this.#guarded(() =>
      this.#query(
        `create table if not exists ${this.#commits} (run varchar(64) primary key, target varchar(255) not null,
        \`rows\` bigint not null, committed_at timestamp(6) not null default current_timestamp(6)) engine = innodb`,
      ),
    );
    const sql = `insert into ${this.#commits} (run, target, \`rows\`) values (?, ?, 0)`;
    await this.#transaction(() => this.#query(sql, [run, this.#table.slice(0, 255)]));
  }

  prepare(schema: Schema): Promise<void> {
    return this.#guarded(async () => {
      for (const field of schema.fields) mysqlType(this.#setup.who, field);
      if (this.#options.create) await this.#query(this.#createTable(schema));
      const columns = await this.#query<RowDataPacket[]>(`show columns from ${this.#table}`);
      const has = columns.map((column) => String(column.Field));
      this.#names = schema.fields.map(({ name }) => String(name));
      const missing = this.#names.find((name) => !has.some((other) => isSameName(name, other)));
      if (missing !== undefined) {
        const expected = `a column of table ${this.#table}`;
        throw sinkFailed(this.#setup.who, `column '${missing}'`, expected, `columns ${has.join(', ')}`);
      }
      await this.#refuseWithoutTransactions();
    });
  }

  async commit({ run, before, after }: TokenMove, batches: readonly RecordBatch[]): Promise<boolean> {
    const isMoved = await this.#transaction(async () => {
      // The token first: whoever asks for it waits until this transaction has come through or not.
      const moved = await this.#query<ResultSetHeader>(
        `update ${this.#commits} set \`rows\` = ?, committed_at = current_timestamp(6) where run = ? and \`rows\` = ?`,
        [after, run, before],
      );
      if (moved.affectedRows === 0) return false;
      await this.#insert(batches);
      reached('sink:before-commit');
      return true;
    });
    reached('sink:after-commit');
    return isMoved;
  }

  close(): void {
    this.#client.destroy();
  }

  #guarded<T>(work: () => Promise<T>): Promise<T> {
    return guarded(this.#setup, `table ${this.#table}`, 'to take the rows', work);
  }

  #transaction<T>(work: () => Promise<T>): Promise<T> {
    return this.#guarded(async () => {
      await this.#query('start transaction');
      try {
        const result = await work();
        await this.#query('commit');
        return result;
      } catch (error) {
        await this.#query('rollback').catch(() => {});
        throw error;
      }
    });
  }

  async #query<T extends RowDataPacket[] | ResultSetHeader>(sql: string, values: unknown[] = []): Promise<T> {
    const [result] = await this.#client.promise().query<T>(sql, values);
    return result;
  }

  async #insert(batches: readonly RecordBatch[]): Promise<void> {
    const names = this.#names.map((name) => identifier(name, '`'));
    const head = `insert into ${this.#table} (${names.join(', ')}) values\n`;
    const updates = names.map((name) => `${name} = values(${name})`).join(', ');
    const tail = this.#options.mode === 'upsert' ? `\non duplicate key update ${updates}` : '';
    for (const batch of batches) {
      for (const statement of insertStatements(this.#setup.who, batch, head, tail)) {
        await this.#query(statement);
        this.bytes += statement.length;
      }
    }
  }

  #createTable({ fields }: Schema): string {
    const { key } = this.#options;
    const columns = fields.map((field) => {
      const name = String(field.name);
      return `${identifier(name, '`')} ${mysqlType(this.#setup.who, field, key.includes(name))}`;
    });
    if (key.length > 0) columns.push(`primary key (${key.map((name) => identifier(name, '`')).join(', ')})`);
    const how = 'engine = innodb default charset = utf8mb4';
    return `create table if not exists ${this.#table} (${columns.join(', ')}) ${how}`;
  }

  /** What cannot be taken back would be doubled after a kill. */
  async #refuseWithoutTransactions(): Promise<void> {
    const { table } = this.#options;
    const [database, name] = typeof table === 'string' ? [null, table] : table;
    const [found] = await this.#query<RowDataPacket[]>(
      `select t.engine as engine, e.transactions as transactions from information_schema.tables t
      left join information_schema.engines e on e.engine = t.engine
      where t.table_schema = coalesce(?, database()) and t.table_name = ?`,
      [database, name],
    );
    if (found === undefined || found.transactions === 'YES') return;
    throw sinkFailed(
      this.#setup.who,
      `engine of table ${this.#table}`,
      'one with transactions',
      `${found.engine}`,
    );
  }
}

/** Names of columns do not differ by case. */
const isSameName = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
