/**
 * Rows of a query in the order of a unique key, which is what their position is made of: what all databases that are
 * read by a cursor have in common.
 *
 * 1. The query is asked for the rows behind a key, in its order; a batch has `batchRows` of them.
 * 2. A position is the last row's key. Reading on from it asks for what is behind it, so no row comes twice.
 * 3. A connection that is lost is made anew, behind the last whole batch.
 * 4. With `follow` the query is asked again at its end for keys beyond.
 * 5. A key that is null, or not behind the one before, is CORRUPT_INPUT: rows would be lost when read on from there.
 */
import { keyRefused, optionRange, shown } from '../src/errors.js';
import { integer, text } from '../src/options.js';
import { type Judge, type RetryPolicy, retried, retryOptions } from '../src/retry.js';
import type { Position, Sourced } from '../src/source.js';
import { type ColumnType, type ColumnTypes, columnTypesOption } from './column-type.js';
import { foreignPosition, positionFields } from './position.js';
import { type SqlColumn, type SqlRow, SqlTable } from './sql-columns.js';
import { untilAborted } from './until-aborted.js';

export interface KeyedRowsOptions {
  /** A column of the result that has a value in every row, each another one. Rows come in its order. */
  readonly key: string;
  /** Types of columns that shall have another than the database says, such as `float32[384]` for an array of numbers. */
  readonly schema?: ColumnTypes;
  /** Rows in a batch. 1 … 10,000,000, default 4096. */
  readonly batchRows?: number;
  /** At the end, ask again each `pollMs` milliseconds, 10 … 2^31 − 1, for rows with a key beyond. Default: end. */
  readonly follow?: { readonly pollMs: number };
  /** How often and when a lost connection is made anew. Default: five times in a row, from 100 ms on. */
  readonly retry?: RetryPolicy;
  /** Milliseconds to wait for a connection. 1 … 2^31 − 1, default 10,000. */
  readonly connectTimeoutMs?: number;
}

export interface ResolvedKeyedRows {
  readonly key: string;
  readonly schema: Readonly<Record<string, ColumnType>>;
  readonly batchRows: number;
  readonly follow: { readonly pollMs: number } | undefined;
  readonly retry: RetryPolicy;
  readonly connectTimeoutMs: number;
}

const MOST_MS = 2 ** 31 - 1;

export const keyedRowsOptions = (who: string, options: KeyedRowsOptions): ResolvedKeyedRows => ({
  key: text({ key: options.key }),
  schema: columnTypesOption(options.schema ?? {}),
  batchRows: integer({ batchRows: options.batchRows ?? 4096 }, 1, 10_000_000),
  follow: options.follow && { pollMs: integer({ 'follow.pollMs': options.follow.pollMs }, 10, MOST_MS) },
  retry: retryOptions(who, options.retry),
  connectTimeoutMs: integer({ connectTimeoutMs: options.connectTimeoutMs ?? 10_000 }, 1, MOST_MS),
});

/** A connection that runs one query at a time. */
export interface RowSession {
  /** Asks for the rows whose key is behind `after` (null: all), in the order of the key. */
  begin(after: string | null): Promise<readonly SqlColumn[]>;
  /** The next `rows` rows; fewer, or none, at the end. */
  next(rows: number): Promise<readonly SqlRow[]>;
  /** Lets go of the connection without waiting for what is under way. */
  close(): void;
}

export interface KeyedQuery {
  readonly who: string;
  readonly options: ResolvedKeyedRows;
  readonly connect: (signal: AbortSignal) => Promise<RowSession>;
  /** Tells errors that a new connection may not meet again. */
  readonly isPassing: Judge;
}

