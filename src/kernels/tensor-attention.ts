/**
 * Attention to pairs of rows: the twins of `tensor-attention.c`.
 */
import { attendListed, attendScratch } from './attend.js';
import { defineKernels } from './kernel.js';
import { exp32, firstAbove, firstNonFinite } from './math.js';
import { wasm } from './wasm/tensor-attention.js';

const { fround } = Math;

export const tensorScratch = (n: number, K: number, V: number): number =>
  n * (K + 2 + V) + attendScratch(K, V);

/**
 * One row's output o [H V] over all pairs of the first n rows: the mean of v1_j v2_l, weighted by e^(scale sum of
 * q k1_j k2_l).
 *
 * Shapes: q [H K] of the row; k1, k2 [n, H K], v1, v2 [n, H V]; numbers [n] = 0 … n - 1; scratch of `tensorScratch`
 * floats.
 */
export function attendToPairs(
  q: Float32Array,
  k1: Float32Array,
  k2: Float32Array,
  v1: Float32Array,
  v2: Float32Array,
  o: Float32Array,
  numbers: Int32Array,
  scratch: Float32Array,
  n: number,
  H: number,
  K: number,
  V: number,
  scale: number,
): void {
  const products = scratch.subarray(0, n * K);
  const m = scratch.subarray(n * K, n * K + n);
  const l = scratch.subarray(n * K + n, n * K + 2 * n);
  const inner = scratch.subarray(n * K + 2 * n, n * (K + 2 + V));
  const block = scratch.subarray(n * (K + 2 + V));
  const listed = { queries: numbers, queryCount: n, keys: numbers, keyCount: n };
  for (let h = 0; h < H; h++) {
    for (let j = 0; j < n; j++) {
      for (let i = 0; i < K; i++) products[j * K + i] = q[h * K + i]! * k1[(j * H + h) * K + i]!;
    }
    m.fill(Number.NEGATIVE_INFINITY, 0, n);
    l.fill(0, 0, n);
    inner.fill(0, 0, n * V);
    const of = { queryHeads: 1, keyHeads: H, queryHead: 0, keyHead: h };
    const streams = { m, l, o: inner, q: products, k: k2, v: v2, ...of, K, V };
    attendListed(streams, listed, block, scale, 0, false);
    joinRows({ m, l, o: inner, v1 }, o, n, H, V, h);
  }
}

interface Joined {
  readonly m: Float32Array;
  readonly l: Float32Array;
  readonly o: Float32Array;
  readonly v1: Float32Array;
}

/** o = the sum of e^(m_j - M) o_j v1_j over that of e^(m_j - M) l_j, M the largest m. */
function joinRows(inner: Joined, o: Float32Array, n: number, H: number, V: number, h: number): void {
  let highest = Number.NEGATIVE_INFINITY;
  for (let j = 0; j < n; j++) highest = Math.max(highest, inner.m[j]!);
  let weights = 0;
  o.fill(0, h * V, (h + 1) * V);
  for (let j = 0; j < n; j++) {
    const weight = exp32(fround(inner.m[j]! - highest));
    weights = fround(weights + fround(weight * inner.l[j]!));
    for (let c = 0; c < V; c++) {
      const value = fround(inner.o[j * V + c]! * inner.v1[(j * H + h) * V + c]!);
      o[h * V + c]! += fround(weight * value);
    }
  }
  for (let c = h * V; c < (h + 1) * V; c++) o[c] = o[c]! / weights;
}

/** The monomials of K variables up to a degree, each a parent times a variable, and what the powers of q k1 k2 weigh. */
export interface Monomials {
  readonly parents: Int32Array;
  readonly variables: Int32Array;
  /** scale^degree over the product of the exponents' factorials. */
  readonly coefficients: Float64Array;
}

/** (K + degree)! / (K! degree!) */
export function monomialCount(K: number, degree: number): number {
  let count = 1;
  for (let i = 1; i <= degree; i++) count = (count * (K + i)) / i;
  return count;
}

