/**
 * A dataflow's parts: what is run, checkpointed and counted.
 */
import type { Operator } from './operator.js';
import type { Sink } from './sink.js';
import type { Source } from './source.js';

/** One step; its id is how a checkpoint finds its state again. */
export interface Step {
  readonly id: string;
  readonly operator: Operator;
}

/** Where batches come from, the steps they take, where they go. */
export interface Flow {
  readonly name: string;
  readonly source: Source;
  readonly steps: readonly Step[];
  readonly sink: Sink;
}

/** Rows and batches that the source has given, and their bytes. */
export interface Counts {
  readonly rows: number;
  readonly batches: number;
  readonly bytesIn: number;
}
