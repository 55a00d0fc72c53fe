/**
 * A plain RxJS operator as a step of a dataflow.
 */
import type { RecordBatch } from 'apache-arrow';
import { type OperatorFunction, Subject } from 'rxjs';
import { optionRange, stateMismatch } from './errors.js';
import { type Emit, type OpenOperator, type Operator, toOperator } from './operator.js';
import { newState } from './state.js';

/**
 * Runs any synchronous RxJS operator over the batches. Nobody can see what it remembers, so a dataflow that takes
 * checkpoints refuses it: say the same thing with `stateless` or `defineOperator` there.
 */
export function fromRxjs(operator: OperatorFunction<RecordBatch, RecordBatch>): Operator {
  const name = 'rxjs';
  const identity = { name, version: 1, options: '{}', layout: '' };
  const refuse = (): never => {
    const advice = 'Use stateless(batch => …) or defineOperator({…}).';
    throw optionRange(name, 'checkpoint', 'steps whose state can be saved', 'a plain RxJS operator', advice);
  };
  return toOperator({
    description: { ...identity, summary: 'a plain RxJS operator', inputs: {}, outputs: {}, columns: {} },
    stateBytes: 0,
    open: () => open(operator, refuse),
    state: () => newState(identity, new Uint8Array(), () => ({})),
    stateFrom: refuse,
    merge: () => {
      throw stateMismatch(
        name,
        'merge',
        'an operator whose states merge',
        'a plain RxJS operator',
        'Run it in one piece.',
      );
    },
  });
}

function open(operator: OperatorFunction<RecordBatch, RecordBatch>, refuse: () => never): OpenOperator {
  const batches = new Subject<RecordBatch>();
  let emit: Emit | undefined;
  let failure: { error: unknown } | undefined;
  let isOver = false;
  const subscription = batches.pipe(operator).subscribe({
    next: (batch) => {
      if (emit === undefined) failure ??= { error: asynchronous() };
      else emit(batch);
    },
    error: (error: unknown) => {
      failure ??= { error };
    },
    complete: () => {
      isOver = true;
    },
  });
  const work = (target: Emit, push: () => void) => {
    emit = target;
    push();
    emit = undefined;
    if (failure !== undefined) throw failure.error;
  };
  return {
    step: (batch, target) => work(target, () => batches.next(batch)),
    flush(target) {
      work(target, () => batches.complete());
      subscription.unsubscribe();
      if (!isOver) throw asynchronous();
    },
    snapshot: refuse,
    restore: refuse,
  };
}

const asynchronous = () =>
  optionRange(
    'rxjs',
    'operator',
    'one that emits before it returns',
    'one that emits later',
    'Wait in a source or a sink: the steps between them are synchronous.',
  );
