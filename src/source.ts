/**
 * What a source is: a place that batches come from, with a position it can seek to.
 */
import type { RecordBatch } from 'apache-arrow';

/** A place in a source or sink, as plain data: it is saved in every checkpoint. */
export type Position =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly Position[]
  | { readonly [key: string]: Position };

/** One batch and the position right behind it. */
export interface Sourced {
  readonly batch: RecordBatch;
  readonly next: Position;
  /** How much of the source is read, 0 … 1, where that is known. */
  readonly fraction?: number;
}

/**
 * A source is a recipe, not an open file: each `read` starts afresh.
 *
 * - `read(from)` yields the batches behind `from` (undefined: from the start), the same ones in the same cutting
 *   each time, so that a resumed run sees what an uninterrupted one would have seen.
 * - A source that has a schema but no rows yields one batch of zero rows.
 * - It stops waiting when `signal` aborts, and frees what it holds in `finally`.
 */
export interface Source {
  readonly name: string;
  read(from: Position | undefined, signal: AbortSignal): AsyncIterable<Sourced>;
}
