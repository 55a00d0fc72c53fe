/**
 * A step without state: a function of one batch.
 */
import type { RecordBatch } from 'apache-arrow';
import { optionRange } from './errors.js';
import { type Operator, toOperator } from './operator.js';
import { newState } from './state.js';

/** What a batch may become: nothing, one batch, or several. */
export type BatchFunction = (batch: RecordBatch) => RecordBatch | readonly RecordBatch[] | undefined | null;

/**
 * Makes a function of one batch a step: to derive columns, to filter, to look. It must keep nothing between batches;
 * what a step remembers belongs into `defineOperator`, where it is saved.
 */
export function stateless(
  f: BatchFunction,
  { name = f?.name || 'stateless' }: { name?: string } = {},
): Operator {
  if (typeof f !== 'function') throw optionRange('stateless', 'f', 'a function of one batch', f);
  const identity = { name, version: 1, options: '{}', layout: '' };
  const empty = newState(identity, new Uint8Array(), () => ({}));
  return toOperator({
    description: { ...identity, summary: 'a function of each batch', inputs: {}, outputs: {}, columns: {} },
    stateBytes: 0,
    open: () => ({
      step(batch, emit) {
        const result = f(batch);
        if (result === undefined || result === null) return;
        if (Array.isArray(result)) for (const each of result as RecordBatch[]) emit(each);
        else emit(result as RecordBatch);
      },
      flush: () => {},
      snapshot: () => new Uint8Array(),
      restore: () => {},
    }),
    state: () => empty,
    stateFrom: () => empty,
    merge: () => empty,
  });
}
