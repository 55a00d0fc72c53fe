/**
 * Chunkwise: streaming dataflow over Apache Arrow batches, with operators that give the same answer however the stream
 * is cut.
 */
export * from '../operators/index.js';
export * from '../sinks/index.js';
export * from '../sources/index.js';
export { type Applied, applyTo } from './apply.js';
export type { AsyncOperator, OpenAsyncOperator } from './async-operator.js';
export { fromColumns, type NewColumn, numbersOf, selectColumns, withColumns } from './batches.js';
export type { Codec } from './cells.js';
export { type CheckpointStore, memoryStore, type SpillFile } from './checkpoint-store.js';
export type { CheckpointOptions } from './checkpointing.js';
export { type Beginning, type Dataflow, dataflow, type Steps } from './dataflow.js';
export {
  type CommonOptions,
  type Definition,
  defineOperator,
  type Law,
  type OperatorMaker,
  type StepBatch,
  type StepContext,
} from './define-operator.js';
export { directoryStore } from './directory-store.js';
export { DataflowError, type ErrorAt, type ErrorCode } from './errors.js';
export type { Flow, Step } from './flow.js';
export type { Identity } from './identity.js';
export { type InWorkerOptions, inWorker, type WorkerModule } from './in-worker/in-worker.js';
export {
  type ArrayType,
  type ArrayTypes,
  atMost,
  bool,
  f32,
  f64,
  i8,
  i32,
  i64,
  startingAt,
  u8,
  u32,
  within,
} from './layout.js';
export type { Live } from './live.js';
export type { OnStepBatch } from './meters.js';
export {
  type Description,
  type Emit,
  isOperator,
  type OpenContext,
  type OpenOperator,
  type Operator,
  type OperatorParts,
  toOperator,
} from './operator.js';
export { finiteNumber, integer, numbers, oneOf, text, truth } from './options.js';
export { type OtelMetricsOptions, otelMetrics } from './otel.js';
export { type KeyedOperator, type KeyedState, type PerKeyOptions, perKey } from './per-key.js';
export type { OnProgress, ProgressState, StepProgress } from './progress.js';
export { nextBelow, nextNormal, nextUint32, nextUnit, randomSlot, seedRandom } from './random.js';
export type { Key } from './read-column.js';
export { type RebatchOptions, rebatch } from './rebatch.js';
export { type RetryPolicy, retried, retryOptions } from './retry.js';
export {
  binary,
  type ColumnView,
  type Id,
  key,
  type ListType,
  list,
  optional,
  type RowType,
  type RowTypes,
  utf8,
  type Varying,
} from './row-types.js';
export type { Report, RunOptions } from './run-options.js';
export type { Sink, SinkWriter } from './sink.js';
export type { Guarantee, Position, Source, Sourced, SourceReading } from './source.js';
export type { State } from './state.js';
export { type BatchFunction, stateless } from './stateless.js';
export { tee } from './tee.js';
export { union } from './union.js';
