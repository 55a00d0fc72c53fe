import { describe, expect, it } from 'vitest';
import { alibi, lowRankBias, mergeAttention } from '../../operators/index.js';
import { expectClose } from '../support/compare.js';
import { expectError } from '../support/errors.js';
import { golden } from '../support/golden.js';
import { uniform } from '../support/property.js';

type Factors = readonly number[];

/** The bias that factors stand for [H, N, M]. */
function product(phiQ: Factors, phiK: Factors, heads: number, rank: number): Float64Array {
  const [N, M] = [phiQ.length / (heads * rank), phiK.length / (heads * rank)];
  return Float64Array.from({ length: heads * N * M }, (_, at) => {
    const [h, i, j] = [Math.floor(at / (N * M)), Math.floor(at / M) % N, at % M];
    let sum = 0;
    for (let r = 0; r < rank; r++)
      sum += phiQ[(i * heads + h) * rank + r]! * phiK[(j * heads + h) * rank + r]!;
    return sum;
  });
}

describe('biases of low rank', () => {
  const set = golden('flashbias_alibi_h4', 'B,T,H,D');

  it('of alibi are those of FlashBias, with the sign that makes far keys count less', () => {
    const { phiQ, phiK, rank } = alibi(set.whole('slope'));
    const rows = (factor: typeof phiQ) => {
      const at = factor as (row: number, head: number) => ArrayLike<number>;
      return Array.from({ length: 33 * 4 }, (_, i) => Array.from(at(Math.floor(i / 4), i % 4))).flat();
    };
    const expected = set.whole('bias').map((x) => -x);
    expectClose(product(rows(phiQ), rows(phiK), 4, rank), expected, 1e-12, 'alibi');
    const published = product(Array.from(set.rows('q_bias', 0)), Array.from(set.rows('k_bias', 0)), 4, 2);
    expectClose(published, set.whole('bias'), 1e-12, 'published factors');
  });

  it('by decomposition find the rank of a matrix and keep it exactly', () => {
    const found = lowRankBias({ matrix: set.whole('bias'), queries: 33, keys: 33, heads: 4, error: 1e-10 });
    expect(found.rank).toBe(2);
    expect(found.error).toBeLessThan(1e-12);
    const got = product(found.phiQ as Factors, found.phiK as Factors, 4, 2);
    expectClose(got, set.whole('bias'), 1e-12, 'decomposed');
  });

  it.each([
    [12, 30],
    [30, 12],
  ])('by decomposition report the error of what they leave out (%d queries, %d keys)', (queries, keys) => {
    const random = uniform(4);
    const matrix = Array.from({ length: 2 * queries * keys }, () => random() - 0.5);
    for (const rank of [1, 5, 12]) {
      const found = lowRankBias({ matrix, queries, keys, heads: 2, rank });
      const got = product(found.phiQ as Factors, found.phiK as Factors, 2, rank);
      const half = matrix.length / 2;
      const errors = [0, 1].map((h) => {
        const own = matrix.slice(h * half, (h + 1) * half);
        const difference = own.map((x, i) => x - got[h * half + i]!);
        return Math.hypot(...difference) / Math.hypot(...own);
      });
      expect(found.error).toBeCloseTo(Math.max(...errors), 12);
    }
    expect(lowRankBias({ matrix, queries, keys, heads: 2, error: 0.5 }).error).toBeLessThanOrEqual(0.5);
  });

  it('refuse a matrix of another size, and a rank that is none', () => {
    expectError('OPTION_RANGE', () => lowRankBias({ matrix: [1, 2, 3], queries: 2, keys: 2 }));
    expectError('OPTION_RANGE', () => lowRankBias({ matrix: [1, 2, 3, 4], queries: 2, keys: 2, rank: 0 }));
  });

  it('of nothing but zeros have rank 1 and no error', () => {
    const { rank, error } = lowRankBias({ matrix: new Float64Array(6), queries: 2, keys: 3 });
    expect([rank, error]).toEqual([1, 0]);
  });
});

describe('mergeAttention', () => {
  it('equals hyper-attn’s merge, in float64 and in float32', () => {
    const set = golden('attention_merge_lse', 'B,H,T,D');
    const part = (i: number) => ({ o: set.whole(`o${i}`), lse: set.whole(`lse${i}`) });
    const merged = mergeAttention(part(1), part(2));
    expectClose(merged.o, set.whole('o'), 1e-12, 'o');
    // The reference has lse1 - log(c + epsilon), c = 1 / (1 + e^(lse2 - lse1)).
    const [lse1, lse2] = [set.whole('lse1'), set.whole('lse2')];
    const withoutEpsilon = set.whole('lse').map((lse, i) => {
      const c = 1 / (1 + Math.exp(lse2[i]! - lse1[i]!));
      return lse + Math.log1p(Number.EPSILON / c);
    });
    expectClose(merged.lse, withoutEpsilon, 1e-12, 'lse');
    const floats = (i: number) => ({
      o: Float32Array.from(set.whole(`o${i}`)),
      lse: Float32Array.from(set.whole(`lse${i}`)),
    });
    const single = mergeAttention(floats(1), floats(2));
    expect(single.o).toBeInstanceOf(Float32Array);
    expectClose(single.o, set.whole('o'), 2e-6, 'o in float32');
  });

  it('refuses parts of different shapes', () => {
    const part = (n: number) => ({ o: new Float32Array(3 * n), lse: new Float32Array(n) });
    expectError('OPTION_RANGE', () => mergeAttention(part(2), part(3)));
  });
});
