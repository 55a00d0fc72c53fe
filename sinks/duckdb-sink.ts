/**
 * DuckDB: rows into a table.
 */
import type { RecordBatch, Schema } from 'apache-arrow';
import { identifier, tableIdentifier } from '../sources/database.js';
import { appendBatch, duckdbColumns } from '../sources/duckdb-appender.js';
import { DuckdbConnection, type DuckdbDatabase, databaseOptions } from '../sources/duckdb-database.js';
import { batchBytes } from '../src/columns.js';
import { reason, sinkFailed } from '../src/errors.js';
import { reached } from '../src/fault-points.js';
import { checked } from '../src/options.js';
import type { Sink } from '../src/sink.js';
import {
  type CommitSession,
  commitsTable,
  type ResolvedTransactional,
  type TokenMove,
  type TransactionalSinkOptions,
  transactionalOptions,
  transactionalSink,
} from './transactional-sink.js';

export interface DuckdbSinkOptions extends TransactionalSinkOptions, DuckdbDatabase {
  /** The database file, made where there is none. */
  readonly database: string;
}

const STAGE = 'chunkwise_stage';

/**
 * Writes rows into a table of a DuckDB database file, exactly once where the flow has checkpoints: each transaction moves a
 * token in table `chunkwise_commits`, beside the table, with its rows (see `transactional-sink.ts`). A run's row there may be
 * deleted once its checkpoints are. A transaction is synced to disk, so let `commitRows` be large.
 *
 * Rows come in by DuckDB's appender. Columns go by their names, each value is cast to its column's type; what does not fit or
 * breaks a constraint is SINK_FAILED, with nothing of the transaction kept. With `create`, columns have DuckDB's type of the
 * same name as in Arrow, vectors are arrays (`FLOAT[64]`), Decimal is DECIMAL, a dictionary its values. A type that DuckDB
 * cannot hold is COLUMN_TYPE.
 *
 * One process at a time can write to a database file; flows of the same process share it. Install `@duckdb/node-api`.
 */
export function duckdbSink(options: DuckdbSinkOptions): Sink<'exactly once'> {
  const who = 'duckdbSink';
  const resolved = checked(who, options, [], () => {
    tableIdentifier(options.table, '"');
    return { ...transactionalOptions(who, options), ...databaseOptions(options) };
  });
  const connect = async () =>
    new DuckdbCommits(who, await DuckdbConnection.open(who, resolved, sinkFailed), resolved);
  return transactionalSink({ who, options: resolved, connect, isPassing });
}

/** Another process may let go of the file, another transaction of the rows. */
const isPassing = (error: unknown): boolean => /set lock|conflict/i.test(reason(error));

class DuckdbCommits implements CommitSession {
  bytes = 0;
  readonly #who: string;
  readonly #open: DuckdbConnection;
  readonly #options: ResolvedTransactional;
  readonly #table: string;
  readonly #commits: string;
  #columns: readonly string[] = [];

  constructor(who: string, open: DuckdbConnection, options: ResolvedTransactional) {
    const { table } = options;
    this.#who = who;
    this.#open = open;
    this.#options = options;
    this.#table = tableIdentifier(table, '"');
    this.#commits = commitsTable(table, '"');
  }

  committedRows(run: string): Promise<number | undefined> {
    return this.#transaction(async () => {
      const sql = `select rows::double as rows from ${this.#commits} where run = $1`;
      const [row] = (await this.#open.connection.runAndReadAll(sql, [run])).getRowsJS();
      return row?.[0] as number | undefined;
    });
  }

  beginRun(run: string): Promise<void> {
    const { connection } = this.#open;
    return this.#transaction(async () => {
      await connection.run(
        `create table if not exists ${this.#commits} (run varchar primary key, target varchar not null,
        rows bigint not null, committed_at timestamptz not null default now())`,
      );
      const values = [run, this.#table];
      await connection.run(`insert into ${this.#commits} (run, target, rows) values ($1, $2, 0)`, values);
    });
  }

  prepare(schema: Schema): Promise<void> {
    const { connection, duckdb } = this.#open;
    const columns = duckdbColumns(duckdb, this.#who, schema);
    this.#columns = schema.fields.map(({ name }) => identifier(name, '"'));
    return this.#transaction(async () => {
      const { create, key } = this.#options;
      const primary = key.length === 0 ? '' : `, primary key (${this.#key()})`;
      if (create) await connection.run(`create table if not exists ${this.#table} (${columns}${primary})`);
      await connection.run(`create or replace temporary table ${STAGE} (${columns})`);
      // Says now, by name, if the table lacks a column.
      await connection.run(`select ${this.#columns.join(', ')} from ${this.#table} limit 0`);
    });
  }

  async commit({ run, before, after }: TokenMove, batches: readonly RecordBatch[]): Promise<boolean> {
    const { connection } = this.#open;
    const isMoved = await this.#transaction(async () => {
      const { rowsChanged } = await connection.run(
        `update ${this.#commits} set rows = $3, committed_at = now() where run = $1 and rows = $2`,
        [run, before, after],
      );
      if (rowsChanged === 0) return false;
      await this.#stage(batches);
      await connection.run(this.#options.mode === 'upsert' ? this.#merge() : this.#insert());
      await connection.run(`delete from ${STAGE}`);
      reached('sink:before-commit');
      return true;
    });
    reached('sink:after-commit');
    return isMoved;
  }

  close(): void {
    this.#open.close();
  }

  async #stage(batches: readonly RecordBatch[]): Promise<void> {
    const { connection, duckdb } = this.#open;
    const appender = await connection.createAppender(STAGE, 'main', 'temp');
    try {
      for (const batch of batches) {
        appendBatch(duckdb, this.#who, appender, batch);
        this.bytes += batchBytes(batch);
      }
    } finally {
      appender.closeSync();
    }
  }

  #insert(): string {
    return `insert into ${this.#table} by name select ${this.#columns.join(', ')} from ${STAGE}`;
  }

  /** Moves the staged rows into the table; of those with one key, the last. */
  #merge(): string {
    const keys = this.#options.key.map((name) => identifier(name, '"'));
    const others = this.#columns.filter((column) => !keys.includes(column));
    const updates = others.map((column) => `${column} = excluded.${column}`);
    const columns = this.#columns.join(', ');
    return `insert into ${this.#table} by name
      select distinct on (${this.#key()}) ${columns} from ${STAGE} order by ${this.#key()}, rowid desc
      on conflict (${this.#key()}) do ${updates.length > 0 ? `update set ${updates.join(', ')}` : 'nothing'}`;
  }

  #key(): string {
    return this.#options.key.map((name) => identifier(name, '"')).join(', ');
  }

  #transaction<T>(work: () => Promise<T>): Promise<T> {
    const { connection } = this.#open;
    return this.#open.guarded(`table ${this.#table}`, 'to take the rows', async () => {
      await connection.run('begin');
      try {
        const result = await work();
        await connection.run('commit');
        return result;
      } catch (error) {
        await connection.run('rollback').catch(() => {});
        throw error;
      }
    });
  }
}
