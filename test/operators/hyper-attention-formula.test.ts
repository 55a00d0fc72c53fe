/**
 * HyperAttention from the paper's formula, pair by pair in float64, by code that shares nothing with operator or
 * reference: buckets by the recursive order of the published code, samples by PCG32 in whole 64-bit integers.
 *
 *   o = D^-1 A V,  A_ij = w_ij e^(scale q_i . k_j)
 *   w_ij = 1 in the same block, else the samples that fall on j, each worth n / samples
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type HyperAttentionOptions, hyperAttention } from '../../operators/index.js';
import { f32 } from '../../src/layout.js';
import { relativeRmse } from '../support/compare.js';
import { run } from '../support/outcome.js';
import { campaign, seeds, uniform } from '../support/property.js';
import { batchOf } from '../support/rows.js';

const K = 6;
const V = 4;
const SCALE = K ** -0.5;

type Rows = Record<'q' | 'k' | 'v', Float32Array>;

function rowsOf(n: number, seed: number, size = 2): Rows {
  const random = uniform(seed);
  const column = (width: number) => Float32Array.from({ length: n * width }, () => size * (2 * random() - 1));
  return { q: column(K), k: column(K), v: column(V) };
}

type Options = Omit<HyperAttentionOptions, 'keyDim' | 'valueDim' | 'maxRows' | 'projections'> & {
  readonly projections: readonly number[];
};

function attended(options: Options, rows: Rows) {
  const n = rows.v.length / V;
  const operator = hyperAttention({ ...options, keyDim: K, valueDim: V, maxRows: n });
  const { outputs } = run(operator, [batchOf({ q: f32(K), k: f32(K), v: f32(V) }, rows)]);
  return outputs as Record<'o' | 'lse', Float32Array>;
}

/** Buckets so that neighbours differ in one bit: half of them, then the same backwards with the next bit set. */
const bucketOrder = (bits: number): number[] => {
  if (bits === 0) return [0];
  const half = bucketOrder(bits - 1);
  return [...half, ...half.toReversed().map((bucket) => bucket + 2 ** (bits - 1))];
};

const dot = (x: Float32Array, i: number, y: Float32Array, j: number) =>
  Array.from({ length: K }, (_, c) => x[i * K + c]! * y[j * K + c]!).reduce((a, b) => a + b, 0);

/** Places of rows by bucket, rows of one bucket in their order: the number of rows that come before. */
function placesOf(x: Float32Array, from: number, to: number, projections: readonly number[]): number[] {
  const bits = projections.length / K;
  const order = bucketOrder(bits);
  const bucket = (i: number) => {
    const projected = Array.from({ length: bits }, (_, p) =>
      Array.from({ length: K }, (_, c) => x[i * K + c]! * projections[c * bits + p]!).reduce(
        (a, b) => a + b,
        0,
      ),
    );
    return order[projected.reduce((sum, y, p) => sum + (y > 0 ? 2 ** p : 0), 0)]!;
  };
  const buckets = Array.from({ length: to - from }, (_, i) => bucket(from + i));
  return buckets.map(
    (own, i) => buckets.filter((other, j) => other < own || (other === own && j < i)).length,
  );
}

const MASK = 2n ** 64n - 1n;

/** PCG-XSH-RR of the first sequence (stream 1), as its author publishes it. */
function pcg32(seed: number) {
  const increment = 3n;
  let state = 0n;
  const next = () => {
    const old = state;
    state = (old * 6364136223846793005n + increment) & MASK;
    const word = Number((((old >> 18n) ^ old) >> 27n) & 0xffffffffn);
    const turn = Number(old >> 59n);
    return ((word >>> turn) | (word << (-turn & 31))) >>> 0;
  };
  next();
  state = (state + BigInt.asUintN(64, BigInt(seed))) & MASK;
  next();
  return (bound: number) => {
    for (;;) {
      const drawn = next();
      if (drawn >= 2 ** 32 % bound) return drawn % bound;
    }
  };
}

type Weights = number[][];

/** Adds w of the queries from `q0` to below `q1` over the keys from `k0` to below `k1`. */
function addFull(w: Weights, options: Options, rows: Rows, [q0, q1, k0, k1]: readonly number[], draw: Draw) {
  const { blockRows = 256, sampleRows = 256, exactRows = blockRows, projections } = options;
  const n = k1! - k0!;
  const exact = q1! - q0! < exactRows || n <= blockRows;
  const queryPlaces = placesOf(rows.q, q0!, q1!, projections);
  const keyPlaces = placesOf(rows.k, k0!, k1!, projections);
  const drawn = exact ? [] : Array.from({ length: sampleRows }, () => draw(n));
  queryPlaces.forEach((queryPlace, i) => {
    keyPlaces.forEach((keyPlace, j) => {
      const isNear = exact || Math.floor(queryPlace / blockRows) === Math.floor(keyPlace / blockRows);
      const hits = drawn.filter((place) => place === keyPlace).length;
      w[q0! + i]![k0! + j]! += isNear ? 1 : (hits * n) / sampleRows;
    });
  });
}

type Draw = (bound: number) => number;

