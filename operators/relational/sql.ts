/**
 * SQL: a query of DuckDB over each batch, over every so many rows, or over tumbling windows of event time.
 *
 * In      batch  the rows that are asked about, as a table of this name; tables of `tables` and of `database` beside it
 * Out     the query's result, a batch for each time that it is asked
 * State   rows that wait for the rest of theirs
 * Cost    about two milliseconds each time that the query is asked, and what DuckDB takes for it
 * Error   OPTION_RANGE for a query that DuckDB does not take, STEP_FAILED for one that fails over its rows, COLUMN_TYPE for a column
 *         that DuckDB or Arrow cannot hold, LIMIT_EXCEEDED, PACKAGE_MISSING
 * Nulls   as in SQL; of no rows nothing is asked: a batch of none gives the answer's columns, once
 * Differs over batches, the answer depends on how the stream is cut, unless the query looks at each row by itself
 * Source  Raasveldt and Muehleisen, DuckDB: an Embeddable Analytical Database, 2019
 */
import type { AsyncOperator, OpenAsyncOperator } from '../../src/async-operator.js';
import { optionRange } from '../../src/errors.js';
import { canonicalOptions } from '../../src/identity.js';
import { checked, integer, oneOf, text } from '../../src/options.js';
import type { Sink } from '../../src/sink.js';
import { byName } from './columns.js';
import { SqlSession } from './sql-session.js';
import { SqlStep } from './sql-step.js';

/** So many rows each time; the rest at the end. */
export interface SqlRows {
  /** Rows, 1 … 2^31 − 1. */
  readonly rows: number;
}

/** The rows of a window of event time, once it is closed, in the order in which they came. */
export interface SqlWindows {
  /** The column with each row's time: a timestamp, a date, or numbers of milliseconds since 1970. Without nulls. */
  readonly time: string;
  /** The length of a window in milliseconds, 1 … 2^43. `getvariable('window_start')` in the query is where it begins. */
  readonly windowMs: number;
  /** How many milliseconds a row may be behind the latest one before its window closes, 0 … 2^43 (default 0). */
  readonly allowedLatenessMs?: number;
  /** Where late rows go: an error (default), or a sink of their own. */
  readonly late?: 'error' | Sink;
  /** The most rows that wait, 1 … 2^31 − 1 (default 1,000,000). */
  readonly maxRows?: number;
}

export interface SqlOptions {
  /** When the query is asked: for each batch as it comes (default), every so many rows, or for each window of event time. */
  readonly per?: 'batch' | SqlRows | SqlWindows;
  /** Files to ask about besides, by table name: anything that DuckDB reads by its name, such as Parquet, CSV and JSON. Read once. */
  readonly tables?: Readonly<Record<string, string>>;
  /** A DuckDB database whose tables are there too; opened for reading alone. Default: none. */
  readonly database?: string;
  /** DuckDB's threads, 1 … 256 (default 1: with more, the order of rows and of additions may differ from run to run). */
  readonly threads?: number;
  /** DuckDB's own bound on its memory, such as `512MB` (default: what DuckDB takes for right). */
  readonly memoryLimit?: string;
}

/** The options with their defaults. */
export interface CheckedSql {
  readonly query: string;
  readonly per: 'batch' | SqlRows | Required<SqlWindows>;
  readonly tables: Readonly<Record<string, string>>;
  readonly database: string | undefined;
  readonly threads: number;
  readonly memoryLimit: string | undefined;
}

const MOST_MS = 2 ** 43;

/**
 * Asks DuckDB (`@duckdb/node-api`, to be installed beside this package) a query over rows of the stream, which are table `batch`:
 * `sql('select origin, avg(delay) as delay from batch group by origin order by origin', { per: { rows: 10_000 } })`. Errors:
 * OPTION_RANGE at the call, others as in the header.
 */
export function sql(query: string, options: SqlOptions = {}): AsyncOperator {
  const all = checked('sql', options, [], () => check(query, options));
  const late =
    typeof all.per === 'object' && 'late' in all.per && all.per.late !== 'error' ? all.per.late : undefined;
  const shown = canonicalOptions(
    late ? { ...all, per: { ...(all.per as SqlWindows), late: late.name } } : all,
  );
  const identity = { name: 'sql', version: 1, options: shown, layout: '' };
  const summary = 'a query of DuckDB over each batch, every so many rows, or windows of event time';
  return {
    name: 'sql',
    description: { ...identity, summary, inputs: {}, outputs: {}, columns: {} },
    stateBytes: 0,
    ...(late && { sinks: [late] }),
    openAsync: (): OpenAsyncOperator => new SqlStep(all, new SqlSession(all), late),
  };
}

function check(query: unknown, options: SqlOptions): CheckedSql {
  const { per = 'batch', tables, database, memoryLimit } = options;
  return {
    query: text({ query }),
    per: checkPer(per),
    tables:
      tables === undefined ? {} : byName({ tables }, (file, name) => text({ [`tables.${name}`]: file })),
    database: database === undefined ? undefined : text({ database }),
    threads: integer({ threads: options.threads ?? 1 }, 1, 256),
    memoryLimit: memoryLimit === undefined ? undefined : text({ memoryLimit }),
  };
}

function checkPer(per: unknown): CheckedSql['per'] {
  if (per === null || typeof per !== 'object') return oneOf({ per }, ['batch'] as const);
  const names = 'rows' in per ? ['rows'] : ['time', 'windowMs', 'allowedLatenessMs', 'late', 'maxRows'];
  const unknown = Object.keys(per).find((name) => !names.includes(name));
  if (unknown !== undefined) throw optionRange('', `per.${unknown}`, names.join(', '), unknown);
  if ('rows' in per) return { rows: integer({ 'per.rows': per.rows }, 1, 2 ** 31 - 1) };
  const { time, windowMs, allowedLatenessMs = 0, late = 'error', maxRows = 1_000_000 } = per as SqlWindows;
  if (late !== 'error' && typeof late?.open !== 'function') {
    throw optionRange('', 'per.late', "'error' or a sink", late);
  }
  return {
    time: text({ 'per.time': time }),
    windowMs: integer({ 'per.windowMs': windowMs }, 1, MOST_MS),
    allowedLatenessMs: integer({ 'per.allowedLatenessMs': allowedLatenessMs }, 0, MOST_MS),
    late,
    maxRows: integer({ 'per.maxRows': maxRows }, 1, 2 ** 31 - 1),
  };
}
