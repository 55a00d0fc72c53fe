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
  /** Bad rows passed over on the way to this batch, since the one before. */
  readonly skipped?: number;
  /** Bad rows sent to a sink of their own on the way to this batch, since the one before. */
  readonly rejected?: number;
  /** Milliseconds between the newest row's coming into being at its origin and now, where that is known. */
  readonly lagMs?: number;
  /** Rows or messages that wait at the origin behind this batch, where that is known. */
  readonly behind?: number;
}

/**
 * How often a row takes effect though processes are killed and servers fail, where a flow has checkpoints.
 *
 * - `exactly once`: a source reads the same rows again behind a position; a sink takes back, or knows again, what it
 *   was given behind one.
 * - `at least once`: no row is lost, some may come twice.
 * - `at most once`: what was on its way is lost.
 */
export type Guarantee = 'exactly once' | 'at least once' | 'at most once';

/** Batches on their way out of a source. */
export interface SourceReading extends AsyncIterable<Sourced> {
  /**
   * What was read up to `position` is done with: a checkpoint holds it or, in a flow without checkpoints, the sink has
   * it. A broker may forget it now. A run that resumes tells its position first, before the first batch is asked for.
   * Calls do not overlap each other; the last may come after the iteration has ended.
   */
  committed?(position: Position): void | Promise<void>;
  /** Lets go of what `committed` needs. Called once, after its last call, however the run ended. */
  close?(): void | Promise<void>;
}

/**
 * A source is a recipe, not an open file: each `read` starts afresh.
 *
 * - `read(from)` yields the batches behind `from` (undefined: from the start), the same ones in the same cutting
 *   each time, so that a resumed run sees what an uninterrupted one would have seen.
 * - A source that has a schema but no rows yields one batch of zero rows.
 * - It stops waiting when `signal` aborts, and frees what it holds in `finally` (or in `close`).
 */
export interface Source<G extends Guarantee = Guarantee> {
  readonly name: string;
  /** Absent where it is not known. */
  readonly guarantee?: G;
  /** The batches behind `from`; from the start where that is undefined. */
  read(from: Position | undefined, signal: AbortSignal): SourceReading;
}
