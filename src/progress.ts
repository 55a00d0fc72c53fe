/**
 * What a running dataflow counts and tells of itself, and how often.
 */

import type { Checkpointing } from './checkpointing.js';
import { batchBytes } from './columns.js';
import type { Counts, Flow } from './flow.js';
import type { Meters } from './meters.js';
import type { Sourced } from './source.js';

/** What is known of one step, since this run began. */
export interface StepProgress {
  readonly id: string;
  readonly rowsIn: number;
  readonly rowsOut: number;
  readonly batchesIn: number;
  readonly batchesOut: number;
  /** Time spent in this step and in no other; of an asynchronous one, from asking until it answered. */
  readonly seconds: number;
  /** Source batches in front of an asynchronous step or in it, otherwise 0. */
  readonly inFlight: number;
  /** Bytes of its state in the newest checkpoint; before the first, what its layout takes. */
  readonly stateBytes: number;
}

export interface ProgressState extends Counts {
  readonly flow: string;
  readonly bytesOut: number;
  readonly seconds: number;
  /** Source batches between source and sink. */
  readonly inFlight: number;
  /** The steps, in order. */
  readonly steps: readonly StepProgress[];
  /** How much of the source is read, 0 … 1, where the source knows. */
  readonly fraction?: number;
  /** Seconds from a batch's arrival until the sink had all of it: the mean of those since progress was last told. */
  readonly latencySeconds?: number;
  /** Seconds since the newest checkpoint was kept, where there is one. */
  readonly checkpointAgeSeconds?: number;
  /** Milliseconds that the newest row was old when it came, where the source knows. */
  readonly lagMs?: number;
  /** Rows or messages that wait at the source's origin, where it knows. */
  readonly behind?: number;
}

export type OnProgress = (progress: ProgressState) => void;

/** What progress is told of. */
export interface Told {
  readonly flow: Flow;
  readonly pipeline: { readonly inFlight: number; inFlightAt(step: string): number };
  readonly sink: { readonly bytes: number };
  readonly checkpoints: Pick<Checkpointing, 'keptMs' | 'stateBytes'> | undefined;
  readonly meters: Meters | undefined;
}

/** Where nothing happens, a listener still hears so often how old everything is. */
const IDLE_MS = 1000;

export class Progress {
  readonly #listeners: readonly OnProgress[];
  readonly #everyMs: number;
  readonly #told: Told;
  readonly #startMs = performance.now();
  #toldMs = Number.NEGATIVE_INFINITY;
  #timer: ReturnType<typeof setInterval> | undefined;
  #rows = 0;
  #batches = 0;
  #bytesIn = 0;
  #skipped = 0;
  #rejected = 0;
  /** What an earlier run had written, for a run that has nothing to do. */
  #bytesOut = 0;
  #newest: Sourced | undefined;
  /** When the batches in flight came, the oldest first. */
  readonly #arrivedMs: number[] = [];
  #latenciesMs = 0;
  #latencies = 0;

  constructor(listeners: readonly OnProgress[], everyMs: number, told: Told) {
    this.#listeners = listeners;
    this.#everyMs = everyMs;
    this.#told = told;
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

  /** Tells what there is before the first batch, and from now on that nothing happens. */
  begin(): void {
    if (this.#listeners.length === 0) return;
    this.tell();
    this.#timer = setInterval(() => this.tell(), Math.max(IDLE_MS, this.#everyMs));
  }

  count(sourced: Sourced): void {
    const { batch, skipped, rejected } = sourced;
    this.#rows += batch.numRows;
    this.#batches++;
    this.#bytesIn += batchBytes(batch);
    if (skipped !== undefined) this.#skipped += skipped;
    if (rejected !== undefined) this.#rejected += rejected;
    this.#newest = sourced;
    if (this.#told.meters !== undefined) this.#arrivedMs.push(performance.now());
  }

  /** The sink has all of the oldest batch in flight. */
  acknowledge(): void {
    const arrivedMs = this.#arrivedMs.length === 0 ? undefined : this.#arrivedMs.shift();
    if (arrivedMs === undefined) return;
    this.#latenciesMs += performance.now() - arrivedMs;
    this.#latencies++;
  }

  /** Tells the listeners, unless they were told a moment ago. */
  tell(): void {
    if (this.#listeners.length === 0) return;
    const nowMs = performance.now();
    if (nowMs - this.#toldMs < this.#everyMs) return;
    this.#toldMs = nowMs;
    this.#tellAll(this.#state());
  }

  /** Tells the last state, whenever the one before was told, and answers it. */
  end(): ProgressState {
    this.stop();
    const state = this.#state();
    this.#tellAll(state);
    return state;
  }

  /** Tells nothing any more. */
  stop(): void {
    if (this.#timer !== undefined) clearInterval(this.#timer);
  }

  #tellAll(state: ProgressState): void {
    for (const listener of this.#listeners) listener(state);
  }

  #state(): ProgressState {
    const { flow, pipeline, sink, checkpoints } = this.#told;
    const { fraction, lagMs, behind } = this.#newest ?? {};
    const latencySeconds = this.#latencies > 0 ? this.#latenciesMs / this.#latencies / 1000 : undefined;
    this.#latencies = 0;
    this.#latenciesMs = 0;
    const keptMs = checkpoints?.keptMs;
    const checkpointAgeSeconds = keptMs === undefined ? undefined : (performance.now() - keptMs) / 1000;
    return {
      flow: flow.name,
      ...this.counts,
      bytesOut: sink.bytes || this.#bytesOut,
      seconds: (performance.now() - this.#startMs) / 1000,
      inFlight: pipeline.inFlight,
      steps: this.#steps(),
      ...(fraction !== undefined && { fraction }),
      ...(latencySeconds !== undefined && { latencySeconds }),
      ...(checkpointAgeSeconds !== undefined && { checkpointAgeSeconds }),
      ...(lagMs !== undefined && { lagMs }),
      ...(behind !== undefined && { behind }),
    };
  }

  #steps(): StepProgress[] {
    const { flow, pipeline, checkpoints, meters } = this.#told;
    if (meters === undefined) return [];
    return flow.steps.map(({ id, operator }, i) => {
      const { rowsIn, rowsOut, batchesIn, batchesOut, ms } = meters.of(id);
      return {
        id,
        rowsIn,
        rowsOut,
        batchesIn,
        batchesOut,
        seconds: ms / 1000,
        inFlight: pipeline.inFlightAt(id),
        stateBytes: checkpoints?.stateBytes?.[i] ?? operator.stateBytes,
      };
    });
  }
}
