/**
 * MySQL and MariaDB: the rows of a query or table.
 */
import type { Readable } from 'node:stream';
import type { Connection, QueryOptions } from 'mysql2';
import { optionRange, sourceFailed } from '../src/errors.js';
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
import { connectMysql, isPassingMysql } from './mysql-client.js';
import { type MysqlColumn, mysqlColumns } from './mysql-types.js';
import { type NumericAs, refuseUnknown, type SqlRow } from './sql-columns.js';

export interface MysqlOptions extends KeyedRowsOptions {
  /** A URL (`mysql://user@host:3306/db`) or its parts. Default: port 3306 of this machine. */
  readonly connection?: DatabaseConnection;
  /** How `decimal` is read: exactly, as the nearest float64, or as text. Default 'decimal'. */
  readonly numeric?: NumericAs;
}

/**
 * Reads a query, or a table by its name, as the server finds the rows: memory holds two batches, however many there are.
 *
 * Rows come in the order of option `key`, and a position is a row's key: a resumed run asks for the rows behind it. That is
 * exactly once as long as rows behind a position stay as they are; with `follow`, a row that appears with a key below one
 * that was read is never seen, so keys should become visible in their order. Keys of text must differ by more than case,
 * accents and spaces at their end, which most collations do not tell apart. The key should have an index.
 *
 * | MySQL, MariaDB | Arrow |
 * |---|---|
 * | tinyint(1), bit(1) | Bool |
 * | tinyint, smallint, mediumint, int, bigint | Int8, Int16, Int32, Int32, Int64; unsigned: Uint8 … Uint64 |
 * | year | Int16 |
 * | float, double | Float32, Float64 |
 * | decimal(p, s) | Decimal128 up to 38 digits, Decimal256 beyond; see option `numeric` |
 * | char, varchar, text, enum, set, json | Utf8 |
 * | binary, varbinary, blob | Binary |
 * | date, time | DateDay, TimeMicrosecond |
 * | datetime, timestamp | TimestampMicrosecond, the latter with zone UTC |
 *
 * A vector is an array in JSON text that option `schema` calls `float32[n]`. Other types (bit(n), geometry) are COLUMN_TYPE and
 * say what to cast them to. A date with a zero in it, a time that is no time of day, or a tinyint(1) that is neither 0 nor 1
 * is CORRUPT_INPUT, a key that is null or comes twice too. A server that is gone is SOURCE_FAILED once the retries are used
 * up. Needs the package `mysql2`.
 */
export function mysql(query: string | SqlTableName, options: MysqlOptions): Source<'exactly once'> {
  const who = 'mysql';
  const { connection, numeric, ...rows } = checked(who, options, [], () => {
    keyedQuery(query, text({ key: options.key }));
    return {
      ...keyedRowsOptions(who, options),
      connection: connectionOption(options.connection),
      numeric: oneOf({ numeric: options.numeric ?? 'decimal' }, ['decimal', 'float64', 'utf8']),
    };
  });
  const setup = { who, connection, connectTimeoutMs: rows.connectTimeoutMs, failed: sourceFailed };
  const sql = keyedQuery(query, rows.key);
  const how = { numeric, schema: rows.schema, key: rows.key, batchRows: rows.batchRows };
  const connect = async (signal: AbortSignal) =>
    new MysqlRows(setup, await connectMysql(setup, signal), sql, how);
  return {
    name: who,
    guarantee: 'exactly once',
    read: (from, signal) =>
      keyedRows({ who, options: rows, connect, isPassing: isPassingMysql }, from, signal),
  };
}

/** The query for no rows, for all, and for those behind a key that is a value of some type. */
interface KeyedSql {
  readonly none: string;
  readonly all: string;
  readonly behind: (keyAs: string) => string;
}

function keyedQuery(query: string | SqlTableName, keyName: string): KeyedSql {
  const key = identifier(keyName, '`');
  const rows = `select * from ${rowsOf(query, '`')} as source`;
  const value = (keyAs: string) => (keyAs === '' ? '?' : `cast(? as ${keyAs})`);
  return {
    none: `${rows} limit 0`,
    all: `${rows} order by ${key}`,
    behind: (keyAs) => `${rows} where ${key} > ${value(keyAs)} order by ${key}`,
  };
}

interface RowOptions {
  readonly numeric: NumericAs;
  readonly schema: Parameters<typeof mysqlColumns>[2]['schema'];
  readonly key: string;
  readonly batchRows: number;
}

class MysqlRows implements RowSession {
  readonly #setup: DatabaseSetup;
  readonly #client: Connection;
  readonly #sql: KeyedSql;
  readonly #options: RowOptions;
  #rows: Readable | undefined;

  constructor(setup: DatabaseSetup, client: Connection, sql: KeyedSql, options: RowOptions) {
    this.#setup = setup;
    this.#client = client;
    this.#sql = sql;
    this.#options = options;
  }

  begin(after: string | null): Promise<readonly MysqlColumn[]> {
    const { who } = this.#setup;
    return guarded(this.#setup, 'the query', 'a result', async () => {
      const [, fields] = await this.#client.promise().execute(this.#sql.none);
      refuseUnknown(who, this.#options.schema, fields);
      const columns = mysqlColumns(who, fields, this.#options);
      this.#rows = this.#stream(columns, after);
      return columns;
    });
  }

  next(rows: number): Promise<readonly SqlRow[]> {
    return guarded(this.#setup, 'reading', 'rows', () => take(this.#rows!, rows));
  }

  close(): void {
    this.#client.destroy();
  }

  /** Rows as the server sends them; their order by the key is the server's. */
  #stream(columns: readonly MysqlColumn[], after: string | null): Readable {
    const { key, batchRows: highWaterMark } = this.#options;
    const keyAs = columns.find(({ name }) => name === key)?.keyAs;
    if (keyAs === undefined) {
      const expected = 'a column of integers, decimals, text, dates or timestamps';
      throw optionRange(this.#setup.who, 'key', expected, key);
    }
    const sql = after === null ? this.#sql.all : this.#sql.behind(keyAs);
    const query: QueryOptions = { sql, values: after === null ? [] : [after], rowsAsArray: true };
    return this.#client.execute(query).stream({ highWaterMark, objectMode: true }) as unknown as Readable;
  }
}

/** So many rows of the stream; fewer at its end. */
function take(stream: Readable, count: number): Promise<SqlRow[]> {
  const rows: SqlRow[] = [];
  return new Promise((resolve, reject) => {
    const pull = () => {
      for (let row = stream.read(); row !== null; row = stream.read()) {
        rows.push(row);
        if (rows.length === count) return settle();
      }
      if (stream.readableEnded) settle();
    };
    const settle = (error?: Error) => {
      stream.off('readable', pull);
      stream.off('end', pull);
      stream.off('error', settle);
      if (error instanceof Error) reject(error);
      else resolve(rows);
    };
    if (stream.errored) return settle(stream.errored);
    stream.on('readable', pull);
    stream.on('end', pull);
    stream.on('error', settle);
    pull();
  });
}
