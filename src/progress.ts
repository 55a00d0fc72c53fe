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

/** What is known of the sink. */
type SinkState = Pick<ProgressState, 'inFlight'> & { readonly bytes: number };

export class Progress {
  readonly #listener: OnProgress | undefined;
  readonly #everyMs: number;
  readonly #sink: SinkState;
  readonly #startMs = performance.now();
  #toldMs = Number.NEGATIVE_INFINITY;
  #rows = 0;
  #batches = 0;
  #bytesIn = 0;
  /** What an earlier run had written, for a run that has nothing to do. */
  #bytesOut = 0;
  #fraction: number | undefined;

  constructor(listener: OnProgress | undefined, everyMs: number, sink: SinkState) {
    this.#listener = listener;
    this.#everyMs = everyMs;
    this.#sink = sink;
  }

  /** Source batches so far. */
  get batches(): number {
    return this.#batches;
  }

  get counts(): Counts {
    return { rows: this.#rows, batches: this.#batches, bytesIn: this.#bytesIn };
  }

  /** Goes on from what an earlier run had counted. */
  resume({ rows, batches, bytesIn }: Counts, bytesOut: number): void {
    this.#rows = rows;
    this.#batches = batches;
    this.#bytesIn = bytesIn;
    this.#bytesOut = bytesOut;
  }

  count({ batch, fraction }: Sourced): void {
    this.#rows += batch.numRows;
    this.#batches++;
    this.#bytesIn += batchBytes(batch);
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
      inFlight: this.#sink.inFlight,
      ...(fraction !== undefined && { fraction }),
    };
  }
}
