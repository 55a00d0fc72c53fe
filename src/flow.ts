/**
 * A dataflow's parts: what is run, checkpointed and counted.
 */
import { type AsyncOperator, isAsyncOperator } from './async-operator.js';
import type { Operator } from './operator.js';
import type { Sink } from './sink.js';
import type { Guarantee, Source } from './source.js';

/** One step; its id is how a checkpoint finds its state again. */
export interface Step {
  readonly id: string;
  readonly operator: Operator | AsyncOperator;
}

/** Where batches come from, the steps they take, where they go. */
export interface Flow {
  readonly name: string;
  readonly source: Source;
  readonly steps: readonly Step[];
  readonly sink: Sink;
  /** How often a row takes effect in a run with checkpoints; absent where the source or the sink does not say. */
  readonly guarantee?: Guarantee;
}

/** Every sink that a flow writes to: its own, and those of its steps. */
export const sinksOf = ({ sink, steps }: Pick<Flow, 'sink' | 'steps'>): Sink[] => [
  sink,
  ...steps.flatMap(({ operator }) => (isAsyncOperator(operator) ? (operator.sinks ?? []) : [])),
];

/** Rows and batches that the source has given, their bytes, and rows that it could not give. */
export interface Counts {
  readonly rows: number;
  readonly batches: number;
  readonly bytesIn: number;
  /** Bad rows that were passed over. */
  readonly skipped: number;
  /** Bad rows that went to a sink of their own. */
  readonly rejected: number;
}
