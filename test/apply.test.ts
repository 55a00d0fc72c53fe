import { Table } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { applyTo } from '../src/apply.js';
import { expectError } from './support/errors.js';
import { blockSums, runningTotal } from './support/fixture-operators.js';
import { outputsOf } from './support/outcome.js';
import { cutInto } from './support/rows.js';

const total = runningTotal({ dim: 1 });
const batches = (...values: number[]) =>
  cutInto(total.description.inputs, { x: Float64Array.from(values) }, [2]);
const totals = (applied: { batches: Parameters<typeof outputsOf>[1] }) =>
  Array.from(outputsOf(total, applied.batches).total as Float64Array);

describe('applyTo', () => {
  it('takes a table, one batch, or any iterable of batches', () => {
    const input = batches(1, 2, 3);
    expect(totals(applyTo(input, total))).toEqual([1, 3, 6]);
    expect(totals(applyTo(new Table(input), total))).toEqual([1, 3, 6]);
    expect(totals(applyTo(new Set(input), total))).toEqual([1, 3, 6]);
    expect(totals(applyTo(input[1]!, total))).toEqual([3]);
    expect(applyTo([], total).batches).toEqual([]);
  });

  it('starts anew each time, or from the state it is given', () => {
    const first = applyTo(batches(1, 2), total);
    expect(totals(applyTo(batches(3), total))).toEqual([3]);
    expect(totals(applyTo(batches(3), total, { initialState: first.finalState }))).toEqual([6]);
    const initialState = total.state({ sum: [10] });
    expect(totals(applyTo(batches(3), total, { initialState }))).toEqual([13]);
    expect(totals(applyTo(batches(3), total, { initialState }))).toEqual([13]);
  });

  it('gives what is held back at the end, and a state from before it was', () => {
    const sums = blockSums({ blockRows: 2 });
    const x = (...values: number[]) => cutInto(sums.description.inputs, { x: Float32Array.from(values) }, []);
    const applied = applyTo(x(1, 2, 3), sums);
    expect(outputsOf(sums, applied.batches).sum).toEqual(Float64Array.of(3, 3));
    const rest = applyTo(x(4), sums, { initialState: applied.finalState });
    expect(outputsOf(sums, rest.batches).sum).toEqual(Float64Array.of(7));
  });

  it('refuses the state of another operator, or of other options', () => {
    const other = runningTotal({ dim: 2 }).state();
    const error = expectError('STATE_VERSION', () => applyTo(batches(1), total, { initialState: other }));
    expect(error.message).toContain('expected \'{"dim":1}\', got \'{"dim":2}\'');
    const foreign = blockSums({ blockRows: 2 }).state();
    expectError('STATE_VERSION', () => applyTo(batches(1), total, { initialState: foreign }));
  });

  it('throws the error of the row that it stops at', () => {
    expectError('NOT_FINITE', () => applyTo(batches(1, 2, 3, Number.NaN), total), { row: 1, column: 'x' });
  });
});