/** By increasing degree; a monomial's variables are in order, so that each is there once. */
export function monomialsUpTo(K: number, degree: number, scale: number): Monomials {
  const all = [{ parent: 0, variable: 0, power: 0, coefficient: 1 }];
  for (let d = 1, from = 0; d <= degree; d++) {
    const to = all.length;
    for (let parent = from; parent < to; parent++) {
      const before = all[parent]!;
      for (let variable = before.variable; variable < K; variable++) {
        const power = variable === before.variable ? before.power + 1 : 1;
        all.push({ parent, variable, power, coefficient: (before.coefficient * scale) / power });
      }
    }
    from = to;
  }
  return {
    parents: Int32Array.from(all, ({ parent }) => parent),
    variables: Int32Array.from(all, ({ variable }) => variable),
    coefficients: Float64Array.from(all, ({ coefficient }) => coefficient),
  };
}

/**
 * Adds T rows to the sums of both streams: monomials of k1 times (v1, 1), and of k2 times (v2, 1).
 *
 * Shapes: sums1, sums2 [H, count, V + 1]; k1, k2 [T, H K], v1, v2 [T, H V]; parents, variables [count]; scratch
 * [count + V + 1].
 */
export function addPairMoments(
  sums1: Float64Array,
  sums2: Float64Array,
  k1: Float32Array,
  k2: Float32Array,
  v1: Float32Array,
  v2: Float32Array,
  parents: Int32Array,
  variables: Int32Array,
  scratch: Float64Array,
  T: number,
  H: number,
  K: number,
  V: number,
  count: number,
): void {
  for (let t = 0; t < T * H; t++) {
    const head = (t % H) * count * (V + 1);
    monomialsOf(k1, t * K, parents, variables, scratch, count);
    addMoments(sums1, head, scratch, v1, t * V, count, V);
    monomialsOf(k2, t * K, parents, variables, scratch, count);
    addMoments(sums2, head, scratch, v2, t * V, count, V);
  }
}

/** o [T, H V] for q [T, H K]: the mean over all pairs that the sums hold, weighted by the polynomial. */
export function readPairMoments(
  sums1: Float64Array,
  sums2: Float64Array,
  q: Float32Array,
  o: Float32Array,
  parents: Int32Array,
  variables: Int32Array,
  coefficients: Float64Array,
  scratch: Float64Array,
  T: number,
  H: number,
  K: number,
  V: number,
  count: number,
): void {
  const totals = scratch.subarray(count, count + V + 1);
  for (let t = 0; t < T * H; t++) {
    const head = (t % H) * count * (V + 1);
    monomialsOf(q, t * K, parents, variables, scratch, count);
    totals.fill(0);
    for (let s = 0; s < count; s++) {
      const weight = coefficients[s]! * scratch[s]!;
      const row = head + s * (V + 1);
      for (let c = 0; c <= V; c++) totals[c]! += weight * (sums1[row + c]! * sums2[row + c]!);
    }
    for (let c = 0; c < V; c++) o[t * V + c] = totals[c]! / totals[V]!;
  }
}

function monomialsOf(
  x: Float32Array,
  row: number,
  parents: Int32Array,
  variables: Int32Array,
  monomials: Float64Array,
  count: number,
): void {
  monomials[0] = 1;
  for (let s = 1; s < count; s++) monomials[s] = monomials[parents[s]!]! * x[row + variables[s]!]!;
}

function addMoments(
  sums: Float64Array,
  at: number,
  monomials: Float64Array,
  v: Float32Array,
  vRow: number,
  count: number,
  V: number,
): void {
  for (let s = 0; s < count; s++) {
    const row = at + s * (V + 1);
    for (let c = 0; c < V; c++) sums[row + c]! += monomials[s]! * v[vRow + c]!;
    sums[row + V]! += monomials[s]!;
  }
}

export const tensorAttentionKernels = defineKernels('tensor-attention', wasm, {
  firstNonFinite,
  firstAbove,
  attendToPairs,
  addPairMoments,
  readPairMoments,
});
