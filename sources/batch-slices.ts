/**
 * Positions of sources that hold whole batches: the index of a batch and the row inside of it.
 */
import type { RecordBatch } from 'apache-arrow';
import { sliceRows } from '../src/columns.js';
import type { Position, Sourced } from '../src/source.js';
import { foreignPosition, integersAt } from './position.js';

/** Rows that a batch is cut to unless the user says otherwise. */
export const DEFAULT_BATCH_ROWS = 65_536;

/** The next row to be read; `{ batch: n, row: 0 }` behind n batches. */
export interface BatchPosition {
  readonly batch: number;
  readonly row: number;
}

export function batchPosition(who: string, from: Position | undefined): BatchPosition {
  return from === undefined ? { batch: 0, row: 0 } : integersAt(who, from, ['batch', 'row']);
}

/**
 * The rows of batch number `index` from row `from` on, in slices of at most `batchRows` that share its memory.
 * A batch without rows comes as it is.
 */
export function* batchSlices(
  who: string,
  batch: RecordBatch,
  index: number,
  from: number,
  batchRows: number,
): Generator<Sourced> {
  const { numRows } = batch;
  if (from > numRows) throw foreignPosition(who, `a row in 0 … ${numRows} of batch ${index}`, `row ${from}`);
  for (let row = from; row < numRows || row === 0; row += batchRows) {
    const end = row + batchRows;
    const next = end < numRows ? { batch: index, row: end } : { batch: index + 1, row: 0 };
    yield { batch: sliceRows(batch, row, Math.min(end, numRows)), next: { ...next } };
    if (end >= numRows) return;
  }
}

/** The one batch of a source that has a schema and no rows. Behind it nothing is left. */
export const onlyEmpty = (batch: RecordBatch): Sourced => ({ batch, next: { batch: 1, row: 0 } });

/** Refuses a position behind the last of `count` batches. */
export function refuseBeyond(who: string, { batch }: BatchPosition, count: number): void {
  if (batch > Math.max(count, 1)) throw foreignPosition(who, `a batch in 0 … ${count}`, `batch ${batch}`);
}
