import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { onlineSoftmax, softmax } from '../../operators/index.js';
import * as naives from '../../operators/naive.js';
import { applyTo } from '../../src/apply.js';
import { f64 } from '../../src/layout.js';
import { expectClose } from '../support/compare.js';
import { expectError } from '../support/errors.js';
import { golden } from '../support/golden.js';
import { run } from '../support/outcome.js';
import { campaign, seeds, uniform } from '../support/property.js';
import { batchOf, cutInto } from '../support/rows.js';

const { NEGATIVE_INFINITY } = Number;

/** Rows of `dim` numbers through softmax, with lse. */
function probabilities(x: ArrayLike<number>, dim: number) {
  const batch = batchOf({ x: f64(dim) }, { x: Float64Array.from(x) });
  return run(softmax({ dim, lse: true }), [batch]).outputs as { p: Float32Array; lse: Float32Array };
}

const normal = (random: () => number) =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

describe('softmax', () => {
  const rows = golden('softmax_rows', 'B,D');

  it('equals PyTorch on rows that overflow, underflow, span a huge range or are masked in part', () => {
    const { p, lse } = probabilities(rows.whole('x'), 1000);
    for (let row = 0; row < 5; row++) {
      const own = (x: ArrayLike<number>) => Array.prototype.slice.call(x, 1000 * row, 1000 * (row + 1));
      expectClose(own(p), own(rows.whole('softmax')), 2e-6, `row ${row}`);
    }
    expectClose(lse, rows.whole('logsumexp'), 2e-6, 'lse');
  });

  it('has a float64 reference that equals PyTorch to 1e-12', () => {
    const { p, lse } = naives.softmax({ dim: 1000 }, { x: rows.whole('x') });
    expectClose(p, rows.whole('softmax'), 1e-12, 'p');
    expectClose(lse, rows.whole('logsumexp'), 1e-12, 'lse');
  });

  it('has the sums that the two-pass algorithm keeps as mantissa and exponent', () => {
    const set = golden('two_pass_softmax', 'B,D');
    const { lse } = probabilities(set.whole('x'), 1003);
    expectClose(lse, set.whole('logsumexp64'), 2e-6, 'lse');
    const sums = set.whole('mantissa_exponent');
    const logarithms = Array.from(lse, (_, row) => Math.log(sums[2 * row]!) + sums[2 * row + 1]! * Math.LN2);
    expectClose(lse, logarithms, 2e-6, 'mantissa and exponent');
  });

  it('equals its reference for any width, wide rows of several segments among them', () => {
    const dims = fc.constantFrom(1, 2, 3, 63, 1000, 4095, 4096, 4097, 20_000);
    fc.assert(
      fc.property(seeds, dims, fc.constantFrom(1, 10, 200), (seed, dim, size) => {
        const random = uniform(seed);
        const x = Float32Array.from({ length: 3 * dim }, () => size * normal(random));
        const { p, lse } = probabilities(x, dim);
        const expected = naives.softmax({ dim }, { x });
        expectClose(p, expected.p, 1e-6, 'p');
        expectClose(lse, expected.lse, 1e-6, 'lse');
      }),
      campaign(2),
    );
  });

  it('gives zeros and -infinity for a row that is masked whole, short or long', () => {
    for (const dim of [3, 5000]) {
      const { p, lse } = probabilities(new Float64Array(2 * dim).fill(NEGATIVE_INFINITY, 0, dim), dim);
      expect(p.subarray(0, dim).every((x) => x === 0)).toBe(true);
      expectClose(p.subarray(dim), new Float64Array(dim).fill(1 / dim), 1e-6, 'the row behind it');
      expect(lse[0]).toBe(NEGATIVE_INFINITY);
    }
  });

  it('names the row of a NaN or +infinity among masked numbers', () => {
    for (const dim of [7, 5000]) {
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
        const x = new Float64Array(9 * dim).fill(NEGATIVE_INFINITY);
        x[4 * dim + 3] = bad;
        expectError('NOT_FINITE', () => probabilities(x, dim), { row: 4, column: 'x' }, `${bad} of ${dim}`);
      }
    }
  });
});

describe('onlineSoftmax', () => {
  const column = (x: ArrayLike<number>) => ({ x: Float64Array.from(x) });
  const outputs = (x: ArrayLike<number>, lengths: readonly number[] = []) =>
    run(onlineSoftmax({}), cutInto({ x: f64() }, column(x), lengths)).outputs as Record<string, Float64Array>;

  it('ends with the log sum of the whole stream', () => {
    const rows = golden('softmax_rows', 'B,D');
    for (let row = 0; row < 5; row++) {
      const x = rows.whole('x').subarray(1000 * row, 1000 * (row + 1));
      const { lse } = outputs(x, [1, 63, 64, 100]);
      expectClose([lse!.at(-1)!], [rows.whole('logsumexp')[row]!], 1e-12, `row ${row}`);
    }
  });

  it('gives weights from which every share of the whole stream follows', () => {
    const x = [3, -1, 800, 2, NEGATIVE_INFINITY, 799];
    const { weight, lse } = outputs(x);
    const { p } = naives.softmax({ dim: x.length }, { x });
    const shares = x.map((_, t) => weight![t]! * Math.exp(lse![t]! - lse!.at(-1)!));
    expectClose(shares, p, 1e-12, 'shares');
  });

  it('gives weight 0 and log sum -infinity as long as every row is masked', () => {
    const { weight, lse } = outputs([NEGATIVE_INFINITY, NEGATIVE_INFINITY, 5]);
    expect(Array.from(weight!)).toEqual([0, 0, 1]);
    expect(Array.from(lse!)).toEqual([NEGATIVE_INFINITY, NEGATIVE_INFINITY, 5]);
  });

  it('names the row of a NaN behind masked rows', () => {
    const bad = batchOf({ x: f64() }, column([1, NEGATIVE_INFINITY, 2, Number.NaN]));
    expectError('NOT_FINITE', () => applyTo(bad, onlineSoftmax({})), { row: 3, column: 'x' });
  });

  it('counts an empty stream as nothing', () => {
    const { finalState } = applyTo([], onlineSoftmax({}));
    expect(finalState.slot('m')).toEqual(Float64Array.of(NEGATIVE_INFINITY));
    expect(finalState.slot('l')).toEqual(Float64Array.of(0));
  });
});
