import type { RecordBatch } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { applyTo } from '../src/apply.js';
import { f64 } from '../src/layout.js';
import { isOperator } from '../src/operator.js';
import { stateless } from '../src/stateless.js';
import { expectError } from './support/errors.js';
import { valuesOf } from './support/outcome.js';
import { cutInto } from './support/rows.js';

const batches = cutInto({ x: f64() }, { x: Float64Array.of(1, 2, 3, 4, 5) }, [2, 2]);
const xs = (emitted: readonly RecordBatch[]) =>
  emitted.map((batch) => Array.from(valuesOf(batch, 'x'), Number));

describe('stateless', () => {
  it('makes of each batch one, several or none', () => {
    const of = (f: Parameters<typeof stateless>[0]) => xs(applyTo(batches, stateless(f)).batches);
    expect(of((batch) => batch.slice(1))).toEqual([[2], [4], []]);
    expect(of((batch) => [batch, batch.slice(0, 1)])).toEqual([[1, 2], [1], [3, 4], [3], [5], [5]]);
    expect(of((batch) => (batch.numRows === 2 ? undefined : batch))).toEqual([[5]]);
    expect(of(() => null)).toEqual([]);
    expect(of(() => [])).toEqual([]);
  });

  it('is an operator without state, named after its function', () => {
    const halve = stateless(function halve(batch) {
      return batch;
    });
    expect(isOperator(halve)).toBe(true);
    expect(halve.name).toBe('halve');
    expect(stateless((batch) => batch, { name: 'as it is' }).name).toBe('as it is');
    expect(stateless((batch) => batch).name).toBe('stateless');
    expect(halve.stateBytes).toBe(0);
    expect(halve.open().snapshot()).toEqual(new Uint8Array());
    expect(halve.merge(halve.state(), halve.state()).byteLength).toBe(0);
    expect(halve.stateFrom(halve.state().toBytes()).byteLength).toBe(0);
  });

  it('lets the function’s errors pass', () => {
    const failing = stateless(() => {
      throw new RangeError('no such batch');
    });
    expect(() => applyTo(batches, failing)).toThrow(new RangeError('no such batch'));
  });

  it('takes a function and nothing else', () => {
    const error = expectError('OPTION_RANGE', () => stateless(5 as never));
    expect(error.message).toBe('stateless: option f, expected a function of one batch, got 5.');
    expectError('OPTION_RANGE', () => stateless(undefined as never));
  });
});
