/**
 * An operator over a table that is already there: no stream, state in, state out.
 */
import { RecordBatch, type Table } from 'apache-arrow';
import { stateFromSnapshot } from './define-operator.js';
import { refuseMismatch } from './identity.js';
import type { Operator } from './operator.js';
import type { State } from './state.js';

export interface Applied<S extends State = State> {
  readonly batches: RecordBatch[];
  readonly finalState: S;
}

/**
 * Runs `operator` over all rows, from `initialState` (made by `op.state`, `op.stateFrom` or an earlier `finalState`)
 * or from the start, and lets it say at the end what it has held back. `finalState` is the state behind the last row,
 * as a checkpoint there would hold it: a later call goes on from it.
 */
export function applyTo<O extends Operator>(
  input: Table | RecordBatch | Iterable<RecordBatch>,
  operator: O,
  { initialState }: { initialState?: State } = {},
): Applied<ReturnType<O['stateFrom']>> {
  const open = operator.open();
  if (initialState !== undefined) {
    refuseMismatch(operator.description.name, operator.description, initialState.identity);
    open.restore(initialState.bytes);
  }
  const batches: RecordBatch[] = [];
  const emit = (batch: RecordBatch) => void batches.push(batch);
  for (const batch of batchesOf(input)) open.step(batch, emit);
  const finalState = stateFromSnapshot(operator, open.snapshot()) as ReturnType<O['stateFrom']>;
  open.flush(emit);
  return { batches, finalState };
}

function batchesOf(input: Table | RecordBatch | Iterable<RecordBatch>): Iterable<RecordBatch> {
  if (input instanceof RecordBatch) return [input];
  return 'batches' in input ? input.batches : input;
}
