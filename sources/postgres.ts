/**
 * PostgreSQL: the rows of a query or table.
 */
import type { Client, FieldDef } from 'pg';
import { sourceFailed } from '../src/errors.js';
import { checked, oneOf, text } from '../src/options.js';
import type { Source } from '../src/source.js';
import {
  connectionOption,
  type DatabaseConnection,
  type DatabaseSetup,
  guarded,
  identifier,
  rowsOf,
  type SqlTableName,
} from './database.js';
import { type KeyedRowsOptions, keyedRows, keyedRowsOptions, type RowSession } from './keyed-rows.js';
import { closePostgres, connectPostgres, isPassingPostgres } from './postgres-client.js';
import { type PostgresType, postgresColumns, type TypeOptions } from './postgres-types.js';
import { type NumericAs, refuseUnknown, type SqlColumn, type SqlRow } from './sql-columns.js';

export interface PostgresOptions extends KeyedRowsOptions {
  /** A URL (`postgres://user@host:5432/db`) or its parts. Default: the PG* environment variables. */
  readonly connection?: DatabaseConnection;
  /**
   * How `numeric` is read: exactly, which needs a precision of at most 76 digits (`numeric(p, s)`), as the nearest
   * float64, or as text. Default 'decimal'.
   */
  readonly numeric?: NumericAs;
}

/**
 * Reads a query, or a table by its name, by a cursor: memory holds two batches, however many rows there are.
 *
 * Rows come in the order of option `key`, and a position is a row's key: a resumed run asks for the rows behind it. That is
 * exactly once as long as rows behind a position stay as they are; with `follow`, a row that appears with a key below one
 * that was read is never seen, so keys should become visible in their order. One reading is one transaction and sees one
 * state of the database.
 *
 * | PostgreSQL | Arrow |
 * |---|---|
 * | bool | Bool |
 * | int2, int4, int8, oid | Int16, Int32, Int64, Uint32 |
 * | float4, float8 | Float32, Float64 |
 * | numeric(p, s) | Decimal128 up to 38 digits, Decimal256 up to 76; see option `numeric` |
 * | text, varchar, char(n), name, citext, enums | Utf8 |
 * | uuid, json, jsonb, xml, inet, cidr, macaddr | Utf8 |
 * | bytea | Binary |
 * | date, time | DateDay, TimeMicrosecond |
 * | timestamp, timestamptz | TimestampMicrosecond, the latter with zone UTC |
 * | arrays of these | List, or a vector by option `schema` |
 *
 * Domains are what they are made of. Other types are COLUMN_TYPE and say what to cast them to. Infinite dates, `NaN` as a
 * decimal and arrays of several dimensions are CORRUPT_INPUT, a key that is null or comes twice too. A server that is gone
 * is SOURCE_FAILED once the retries are used up. Needs the package `pg`.
 */
export function postgres(query: string | SqlTableName, options: PostgresOptions): Source<'exactly once'> {
  const who = 'postgres';
  const { connection, numeric, ...rows } = checked(who, options, [], () => {
    keyedQuery(query, text({ key: options.key }));
    return {
      ...keyedRowsOptions(who, options),
      connection: connectionOption(options.connection),
      numeric: oneOf({ numeric: options.numeric ?? 'decimal' }, ['decimal', 'float64', 'utf8']),
    };
  });
  const sql = keyedQuery(query, rows.key);
  const setup = { who, connection, connectTimeoutMs: rows.connectTimeoutMs, failed: sourceFailed };
  const types = { numeric, schema: rows.schema };
  const connect = async (signal: AbortSignal) =>
    new PostgresRows(setup, await connectPostgres(setup, signal), sql, types);
  return {
    name: who,
    guarantee: 'exactly once',
    read: (from, signal) =>
      keyedRows({ who, options: rows, connect, isPassing: isPassingPostgres }, from, signal),
  };
}

/** The query for all rows, and for those behind a key. */
interface KeyedSql {
  readonly all: string;
  readonly behind: string;
}

function keyedQuery(query: string | SqlTableName, keyName: string): KeyedSql {
  const key = identifier(keyName, '"');
  const rows = `select * from ${rowsOf(query, '"')} as source`;
  return { all: `${rows} order by ${key}`, behind: `${rows} where ${key} > $1 order by ${key}` };
}

const asText = { getTypeParser: () => (value: string) => value };

class PostgresRows implements RowSession {
  readonly #setup: DatabaseSetup;
  readonly #client: Client;
  readonly #sql: KeyedSql;
  readonly #options: TypeOptions;
  readonly #types = new Map<number, PostgresType>();
  /** Rows that were asked for before they are needed. */
  #ahead: Promise<readonly SqlRow[]> | undefined;

  constructor(setup: DatabaseSetup, client: Client, sql: KeyedSql, options: TypeOptions) {
    this.#setup = setup;
    this.#client = client;
    this.#sql = sql;
    this.#options = options;
  }

  begin(after: string | null): Promise<readonly SqlColumn[]> {
    const { who } = this.#setup;
    return guarded(this.#setup, 'the query', 'a result', async () => {
      await this.#client.query('begin read only');
      const [sql, values] = after === null ? [this.#sql.all, []] : [this.#sql.behind, [after]];
      await this.#client.query(`declare chunkwise no scroll cursor for ${sql}`, values);
      const { fields } = await this.#client.query('fetch forward 0 from chunkwise');
      refuseUnknown(who, this.#options.schema, fields);
      await this.#learn(fields.map(({ dataTypeID }) => dataTypeID));
      return postgresColumns(who, fields, this.#types, this.#options);
    });
  }

  async next(rows: number): Promise<readonly SqlRow[]> {
    const fetched = await (this.#ahead ?? this.#fetch(rows));
    this.#ahead = undefined;
    if (fetched.length === rows) {
      this.#ahead = this.#fetch(rows);
      this.#ahead.catch(() => {});
    } else await guarded(this.#setup, 'the query', 'its end', () => this.#client.query('commit'));
    return fetched;
  }

  close(): void {
    closePostgres(this.#client);
  }

  #fetch(rows: number): Promise<readonly SqlRow[]> {
    const text = `fetch forward ${rows} from chunkwise`;
    return guarded(this.#setup, 'reading', 'rows', async () => {
      const result = await this.#client.query<SqlRow[]>({ text, rowMode: 'array', types: asText });
      return result.rows;
    });
  }

  /** Asks the server what the types are, and those that they are made of. */
  async #learn(oids: readonly FieldDef['dataTypeID'][]): Promise<void> {
    const unknown = oids.filter((oid) => !this.#types.has(oid));
    if (unknown.length === 0) return;
    const { rows } = await this.#client.query<PostgresType>(
      `select oid, typname as name, typtype as kind, typelem as element
      from pg_type where oid = any($1::oid[])`,
      [unknown],
    );
    for (const type of rows) this.#types.set(type.oid, type);
    await this.#learn(rows.map(({ element }) => element).filter((oid) => oid !== 0));
  }
}
