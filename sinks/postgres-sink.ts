/**
 * PostgreSQL: rows into a table.
 */
import type { RecordBatch, Schema } from 'apache-arrow';
import type { Client } from 'pg';
import {
  connectionOption,
  type DatabaseConnection,
  type DatabaseSetup,
  guarded,
  identifier,
  tableIdentifier,
} from '../sources/database.js';
import { closePostgres, connectPostgres, isPassingPostgres } from '../sources/postgres-client.js';
import { sinkFailed } from '../src/errors.js';
import { reached } from '../src/fault-points.js';
import { optionalPeer } from '../src/optional-peer.js';
import { checked } from '../src/options.js';
import type { Sink } from '../src/sink.js';
import { copyChunks } from './postgres-copy.js';
import { postgresType, type TargetColumn } from './postgres-values.js';
import {
  type CommitSession,
  commitsTable,
  type ResolvedTransactional,
  type TokenMove,
  type TransactionalSinkOptions,
  transactionalOptions,
  transactionalSink,
} from './transactional-sink.js';

export interface PostgresSinkOptions extends TransactionalSinkOptions {
  /** A URL (`postgres://user@host:5432/db`) or its parts. Default: the PG* environment variables. */
  readonly connection?: DatabaseConnection;
}

/**
 * Writes rows into a table by `COPY`, exactly once where the flow has checkpoints: each transaction moves a token in table
 * `chunkwise_commits`, beside the table, with its rows (see `transactional-sink.ts`). A run's row there may be deleted once
 * its checkpoints are.
 *
 * Columns go by their names; the server reads each value as its column's type, and what it refuses (a number out of range, a
 * text with a zero byte, a broken constraint) is SINK_FAILED, with nothing of the transaction kept. With `create`:
 *
 * | Arrow | PostgreSQL |
 * |---|---|
 * | Bool | boolean |
 * | Int8, Int16, Uint8; Int32, Uint16; Int64, Uint32; Uint64 | smallint; integer; bigint; numeric(20) |
 * | Float16, Float32; Float64 | real; double precision |
 * | Decimal | numeric(p, s) |
 * | Utf8, and dictionaries of it | text |
 * | Binary, FixedSizeBinary | bytea |
 * | Date, Time | date, time |
 * | Timestamp | timestamp; timestamptz where it has a zone |
 * | List, FixedSizeList of these | an array |
 * | Struct, Map, lists of lists | json |
 *
 * Nanoseconds that are no whole microseconds are refused, not rounded; unions, durations and intervals are COLUMN_TYPE.
 * A server that is gone is SINK_FAILED once the retries are used up. Needs the packages `pg` and `pg-copy-streams`.
 */
export function postgresSink(options: PostgresSinkOptions): Sink<'exactly once'> {
  const who = 'postgresSink';
  const { connection, ...resolved } = checked(who, options, [], () => {
    const transactional = transactionalOptions(who, options);
    tableIdentifier(options.table, '"');
    return { ...transactional, connection: connectionOption(options.connection) };
  });
  const setup = { who, connection, connectTimeoutMs: resolved.connectTimeoutMs, failed: sinkFailed };
  const connect = async (signal: AbortSignal) =>
    new PostgresCommits(setup, await connectPostgres(setup, signal), resolved);
  return transactionalSink({ who, options: resolved, connect, isPassing: isPassingPostgres });
}

class PostgresCommits implements CommitSession {
  bytes = 0;
  readonly #setup: DatabaseSetup;
  readonly #client: Client;
  readonly #options: ResolvedTransactional;
  readonly #table: string;
  readonly #commits: string;
  #columns: readonly TargetColumn[] = [];

  constructor(setup: DatabaseSetup, client: Client, options: ResolvedTransactional) {
    const { table } = options;
    this.#setup = setup;
    this.#client = client;
    this.#options = options;
    this.#table = tableIdentifier(table, '"');
    this.#commits = commitsTable(table, '"');
  }