export async function* keyedRows(
  query: KeyedQuery,
  from: Position | undefined,
  signal: AbortSignal,
): AsyncGenerator<Sourced> {
  const { batchRows, follow } = query.options;
  const cursor = new KeyedCursor(query, keyAt(query.who, from), signal);
  try {
    for (let isFirst = from === undefined; ; isFirst = false) {
      const sourced = await cursor.next(isFirst);
      if (sourced !== undefined) yield sourced;
      if (sourced?.batch.numRows === batchRows) continue;
      if (follow === undefined) return;
      await untilAborted(new Promise((resolve) => setTimeout(resolve, follow.pollMs)), signal);
    }
  } finally {
    cursor.close();
  }
}

class KeyedCursor {
  readonly #query: KeyedQuery;
  readonly #signal: AbortSignal;
  #session: RowSession | undefined;
  #table: SqlTable | undefined;
  #key: SqlColumn | undefined;
  #keyIndex = 0;
  #isAtWork = false;
  /** The last key, as the database writes it and as a value. */
  #after: string | null;
  #last: unknown;

  constructor(query: KeyedQuery, after: string | null, signal: AbortSignal) {
    this.#query = query;
    this.#after = after;
    this.#signal = signal;
  }

  /** The next batch; undefined where there are no more rows now, unless the columns are to be told. */
  async next(tellsColumns: boolean): Promise<Sourced | undefined> {
    const { who, options, isPassing } = this.#query;
    const rows = await retried(who, options.retry, () => this.#rows(), this.#signal, isPassing);
    if (rows.length === 0 && !tellsColumns) return undefined;
    const batch = this.#table!.batch(rows);
    this.#checkKeys(rows);
    return { batch, next: { key: this.#after } };
  }

  close(): void {
    this.#session?.close();
    this.#session = undefined;
    this.#isAtWork = false;
  }

  async #rows(): Promise<readonly SqlRow[]> {
    const { connect, options } = this.#query;
    try {
      this.#session ??= await connect(this.#signal);
      if (!this.#isAtWork) await untilAborted(this.#begin(this.#session), this.#signal);
      const rows = await untilAborted(this.#session.next(options.batchRows), this.#signal);
      this.#isAtWork = rows.length === options.batchRows;
      return rows;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  async #begin(session: RowSession): Promise<void> {
    const { who, options } = this.#query;
    const columns = await session.begin(this.#after);
    this.#table = new SqlTable(who, columns);
    this.#keyIndex = columns.findIndex(({ name }) => name === options.key);
    this.#key = columns[this.#keyIndex];
    if (this.#key?.keys === undefined) {
      const expected = 'a column of integers, decimals, text, uuids, dates or timestamps';
      throw optionRange(who, 'key', expected, this.#key ? `${options.key}: ${this.#key.type}` : options.key);
    }
    this.#isAtWork = true;
  }

  /** Checks that keys rise, and keeps the last. */
  #checkKeys(rows: readonly SqlRow[]): void {
    const { who, options } = this.#query;
    const { read, keys } = this.#key!;
    const isBehind = distinct[keys!];
    for (let row = 0; row < rows.length; row++) {
      const cell = rows[row]![this.#keyIndex] ?? null;
      if (cell === null) throw keyRefused(who, options.key, row, 'a value', 'null');
      const value = read(cell);
      if (this.#last !== undefined && !isBehind(value as string, this.#last as string)) {
        throw keyRefused(who, options.key, row, `a key behind ${shown(this.#after)}`, shown(cell));
      }
      this.#last = value;
      this.#after = String(cell);
    }
  }
}

const { compare } = new Intl.Collator('und', { sensitivity: 'base' });

/** Whether a key is another than the one before; of numbers, whether it is greater. */
const distinct = {
  numbers: (key: string, last: string) => key > last,
  texts: (key: string, last: string) => key !== last,
  'texts without case': (key: string, last: string) => compare(key.trimEnd(), last.trimEnd()) !== 0,
};

function keyAt(who: string, from: Position | undefined): string | null {
  if (from === undefined) return null;
  const key = positionFields(from)?.key;
  if (key === null || typeof key === 'string') return key;
  throw foreignPosition(who, 'a key', from);
}
