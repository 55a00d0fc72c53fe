/**
 * What a running dataflow tells of itself, and how often.
 */
import type { Counts } from './checkpoint.js';

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
  readonly #startMs = performance.now();
  #toldMs = Number.NEGATIVE_INFINITY;

  constructor(listener: OnProgress | undefined, everyMs: number) {
    this.#listener = listener;
    this.#everyMs = everyMs;
  }

  /** Tells the listener, unless it was told a moment ago. */
  tell(state: () => Omit<ProgressState, 'seconds'>): void {
    if (this.#listener === undefined) return;
    const nowMs = performance.now();
    if (nowMs - this.#toldMs < this.#everyMs) return;
    this.#toldMs = nowMs;
    this.#listener({ ...state(), seconds: (nowMs - this.#startMs) / 1000 });
  }

  /** Tells the last state, and how many seconds it took. */
  end(state: () => Omit<ProgressState, 'seconds'>): number {
    const seconds = (performance.now() - this.#startMs) / 1000;
    this.#listener?.({ ...state(), seconds });
    return seconds;
  }
}