  committedRows(run: string): Promise<number | undefined> {
    return this.#transaction(async () => {
      await this.#client.query(`set local lock_timeout = ${this.#options.connectTimeoutMs}`);
      const { rows } = await this.#client.query<{ rows: string }>(
        `select rows from ${this.#commits} where run = $1 for update`,
        [run],
      );
      return rows[0] && Number(rows[0].rows);
    });
  }

  beginRun(run: string): Promise<void> {
    return this.#transaction(async () => {
      // Two that make the table at once would not both succeed.
      await this.#client.query(`select pg_advisory_xact_lock(hashtext('chunkwise_commits'))`);
      await this.#client.query(
        `create table if not exists ${this.#commits} (run text primary key, target text not null,
        rows bigint not null, committed_at timestamptz not null default now())`,
      );
      const values = [run, this.#table];
      await this.#client.query(`insert into ${this.#commits} (run, target, rows) values ($1, $2, 0)`, values);
    });
  }

  prepare(schema: Schema): Promise<void> {
    const names = schema.fields.map(({ name }) => identifier(String(name), '"')).join(', ');
    return this.#transaction(async () => {
      if (this.#options.create) await this.#client.query(this.#createTable(schema));
      this.#columns = await this.#targetColumns(schema);
      if (this.#options.mode === 'append') return;
      await this.#client.query(
        `create temporary table chunkwise_stage on commit delete rows as select ${names} from ${this.#table} with no data;
        alter table chunkwise_stage add column chunkwise_row bigserial`,
      );
    });
  }

  async commit({ run, before, after }: TokenMove, batches: readonly RecordBatch[]): Promise<boolean> {
    const isMoved = await this.#transaction(async () => {
      // The token first: whoever asks for it waits until this transaction has come through or not.
      const { rowCount } = await this.#client.query(
        `update ${this.#commits} set rows = $3, committed_at = now() where run = $1 and rows = $2`,
        [run, before, after],
      );
      if (rowCount === 0) return false;
      await this.#copy(batches);
      if (this.#options.mode === 'upsert') await this.#client.query(this.#merge());
      reached('sink:before-commit');
      return true;
    });
    reached('sink:after-commit');
    return isMoved;
  }

  close(): void {
    closePostgres(this.#client);
  }

  #transaction<T>(work: () => Promise<T>): Promise<T> {
    return guarded(this.#setup, `table ${this.#table}`, 'to take the rows', async () => {
      await this.#client.query('begin');
      try {
        const result = await work();
        await this.#client.query('commit');
        return result;
      } catch (error) {
        await this.#client.query('rollback').catch(() => {});
        throw error;
      }
    });
  }

  async #copy(batches: readonly RecordBatch[]): Promise<void> {
    const { who } = this.#setup;
    const { from } = await optionalPeer(who, 'pg-copy-streams', () => import('pg-copy-streams'));
    const { pipeline } = await import('node:stream/promises');
    const target = this.#options.mode === 'upsert' ? 'chunkwise_stage' : this.#table;
    const stream = this.#client.query(from(`copy ${target} (${this.#names()}) from stdin`));
    const columns = this.#columns;
    const count = (bytes: number) => {
      this.bytes += bytes;
    };
    function* chunks() {
      for (const batch of batches) {
        for (const chunk of copyChunks(who, batch, columns)) {
          count(chunk.length);
          yield chunk;
        }
      }
    }
    await pipeline(chunks, stream);
  }

  #names(): string {
    return this.#columns.map(({ name }) => identifier(name, '"')).join(', ');
  }

  /** Moves the staged rows into the table; of those with one key, the last. */
  #merge(): string {
    const keys = this.#options.key.map((name) => identifier(name, '"')).join(', ');
    const others = this.#columns.filter(({ name }) => !this.#options.key.includes(name));
    const updates = others.map(({ name }) => `${identifier(name, '"')} = excluded.${identifier(name, '"')}`);
    return `insert into ${this.#table} (${this.#names()}) select ${this.#names()} from (
      select distinct on (${keys}) * from chunkwise_stage order by ${keys}, chunkwise_row desc) as newest
      on conflict (${keys}) do ${updates.length > 0 ? `update set ${updates.join(', ')}` : 'nothing'}`;
  }

  #createTable({ fields }: Schema): string {
    const columns = fields.map(
      (field) => `${identifier(String(field.name), '"')} ${postgresType(this.#setup.who, field)}`,
    );
    const { key } = this.#options;
    if (key.length > 0) columns.push(`primary key (${key.map((name) => identifier(name, '"')).join(', ')})`);
    return `create table if not exists ${this.#table} (${columns.join(', ')})`;
  }

  async #targetColumns({ fields }: Schema): Promise<TargetColumn[]> {
    const { rows } = await this.#client.query<{ name: string; type: string; element: string | null }>(
      `select attname as name, t.typname as type, e.typname as element from pg_attribute a
      join pg_type t on t.oid = a.atttypid left join pg_type e on e.oid = t.typelem and t.typname like '\\_%'
      where attrelid = $1::regclass and attnum > 0 and not attisdropped`,
      [this.#table],
    );
    return fields.map((field) => {
      const found = rows.find(({ name }) => name === field.name);
      if (found === undefined) {
        const has = `columns ${rows.map(({ name }) => name).join(', ')}`;
        throw sinkFailed(this.#setup.who, `column '${field.name}'`, `a column of table ${this.#table}`, has);
      }
      postgresType(this.#setup.who, field);
      const isArray = found.element !== null;
      return { name: found.name, isArray, isBytes: (found.element ?? found.type) === 'bytea' };
    });
  }
}
