/**
 * Batches kept in memory, for tests, notebooks and small results.
 */
import { type RecordBatch, Table } from 'apache-arrow';
import { sinkFailed } from '../src/errors.js';
import type { Sink, SinkWriter } from '../src/sink.js';

/** A sink that can be read once the run is over. */
export interface Collected extends Sink<'exactly once'> {
  readonly batches: readonly RecordBatch[];
  /** All rows as one table. */
  table(): Table;
}

/**
 * Keeps what arrives, as it is and without a copy. The position is the number of batches: a run of the same process
 * can be resumed, another process has nothing to resume from (SINK_FAILED).
 */
export function collect(): Collected {
  const name = 'collect';
  let batches: RecordBatch[] = [];
  const writer: SinkWriter = {
    bytes: 0,
    write(batch) {
      batches.push(batch);
    },
    position: () => batches.length,
    finish() {},
    abandon(keep) {
      if (!keep) batches = [];
    },
  };
  return {
    name,
    guarantee: 'exactly once',
    get batches() {
      return batches;
    },
    table: () => new Table(batches),
    open(resume = 0) {
      const isHeld =
        Number.isInteger(resume) && (resume as number) >= 0 && (resume as number) <= batches.length;
      if (!isHeld) throw sinkFailed(name, 'position', `a batch in 0 … ${batches.length}`, String(resume));
      batches = batches.slice(0, resume as number);
      return writer;
    },
  };
}
