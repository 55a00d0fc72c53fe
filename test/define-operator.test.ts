import { describe, expect, it } from 'vitest';
import { lightningAttention } from '../operators/index.js';
import { applyTo } from '../src/apply.js';
import { defineOperator } from '../src/define-operator.js';
import { f32, f64, i32 } from '../src/layout.js';
import { integer } from '../src/options.js';
import { expectError } from './support/errors.js';
import { blockSums, differences, runningTotal, timesSeen } from './support/fixture-operators.js';
import { outputsOf, valuesOf } from './support/outcome.js';
import { batchOf, cutInto } from './support/rows.js';

describe('an operator that a user defines', () => {
  it('with a layout computes over its columns and says what it is', () => {
    const total = runningTotal({ dim: 2 });
    const x = Float64Array.of(1, 10, 2, 20, 3, 30);
    const { batches, finalState } = applyTo(cutInto({ x: f64(2) }, { x }, [1]), total);
    expect(outputsOf(total, batches).total).toEqual(Float64Array.of(1, 10, 3, 30, 6, 60));
    expect(finalState.slot('sum')).toEqual(Float64Array.of(6, 60));
    expect(total.description).toEqual({
      name: 'runningTotal',
      version: 1,
      summary: 'the sum of each element over all rows so far',
      options: '{"dim":2}',
      layout: 'sum f64[2] rows i32[1]',
      inputs: { x: f64(2) },
      outputs: { total: f64(2) },
      columns: { x: 'x', total: 'total' },
    });
    expect(total.stateBytes).toBe(128);
    expect(runningTotal.definition.name).toBe('runningTotal');
  });

  it('with a codec keeps any value, and its own limit', () => {
    const seen = timesSeen({ maxNumbers: 2 });
    const batch = (...ids: number[]) => batchOf({ id: i32() }, { id: Int32Array.from(ids) });
    const { batches, finalState } = applyTo([batch(7, 8, 7), batch(7)], seen);
    expect(outputsOf(seen, batches).times).toEqual(Int32Array.of(1, 1, 2, 3));
    expect(finalState.slot('numbers')).toEqual(Int32Array.of(7, 8));
    expect(finalState.byteLength).toBe(16);
    const error = expectError('LIMIT_EXCEEDED', () => applyTo(batch(9), seen, { initialState: finalState }));
    expect(error.message).toBe('timesSeen: limit maxNumbers, expected at most 2, got more. Raise it.');
  });

  it('that emits batches decides how many rows there are, and speaks once more at the end', () => {
    const sums = blockSums({ blockRows: 2 });
    expect(sums.workspace).toBeUndefined();
    const { batches } = applyTo(cutInto({ x: f32() }, { x: Float32Array.of(1, 2, 3, 4, 5) }, [4]), sums);
    expect(batches.map((batch) => Array.from(valuesOf(batch, 'sum'), Number))).toEqual([[3, 7], [], [5]]);
    for (const batch of batches) expect(batch.schema.names).toEqual(['sum']);
  });

  it('may have constants that follow from its options and scratch of its own', () => {
    const weighted = defineOperator({
      name: 'weighted',
      version: 1,
      summary: 'adds up weighted elements',
      options: { dim: 'elements, 1 … 8' },
      check: (options: { dim: number }) => ({ dim: integer({ dim: options.dim }, 1, 8) }),
      inputs: ({ dim }) => ({ x: f64(dim) }),
      outputs: () => ({ y: f64() }),
      constants: ({ dim }) => ({ weights: Float64Array.from({ length: dim }, (_, i) => 10 ** i) }),
      scratch: ({ dim }) => ({ terms: f64(dim) }),
      step({ options: { dim }, constants: { weights }, scratch: { terms } }, { numRows, x, y }) {
        for (let t = 0; t < numRows; t++) {
          for (let i = 0; i < dim; i++) terms[i] = weights[i]! * x[t * dim + i]!;
          y[t] = terms.reduce((sum, term) => sum + term, 0);
        }
      },
      tolerance: 0,
      examples: [{ dim: 3 }],
    })({ dim: 3 });
    const batch = batchOf({ x: f64(3) }, { x: Float64Array.of(1, 2, 3, 4, 5, 6) });
    expect(outputsOf(weighted, applyTo(batch, weighted).batches).y).toEqual(Float64Array.of(321, 654));
    expect(weighted.stateBytes).toBe(0);
  });

  it('has the inverse that it names', () => {
    const coder = differences({});
    const coded = applyTo(batchOf({ plain: i32() }, { plain: Int32Array.of(5, 7, 4) }), coder);
    expect(outputsOf(coder, coded.batches).coded).toEqual(Int32Array.of(5, 2, -3));
    expect(coder.inverse!().name).toBe('sums');
    expect(runningTotal({ dim: 1 }).inverse).toBeUndefined();
  });
});

describe('what an operator refuses', () => {
  it('is told as <who>: <what>, expected …, got …', () => {
    const messages = [
      [() => runningTotal({ dim: 0 }), 'runningTotal: option dim, expected an integer in 1 … 64, got 0.'],
      [
        () => runningTotal({ dim: 1, size: 2 } as { dim: number }),
        "runningTotal: option 'size', expected one of dim, columns, got 'size'.",
      ],
      [
        () => runningTotal({ dim: 1, columns: { y: 'z' } }),
        "runningTotal: option columns.y, expected a role among x, total, got 'y'.",
      ],
      [() => runningTotal(5 as never), 'runningTotal: option options, expected an object, got 5.'],
    ] as const;
    for (const [make, message] of messages) {
      expect(expectError('OPTION_RANGE', make).message).toBe(message);
    }
  });

  it('names the columns that its options name', () => {
    const total = runningTotal({ dim: 1, columns: { x: 'price', total: 'sum' } });
    const batch = batchOf({ x: f64() }, { x: Float64Array.of(1) });
    const error = expectError('COLUMN_MISSING', () => applyTo(batch, total), { column: 'price' });
    expect(error.message).toBe(
      "runningTotal: column 'price' is missing, expected a column for role x, got columns x. " +
        "Rename a column, or say columns: { x: '…' }.",
    );
    const renamed = batchOf({ x: f64() }, { x: Float64Array.of(1) }, { x: 'price' });
    expect(applyTo(renamed, total).batches[0]!.schema.names).toEqual(['price', 'sum']);
  });

  it('includes more state than an arena can hold, before it is opened for long', () => {
    const wide = lightningAttention({ heads: 1024, keyDim: 4096, valueDim: 4096 });
    const error = expectError('LIMIT_EXCEEDED', () => wide.open());
    expect(error.message).toContain('lightningAttention: limit arena bytes, expected at most ');
  });
});

describe('the columns an operator reads', () => {
  it('may be of a table whose schema changes between batches, in what it does not read', () => {
    const total = runningTotal({ dim: 1 });
    const plain = batchOf({ x: f64() }, { x: Float64Array.of(1) });
    const more = batchOf({ id: i32(), x: f64() }, { id: Int32Array.of(5), x: Float64Array.of(2) });
    const { batches } = applyTo([plain, more, plain], total);
    expect(batches.map(({ schema }) => schema.names.join())).toEqual(['x,total', 'id,x,total', 'x,total']);
    expect(outputsOf(total, batches).total).toEqual(Float64Array.of(1, 3, 4));
  });
});
