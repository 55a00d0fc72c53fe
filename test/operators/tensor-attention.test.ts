import { describe, expect, it } from 'vitest';
import { causalTensorAttention, tensorAttention, tensorAttentionError } from '../../operators/index.js';
import * as naive from '../../operators/naive.js';
import type { Operator } from '../../src/operator.js';
import { relativeRmse } from '../support/compare.js';
import { expectError } from '../support/errors.js';
import { run } from '../support/outcome.js';
import { uniform } from '../support/property.js';
import { batchOf, type Rows } from '../support/rows.js';

const sizes = { heads: 2, keyDim: 3, valueDim: 4 };

function rowsOf(n: number, seed: number, bound = 1) {
  const random = uniform(seed);
  const column = (width: number) =>
    Float32Array.from({ length: n * sizes.heads * width }, () => bound * (2 * random() - 1));
  const { keyDim: K, valueDim: V } = sizes;
  return { q: column(K), k1: column(K), k2: column(K), v1: column(V), v2: column(V) };
}

const outputOf = (operator: Operator, rows: Rows) =>
  run(operator, [batchOf(operator.description.inputs as Parameters<typeof batchOf>[0], rows)]).outputs
    .o as Float32Array;

const largest = (x: Float32Array) => x.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

describe('tensorAttention', () => {
  it('equals its reference at logits of several hundred', () => {
    const rows = rowsOf(60, 1, 2);
    const options = { ...sizes, maxRows: 60, scale: 30 };
    const expected = naive.tensorAttention(options, rows).o;
    expect(relativeRmse(outputOf(tensorAttention(options), rows), expected)).toBeLessThan(2e-6);
  });

  it('gives the mean of all products of values where queries are zeros', () => {
    const rows = rowsOf(20, 2);
    rows.q.fill(0);
    const means = [rows.v1, rows.v2].map((v) =>
      Array.from({ length: 8 }, (_, c) => v.reduce((sum, x, i) => sum + (i % 8 === c ? x : 0), 0) / 20),
    );
    const expected = Float64Array.from({ length: 160 }, (_, i) => means[0]![i % 8]! * means[1]![i % 8]!);
    expect(relativeRmse(outputOf(tensorAttention({ ...sizes, maxRows: 20 }), rows), expected)).toBeLessThan(
      1e-6,
    );
  });

  it('is off by no more than it promises where it is approximate', () => {
    for (const [degree, bound] of [
      [2, 0.7],
      [4, 1],
      [8, 1.2],
    ] as const) {
      const rows = rowsOf(50, degree, bound);
      const approximate = { degree, bound };
      const exact = outputOf(tensorAttention({ ...sizes, maxRows: 50 }), rows);
      const got = outputOf(tensorAttention({ ...sizes, maxRows: 50, approximate }), rows);
      const error = tensorAttentionError({ ...sizes, ...approximate });
      const promised = ((2 * error) / (1 - error)) * largest(rows.v1) * largest(rows.v2);
      const off = largest(got.map((x, i) => x - exact[i]!));
      expect(off).toBeLessThan(promised);
      expect(off).toBeGreaterThan(0);
    }
  });

  it('refuses a row more than it has room for', () => {
    const error = expectError('LIMIT_EXCEEDED', () =>
      outputOf(tensorAttention({ ...sizes, maxRows: 9 }), rowsOf(10, 1)),
    );
    expect(error.message).toContain('limit maxRows, expected at most 9');
  });

  it.each([
    ['k1', 1.25],
    ['k2', -1.5],
    ['q', -1.01],
  ] as const)('refuses an entry of %s above the bound, naming both', (role, entry) => {
    const rows = rowsOf(90, 3);
    rows[role][77 * 6 + 4] = entry;
    const approximate = { degree: 4, bound: 1 };
    for (const operator of [
      tensorAttention({ ...sizes, maxRows: 90, approximate }),
      causalTensorAttention({ ...sizes, approximate }),
    ]) {
      const error = expectError('CORRUPT_INPUT', () => outputOf(operator, rows), { row: 77, column: role });
      expect(error.message).toContain(
        `value of column '${role}' in row 77, expected a number in -1 … 1, got ${Math.fround(entry)}`,
      );
    }
  });

  it('refuses products that overflow', () => {
    const rows = rowsOf(10, 1);
    rows.v1.fill(1e30);
    rows.v2.fill(1e30);
    const approximate = { degree: 4, bound: 1 };
    for (const operator of [
      tensorAttention({ ...sizes, maxRows: 10 }),
      tensorAttention({ ...sizes, maxRows: 10, approximate }),
      causalTensorAttention({ ...sizes, approximate }),
    ]) {
      expectError('CORRUPT_INPUT', () => outputOf(operator, rows));
    }
  });

  it.each([
    [{ order: 4 as 3 }, 'order'],
    [{ approximate: { degree: 0, bound: 1 } }, 'approximate.degree'],
    [{ approximate: { degree: 4, bound: 0 } }, 'approximate.bound'],
    [{ approximate: { degree: 4, bound: 1.5 } }, 'approximate.degree'],
    [{ approximate: { degree: 12, bound: 0.5 }, keyDim: 64 }, 'approximate.degree'],
    [{ approximate: null as unknown as { degree: number; bound: number } }, 'approximate'],
    [{ approximate: 3 as unknown as { degree: number; bound: number } }, 'approximate'],
  ])('refuses the options %j', (wrong, name) => {
    const error = expectError('OPTION_RANGE', () => tensorAttention({ ...sizes, maxRows: 10, ...wrong }));
    expect(error.message).toContain(`tensorAttention: option ${name}, `);
  });
});

describe('causalTensorAttention', () => {
  const approximate = { degree: 5, bound: 1 };

  it('gives the last row of a sequence what the whole sequence gives it, head by head', () => {
    const rows = rowsOf(80, 5);
    const whole = outputOf(tensorAttention({ ...sizes, maxRows: 80, approximate }), rows);
    const streamed = outputOf(causalTensorAttention({ ...sizes, approximate }), rows);
    expect(streamed.subarray(79 * 8)).toEqual(whole.subarray(79 * 8));
    const expected = naive.causalTensorAttention({ ...sizes, approximate }, rows).o;
    expect(relativeRmse(streamed, expected)).toBeLessThan(1e-6);
  });

  it('gives the first row the product of its own values', () => {
    const rows = rowsOf(1, 6);
    const got = outputOf(causalTensorAttention({ ...sizes, approximate }), rows);
    expect(
      relativeRmse(
        got,
        rows.v1.map((x, i) => x * rows.v2[i]!),
      ),
    ).toBeLessThan(1e-6);
  });
});

describe('tensorAttentionError', () => {
  it('bounds how far the polynomial is from the exponential function', () => {
    for (const degree of [1, 3, 6]) {
      for (const bound of [0.3, 0.8, 1]) {
        const error = tensorAttentionError({ keyDim: 3, degree, bound });
        for (let x = -(bound ** 3); x <= bound ** 3; x += bound ** 3 / 8) {
          let sum = 0;
          for (let i = degree; i >= 0; i--) sum = i === 0 ? 1 + sum * x : (1 + sum * x) / i;
          expect(Math.abs(sum / Math.exp(x) - 1)).toBeLessThanOrEqual(error * (1 + 1e-9) + 1e-15);
        }
      }
    }
  });
});
