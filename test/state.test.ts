import { describe, expect, it } from 'vitest';
import { linearAttention } from '../operators/index.js';
import { applyTo } from '../src/apply.js';
import { defineOperator } from '../src/define-operator.js';
import { i64, startingAt } from '../src/layout.js';
import { expectError } from './support/errors.js';
import { differences, runningTotal, timesSeen } from './support/fixture-operators.js';
import { batchOf, rowsOf } from './support/rows.js';

const operator = linearAttention({ keyDim: 2, valueDim: 3 });
const { inputs } = operator.description;
const batch = batchOf(inputs, rowsOf(operator.name, inputs, {}, 21, 1));

describe('a state', () => {
  it('from nothing holds what there is before the first row', () => {
    const state = operator.state();
    expect(state.slot('S')).toEqual(new Float32Array(6));
    expect(state.byteLength).toBe(operator.stateBytes);
    expect(state.bytes).toEqual(operator.open().snapshot());
  });

  it('from values holds them, the other slots as at the start', () => {
    const state = operator.state({ S: [1, 2, 3, 4, 5, 6] });
    expect(state.slot('S')).toEqual(Float32Array.of(1, 2, 3, 4, 5, 6));
    expect(state.slot('rows')).toEqual(Float64Array.of(0));
    expect(operator.stateFrom(state.toBytes()).slot('S')).toEqual(state.slot('S'));
  });

  it('takes values of 64 bits, and starts slots where the layout says', () => {
    const counter = defineOperator({
      ...differences.definition,
      name: 'counter',
      layout: () => ({ last: startingAt(i64(2), -1) }),
    })({});
    expect(counter.state().slot('last')).toEqual(BigInt64Array.of(-1n, -1n));
    expect(counter.open().snapshot()).toEqual(counter.state().bytes);
  });

  it('names its slots, and refuses one that it lacks', () => {
    const state = operator.state();
    expect(state.slots).toEqual(['S', 'keys', 'values', 'rows', 'position']);
    const error = expectError('STATE_VERSION', () => state.slot('T'));
    expect(error.message).toContain("slot 'T', expected 'one of S, keys, values, rows, position', got 'T'");
    expect(runningTotal({ dim: 1 }).state().slots).toEqual(['sum', 'rows']);
    expect(timesSeen({ maxNumbers: 1 }).state().slots).toEqual(['numbers']);
  });

  it('refuses values for slots that are unknown or of another size', () => {
    const unknown = expectError('STATE_VERSION', () => operator.state({ T: [1] }));
    expect(unknown.message).toContain("linearAttention: slot 'T', expected 'one of S, keys");
    const short = expectError('STATE_VERSION', () => operator.state({ S: [1, 2] }));
    expect(short.message).toContain("elements of slot 'S', expected 6, got 2");
  });

  it('seen from outside has the open chunk folded in, while its bytes keep the chunk open', () => {
    const { finalState } = applyTo(batch, operator);
    const rows = rowsOf(operator.name, inputs, {}, 21, 1) as Record<'k' | 'v', Float32Array>;
    const sum = new Float64Array(6);
    for (let t = 0; t < 21; t++) {
      for (let i = 0; i < 6; i++) sum[i]! += rows.k[t * 2 + Math.floor(i / 3)]! * rows.v[t * 3 + (i % 3)]!;
    }
    const S = Array.from(finalState.slot('S') as Float32Array);
    for (const [i, value] of sum.entries()) expect(S[i]).toBeCloseTo(value, 5);
    const resumed = applyTo(batch, operator, { initialState: finalState }).finalState;
    expect(resumed.bytes).toEqual(applyTo([batch, batch], operator).finalState.bytes);
  });

  it('that does not merge says so', () => {
    const seen = timesSeen({ maxNumbers: 1 });
    const error = expectError('STATE_VERSION', () => seen.merge(seen.state(), seen.state()));
    expect(error.message).toContain('timesSeen: merge, expected');
  });

  it('merges with none of another operator', () => {
    const other = linearAttention({ keyDim: 2, valueDim: 3, scale: 2 }).state();
    expectError('STATE_VERSION', () => operator.merge(operator.state(), other));
    expectError('STATE_VERSION', () => operator.merge(other, operator.state()));
  });
});
