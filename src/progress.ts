/**
 * What a running dataflow counts and tells of itself, and how often.
 */

import { batchBytes } from './columns.js';
import type { Counts } from './flow.js';
import type { Sourced } from './source.js';

export interface ProgressState extends Counts {
  readonly bytesOut: number;
  readonly seconds: number;
  /** Source batches between source and sink. */
  readonly inFlight: number;
  /** How much of the source is read, 0 … 1, where the source knows. */
  readonly fraction?: number;
}

export type OnProgress = (progress: ProgressState) => void;

export class Progress {
  readonly #listener: OnProgress | undefined;
  readonly #everyMs: number;
  readonly #pipeline: Pick<ProgressState, 'inFlight'>;
  readonly #sink: { readonly bytes: number };
  readonly #startMs = performance.now();
  #toldMs = Number.NEGATIVE_INFINITY;
  #rows = 0;
  #batches = 0;
  #bytesIn = 0;
  #skipped = 0;
  #rejected = 0;
  /** What an earlier run had written, for a run that has nothing to do. */
  #bytesOut = 0;
  #fraction: number | undefined;

  constructor(
    listener: OnProgress | undefined,
    everyMs: number,
    pipeline: Pick<ProgressState, 'inFlight'>,
    sink: { readonly bytes: number },
  ) {
    this.#listener = listener;
    this.#everyMs = everyMs;
    this.#pipeline = pipeline;
    this.#sink = sink;
  }

  /** Source batches so far. */
  get batches(): number {
    return this.#batches;
  }

  get counts(): Counts {
    return {
      rows: this.#rows,
      batches: this.#batches,
      bytesIn: this.#bytesIn,
      skipped: this.#skipped,
      rejected: this.#rejected,
    };
  }

  /** Goes on from what an earlier run had counted. */
  resume({ rows, batches, bytesIn, skipped = 0, rejected = 0 }: Counts, bytesOut: number): void {
    this.#rows = rows;
    this.#batches = batches;
    this.#bytesIn = bytesIn;
    this.#skipped = skipped;
    this.#rejected = rejected;
    this.#bytesOut = bytesOut;
  }

  count({ batch, fraction, skipped, rejected }: Sourced): void {
    this.#rows += batch.numRows;
    this.#batches++;
    this.#bytesIn += batchBytes(batch);
    if (skipped !== undefined) this.#skipped += skipped;
    if (rejected !== undefined) this.#rejected += rejected;
    this.#fraction = fraction;
  }

  /** Tells the listener, unless it was told a moment ago. */
  tell(): void {
    if (this.#listener === undefined) return;
    const nowMs = performance.now();
    if (nowMs - this.#toldMs < this.#everyMs) return;
    this.#toldMs = nowMs;
    this.#listener(this.#state());
  }

  /** Tells the last state, whenever the one before was told, and answers it. */
  end(): ProgressState {
    const state = this.#state();
    this.#listener?.(state);
    return state;
  }

  #state(): ProgressState {
    const fraction = this.#fraction;
    return {
      ...this.counts,
      bytesOut: this.#sink.bytes || this.#bytesOut,
      seconds: (performance.now() - this.#startMs) / 1000,
      inFlight: this.#pipeline.inFlight,
      ...(fraction !== undefined && { fraction }),
    };
  }
}
