/**
 * What an asynchronous step is: work that answers later, such as a query in a database or an operator in a thread of its own.
 *
 * It is a border in a dataflow: batches wait in order in front of it, with a credit of its own, and a checkpoint drains it first, so
 * that it stays a point at rest.
 */
import type { RecordBatch } from 'apache-arrow';
import type { Description, OpenContext } from './operator.js';
import type { Sink } from './sink.js';

/** An asynchronous step at work. Calls never overlap. */
export interface OpenAsyncOperator {
  /** What the batch becomes. `signal` aborts when the run has failed or was aborted. */
  step(batch: RecordBatch, signal: AbortSignal): Promise<readonly RecordBatch[]>;
  /** What is still to come after the last batch. */
  flush(signal: AbortSignal): Promise<readonly RecordBatch[]>;
  /** The state after the last batch, as bytes that `restore` takes in another process. Asked at rest only. */
  snapshot(): Promise<Uint8Array>;
  /** Goes on from a state that `snapshot` gave. */
  restore(bytes: Uint8Array): Promise<void>;
  /** A checkpoint with the state that `snapshot` gave last, or that was restored, is kept. */
  committed?(): Promise<void>;
  /** Lets go of threads and connections, however the run ended; called once. */
  close(): Promise<void>;
}

export interface AsyncOperator {
  readonly name: string;
  readonly description: Description;
  /** Bytes of state where they are known before the first row, otherwise 0. */
  readonly stateBytes: number;
  /** The most source batches in it and in front of it, 1 … 1024 (default 2). */
  readonly credit?: number;
  /** Sinks that it writes to besides the dataflow's own: the dataflow's guarantee counts them in. */
  readonly sinks?: readonly Sink[];
  /** Opens it for one run. What takes time to open is opened here without waiting, and waited for in the first call. */
  openAsync(context?: OpenContext): OpenAsyncOperator;
}

export const isAsyncOperator = (value: unknown): value is AsyncOperator =>
  value !== null &&
  (typeof value === 'object' || typeof value === 'function') &&
  'description' in value &&
  'openAsync' in value;
