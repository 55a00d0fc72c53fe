/**
 * What a sink is: a place that batches go to, whole or not at all, which can be cut back to a position.
 */
import type { RecordBatch } from 'apache-arrow';
import type { Guarantee, Position } from './source.js';

/**
 * An open sink. Calls never overlap. A resolved `write` is the acknowledgement that makes room for the next batch; one
 * that needs no waiting answers nothing, and costs less.
 *
 * - `position()` makes everything written so far durable and says where that ends.
 * - `finish()` makes the output complete and visible (a file is renamed into place).
 * - `abandon(keep)` closes without finishing; with `keep` the partial output stays for a later resume, otherwise it
 *   disappears. After an abort it may come a second later though a call has not answered yet.
 */
export interface SinkWriter {
  /** Takes one batch; resolved (or answered at once) it makes room for the next. */
  write(batch: RecordBatch): void | Promise<void>;
  /** Makes everything written so far durable and says where that ends. */
  position(): Position | Promise<Position>;
  /** Makes the output complete and visible. */
  finish(): void | Promise<void>;
  /** Closes without finishing; with `keep` the partial output stays for a later resume. */
  abandon(keep: boolean): void | Promise<void>;
  /**
   * A checkpoint with this position is kept: nothing before it will be asked for again. A run that resumes tells its
   * position right after opening. Not called behind `finish`, which is the last there is.
   */
  committed?(position: Position): void | Promise<void>;
  /** Bytes written so far, 0 where that means nothing. */
  readonly bytes: number;
}

/**
 * A sink is a recipe: `open(undefined)` starts anew, `open(position)` cuts back to a position it once gave. When `signal`
 * aborts, the run has failed or was aborted: what waits shall stop waiting.
 */
export interface Sink<G extends Guarantee = Guarantee> {
  readonly name: string;
  /** Absent where it is not known. */
  readonly guarantee?: G;
  /**
   * Whether a checkpoint shall be kept right after opening anew, before the first batch, so that whatever the writer makes
   * durable belongs to a position that a later run is given.
   */
  readonly checkpointFirst?: boolean;
  /** Starts anew, or goes on behind a position that it once gave. */
  open(resume: Position | undefined, signal: AbortSignal): SinkWriter | Promise<SinkWriter>;
}
