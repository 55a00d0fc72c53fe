import type { RecordBatch } from 'apache-arrow';
import { concat, filter, from, map, Subject, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { applyTo } from '../src/apply.js';
import { DataflowError } from '../src/errors.js';
import { isOperator } from '../src/operator.js';
import { fromRxjs } from '../src/rxjs-step.js';
import { expectError } from './support/errors.js';
import { blockSums, runningTotal } from './support/fixture-operators.js';
import { outputsOf, valuesOf } from './support/outcome.js';
import { cutInto } from './support/rows.js';

const total = runningTotal({ dim: 1 });
const rows = (...values: number[]) =>
  cutInto(total.description.inputs, { x: Float64Array.from(values) }, [1, 1, 1, 1]);

/** All that a subscriber sees. */
function watch(observable: { subscribe: (observer: object) => unknown }) {
  const seen = { batches: [] as RecordBatch[], errors: [] as unknown[], completions: 0 };
  observable.subscribe({
    next: (batch: RecordBatch) => seen.batches.push(batch),
    error: (error: unknown) => seen.errors.push(error),
    complete: () => seen.completions++,
  });
  return seen;
}

const totals = (batches: readonly RecordBatch[]) =>
  batches.flatMap((batch) => Array.from(valuesOf(batch, 'total'), Number));

describe('an operator in pipe()', () => {
  it('stands between any others', () => {
    const piped = from(rows(1, 2, 3, 4)).pipe(
      filter((batch) => valuesOf(batch, 'x')[0] !== 3),
      total,
      map((batch) => valuesOf(batch, 'total')[0]),
    );
    const seen: unknown[] = [];
    piped.subscribe((value) => seen.push(value));
    expect(seen).toEqual([1, 3, 7]);
  });

  it('has a state per subscription', () => {
    const piped = from(rows(1, 2)).pipe(total);
    expect(totals(watch(piped).batches)).toEqual([1, 3]);
    expect(totals(watch(piped).batches)).toEqual([1, 3]);
  });

  it('does nothing until somebody subscribes, and stops when nobody does', () => {
    const source = new Subject<RecordBatch>();
    const piped = source.pipe(total);
    expect(source.observed).toBe(false);
    const subscription = piped.subscribe();
    expect(source.observed).toBe(true);
    subscription.unsubscribe();
    expect(source.observed).toBe(false);
  });

  it('hands an error down once, after what came before it, and lets go of its source', () => {
    const source = new Subject<RecordBatch>();
    const seen = watch(source.pipe(total));
    for (const batch of rows(1, Number.NaN, 3)) source.next(batch);
    source.complete();
    expect(totals(seen.batches)).toEqual([1]);
    expect(seen.errors).toHaveLength(1);
    expect(seen.errors[0]).toBeInstanceOf(DataflowError);
    expect((seen.errors[0] as DataflowError).code).toBe('NOT_FINITE');
    expect(seen.completions).toBe(0);
    expect(source.observed).toBe(false);
  });

  it('hands the source’s own error on as it is', () => {
    const lost = new Error('the source is lost');
    const seen = watch(
      concat(
        rows(1),
        throwError(() => lost),
      ).pipe(total),
    );
    expect(totals(seen.batches)).toEqual([1]);
    expect(seen.errors).toEqual([lost]);
  });

  it('emits what it holds back when the stream completes, then completes once', () => {
    const sums = blockSums({ blockRows: 3 });
    const batches = cutInto(sums.description.inputs, { x: Float32Array.of(1, 2, 3, 4) }, [1, 1, 1]);
    const seen = watch(from(batches).pipe(sums));
    expect(outputsOf(sums, seen.batches).sum).toEqual(Float64Array.of(6, 4));
    expect(seen.completions).toBe(1);
    expect(seen.errors).toEqual([]);
  });

  it('is a function that tells what it is', () => {
    expect(isOperator(total)).toBe(true);
    expect(isOperator(map(String))).toBe(false);
    expect(isOperator({ open: () => {}, description: {} })).toBe(false);
    expect(total.name).toBe('runningTotal');
  });
});

describe('fromRxjs', () => {
  it('runs a plain RxJS operator, also one that speaks at the end', () => {
    const step = fromRxjs((batches) => concat(batches.pipe(map((batch) => batch.slice(0, 1))), rows(9)));
    const { batches } = runOpen(step, rows(1, 2));
    expect(batches.map((batch) => valuesOf(batch, 'x')[0])).toEqual([1, 2, 9]);
  });

  it('hands its errors on', () => {
    const failing = fromRxjs(
      map((): RecordBatch => {
        throw new RangeError('not this batch');
      }),
    );
    expect(() => runOpen(failing, rows(1))).toThrow(new RangeError('not this batch'));
  });

  it('cannot be saved, and says what to use instead', () => {
    const step = fromRxjs(map((batch) => batch));
    const error = expectError('OPTION_RANGE', () => applyTo(rows(1), step));
    expect(error.message).toContain('Use stateless(batch => …) or defineOperator({…}).');
    expectError('OPTION_RANGE', () => step.open().restore(new Uint8Array()));
    expectError('STATE_VERSION', () => step.merge(step.state(), step.state()));
  });

  function runOpen(step: ReturnType<typeof fromRxjs>, input: readonly RecordBatch[]) {
    const batches: RecordBatch[] = [];
    const open = step.open();
    for (const batch of input) open.step(batch, (one) => batches.push(one));
    open.flush((one) => batches.push(one));
    return { batches };
  }
});
