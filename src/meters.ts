/**
 * What is measured of each step while someone listens: rows, batches, and the time spent in it and in no other.
 */
import type { RecordBatch } from 'apache-arrow';

/** Hears every batch that a step emits, by the step's id, and (undefined) that the source gives. It must be quick. */
export type OnStepBatch = (step: string | undefined, batch: RecordBatch) => void;

/** One step's counts. */
export class Meter {
  rowsIn = 0;
  batchesIn = 0;
  rowsOut = 0;
  batchesOut = 0;
  ms = 0;
  readonly #id: string | undefined;
  readonly #onBatch: OnStepBatch | undefined;

  constructor(id: string | undefined, onBatch: OnStepBatch | undefined) {
    this.#id = id;
    this.#onBatch = onBatch;
  }

  in(batch: RecordBatch): void {
    this.batchesIn++;
    this.rowsIn += batch.numRows;
  }

  /** An asynchronous step has answered to a batch, after so long. */
  took(batch: RecordBatch, ms: number): void {
    this.in(batch);
    this.ms += ms;
  }

  out(batch: RecordBatch): void {
    this.batchesOut++;
    this.rowsOut += batch.numRows;
    this.#onBatch?.(this.#id, batch);
  }
}

export class Meters {
  /** The source's. */
  readonly source: Meter;
  readonly #onBatch: OnStepBatch | undefined;
  readonly #meters = new Map<string, Meter>();
  /** Whose time it is, and since when. */
  #current: Meter | undefined;
  #sinceMs = 0;

  constructor(onBatch: OnStepBatch | undefined) {
    this.#onBatch = onBatch;
    this.source = new Meter(undefined, onBatch);
  }

  of(id: string): Meter {
    const known = this.#meters.get(id);
    if (known !== undefined) return known;
    const meter = new Meter(id, this.#onBatch);
    this.#meters.set(id, meter);
    return meter;
  }

  /** From now on it is the time of this synchronous step; answers whose it was, to be given back. */
  enter(meter: Meter | undefined): Meter | undefined {
    const nowMs = performance.now();
    const before = this.#current;
    if (before !== undefined) before.ms += nowMs - this.#sinceMs;
    this.#sinceMs = nowMs;
    this.#current = meter;
    return before;
  }
}
