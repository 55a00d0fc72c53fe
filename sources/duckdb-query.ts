/**
 * DuckDB: the rows of a query.
 */
import type { DuckDBResult, DuckDBValue } from '@duckdb/node-api';
import type { RecordBatch } from 'apache-arrow';
import { cellTexts } from '../sinks/cell-text.js';
import { compactBatch } from '../sinks/compact-data.js';
import { crc32c } from '../src/checksum.js';
import { sliceRows } from '../src/columns.js';
import { optionRange, sourceFailed } from '../src/errors.js';
import { checked, integer, text } from '../src/options.js';
import type { Position, Source, Sourced } from '../src/source.js';
import { duckdbBatches } from './duckdb-batches.js';
import { DuckdbConnection, type DuckdbDatabase, databaseOptions } from './duckdb-database.js';
import { foreignPosition, integersAt } from './position.js';
import { untilAborted } from './until-aborted.js';

export interface DuckdbOptions extends DuckdbDatabase {
  /** Values for the query's parameters: a list for `$1`, `$2` or `?`, an object for `$name`. */
  readonly parameters?: readonly DuckDBValue[] | Readonly<Record<string, DuckDBValue>>;
  /** Rows in a batch. 1 … 10,000,000, default 8192. */
  readonly batchRows?: number;
}

/**
 * The rows of a query, streamed as they are made: `duckdb("select * from 'events/*.parquet' where amount > 0")`. DuckDB reads
 * Parquet, CSV, JSON, its own tables and much more; install `@duckdb/node-api`. Types come as `duckdb-types.ts` says.
 *
 * The position is a count of rows: to go on, the query is run again and they are passed over. So it must give the same rows
 * in the same order each time. DuckDB does as long as nothing is changed meanwhile and the query either reads a file or table
 * from front to back (filters and expressions are fine) or has an `order by` that decides between any two rows; joins,
 * groups and samples alone have no order. A query whose rows are seen to have another order is STATE_VERSION.
 */
export function duckdb(sql: string, options: DuckdbOptions = {}): Source<'exactly once'> {
  const who = 'duckdb';
  const { batchRows, ...database } = checked(who, options, ['parameters'], () => {
    text({ sql });
    parametersOption(options.parameters);
    return {
      ...databaseOptions(options),
      batchRows: integer({ batchRows: options.batchRows ?? 8192 }, 1, 10_000_000),
    };
  });
  return {
    name: who,
    guarantee: 'exactly once',
    async *read(from, signal) {
      const place = placeOf(who, from);
      const open = await DuckdbConnection.open(who, database, sourceFailed);
      const query = new RunningQuery(who, open, signal);
      try {
        yield* rowsBehind(
          who,
          query,
          await query.batches(sql, options.parameters, batchRows),
          place,
          from === undefined,
        );
      } finally {
        await query.stop();
      }
    },
  };
}

/** A query, what is asked of it at the moment, and its result. */
class RunningQuery {
  readonly #who: string;
  readonly #open: DuckdbConnection;
  readonly #signal: AbortSignal;
  #running: Promise<unknown> = Promise.resolve();
  #result: DuckDBResult | undefined;

  constructor(who: string, open: DuckdbConnection, signal: AbortSignal) {
    this.#who = who;
    this.#open = open;
    this.#signal = signal;
  }

  async batches(
    sql: string,
    parameters: DuckdbOptions['parameters'],
    batchRows: number,
  ): Promise<AsyncIterator<RecordBatch, void>> {
    const { connection, duckdb } = this.#open;
    await this.wait(async () => {
      this.#result = await connection.stream(sql, parameters as DuckDBValue[] | undefined);
    });
    return duckdbBatches(duckdb, this.#who, this.#result!, batchRows);
  }

  /** What some work on it comes to, unless it is told to stop before. */
  wait<T>(work: () => Promise<T>): Promise<T> {
    this.#signal.throwIfAborted();
    const running = this.#open.guarded('query', 'its rows', work);
    this.#running = running;
    return untilAborted(running, this.#signal);
  }

  stop(): Promise<void> {
    return this.#open.stop(this.#result, this.#running);
  }
}

/** A row of the result: how many are up to it, and the checksum of its cells. */
interface RowPlace {
  readonly rows: number;
  readonly check: number;
}

async function* rowsBehind(
  who: string,
  query: RunningQuery,
  batches: AsyncIterator<RecordBatch, void>,
  place: RowPlace,
  isFromStart: boolean,
): AsyncGenerator<Sourced> {
  let rows = 0;
  for (;;) {
    const { done, value: batch } = await query.wait(() => batches.next());
    if (done) break;
    const known = Math.min(Math.max(place.rows - rows, 0), batch.numRows);
    if (known > 0 && rows + known === place.rows) refuseOther(who, place, checkOf(batch, known - 1));
    rows += batch.numRows;
    if (known < batch.numRows || (batch.numRows === 0 && isFromStart)) {
      const next = { rows, check: batch.numRows === 0 ? 0 : checkOf(batch, batch.numRows - 1) };
      yield { batch: sliceRows(batch, known, batch.numRows), next };
    }
  }
  if (rows < place.rows) throw foreignPosition(who, `${place.rows} rows or more`, `${rows} rows`);
}

/** A checksum of one row's cells. */
function checkOf(batch: RecordBatch, row: number): number {
  const { data } = compactBatch(sliceRows(batch, row, row + 1));
  const cells = data.children.map((column) => cellTexts(column)(0));
  return crc32c(new TextEncoder().encode(JSON.stringify(cells)));
}

function refuseOther(who: string, { rows, check }: RowPlace, got: number): void {
  if (got === check) return;
  throw foreignPosition(who, `the same row ${rows} as before (say order by)`, 'another');
}

function placeOf(who: string, from: Position | undefined): RowPlace {
  return from === undefined ? { rows: 0, check: 0 } : integersAt(who, from, ['rows', 'check']);
}

function parametersOption(parameters: unknown): void {
  if (parameters === undefined || (parameters !== null && typeof parameters === 'object')) return;
  throw optionRange('', 'parameters', 'a list or an object of values', parameters);
}