function addCausal(w: Weights, options: Options, rows: Rows, from: number, to: number, draw: Draw): void {
  const { blockRows = 256, exactRows = blockRows } = options;
  if (to - from <= exactRows) {
    for (let i = from; i < to; i++) for (let j = from; j <= i; j++) w[i]![j] = 1;
    return;
  }
  const middle = Math.ceil((from + to) / 2);
  addCausal(w, options, rows, from, middle, draw);
  addCausal(w, options, rows, middle, to, draw);
  addFull(w, options, rows, [middle, to, from, middle], draw);
}

/** o and the sums D of the formula. */
function formula(options: Options, rows: Rows) {
  const n = rows.v.length / V;
  const w = Array.from({ length: n }, () => new Array<number>(n).fill(0));
  const pcg = pcg32(options.seed ?? 0);
  let taken = 0;
  const draw = (bound: number) => (options.samples === undefined ? pcg(bound) : options.samples[taken++]!);
  if (options.causal) addCausal(w, options, rows, 0, n, draw);
  else addFull(w, options, rows, [0, n, 0, n], draw);
  const A = w.map((row, i) =>
    row.map((weight, j) => (weight === 0 ? 0 : weight * Math.exp(SCALE * dot(rows.q, i, rows.k, j)))),
  );
  const D = A.map((row) => row.reduce((a, b) => a + b, 0));
  const o = A.flatMap((row, i) =>
    Array.from({ length: V }, (_, c) => row.reduce((sum, a, j) => sum + a * rows.v[j * V + c]!, 0) / D[i]!),
  );
  return { o, D };
}

const projectionsFor = (bits: number, seed: number) => {
  const random = uniform(seed);
  return Array.from({ length: bits * K }, () => 2 * random() - 1);
};

const shape = fc.record({
  blockRows: fc.integer({ min: 1, max: 20 }),
  sampleRows: fc.integer({ min: 1, max: 12 }),
  exactRows: fc.integer({ min: 1, max: 20 }),
  bits: fc.integer({ min: 1, max: 7 }),
  seed: seeds,
});

describe('hyperAttention and the formula of the paper', () => {
  it.each([false, true])('agree on blocks and drawn samples, causal: %s', (causal) => {
    fc.assert(
      fc.property(shape, fc.integer({ min: 1, max: 90 }), ({ bits, ...sizes }, n) => {
        const rows = rowsOf(n, n);
        const options = { ...sizes, causal, projections: projectionsFor(bits, n) };
        const got = attended(options, rows);
        const expected = formula(options, rows);
        expect(relativeRmse(got.o, expected.o)).toBeLessThan(1e-6);
        expect(relativeRmse(got.lse, expected.D.map(Math.log))).toBeLessThan(1e-6);
      }),
      campaign(2),
    );
  });

  it('agree on given samples, some of them drawn twice', () => {
    const rows = rowsOf(70, 3);
    const options = {
      blockRows: 9,
      sampleRows: 6,
      samples: [3, 69, 3, 40, 11, 40],
      projections: projectionsFor(4, 1),
    };
    expect(relativeRmse(attended(options, rows).o, formula(options, rows).o)).toBeLessThan(1e-6);
  });
});

/**
 * The mean of n independent estimates lies within 4.5 standard errors of what it estimates, but for 7 in a million of
 * cases (two sides of a normal distribution).
 */
const MOST_ERRORS = 4.5;
const RUNS = 400;

/** By how many standard errors the mean of samples is off. */
function standardErrors(samples: readonly number[], truth: number): number {
  const mean = samples.reduce((a, b) => a + b, 0) / samples.length;
  const variance = samples.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (samples.length - 1);
  return Math.abs(mean - truth) / Math.sqrt(variance / samples.length);
}

describe('the sampled part of hyperAttention', () => {
  it.each([false, true])(
    'is unbiased over many seeds, in the sum of weights and in each entry of the weighted values, causal: %s',
    (causal) => {
      const n = 96;
      const rows = rowsOf(n, 17, 1);
      const options = { blockRows: 8, sampleRows: 12, causal, projections: projectionsFor(3, 5) };
      const truth = formula({ ...options, exactRows: n + 1 }, rows);
      const drawn = Array.from({ length: RUNS }, (_, seed) => attended({ ...options, seed }, rows));
      const deviations = [0, 1].map((quantity) => {
        const amountOf = ({ o, lse }: Record<'o' | 'lse', ArrayLike<number>>, i: number) =>
          quantity === 0 ? Math.exp(lse[i]!) : Math.exp(lse[i]!) * o[i * V + 1]!;
        const exact = { o: truth.o, lse: truth.D.map(Math.log) };
        const sumOver = (from: typeof exact | (typeof drawn)[number]) =>
          Array.from({ length: n }, (_, i) => amountOf(from, i)).reduce((a, b) => a + b, 0);
        return standardErrors(drawn.map(sumOver), sumOver(exact));
      });
      for (const off of deviations) expect(off).toBeLessThan(MOST_ERRORS);
      const spread = drawn.map(({ lse }) => lse[n - 1]!);
      expect(Math.max(...spread)).toBeGreaterThan(Math.min(...spread));
      const lastRow = drawn.map(({ lse }) => Math.exp(lse[n - 1]!));
      expect(standardErrors(lastRow, truth.D[n - 1]!)).toBeLessThan(MOST_ERRORS);
      // The test can fail: a tenth of the residual too much is noticed.
      const biased = drawn.map(({ lse }) => 1.1 * Math.exp(lse[n - 1]!));
      expect(standardErrors(biased, truth.D[n - 1]!)).toBeGreaterThan(MOST_ERRORS);
    },
  );
});
