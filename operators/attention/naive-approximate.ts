/**
 * The approximate members of the family in float64. Each takes the operator's options and its columns as packed rows,
 * and gives the output columns.
 */
import { nextBelow } from '../../src/random.js';
import type { CausalTensorAttentionOptions } from './causal-tensor-attention.js';
import type { HyperAttentionOptions } from './hyper-attention.js';
import type { KernelizedAttentionOptions } from './kernelized-attention.js';
import { generatorOf, normals, orthogonalNormals } from './normals.js';
import type { TensorAttentionOptions } from './tensor-attention.js';
import type { TensorOptions } from './tensor-options.js';

type Rows = ArrayLike<number>;

interface AttentionColumns {
  /** [T, H*K] */
  readonly q: Rows;
  readonly k: Rows;
  /** [T, H*V] */
  readonly v: Rows;
}

/** The vector of a row's head. */
const vectorOf = (x: Rows, width: number, row: number): number[] =>
  Array.from({ length: width }, (_, i) => x[row * width + i]!);

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);

/** [T, H*K], [T, H*V] */
interface PairColumns {
  readonly q: Rows;
  readonly k1: Rows;
  readonly k2: Rows;
  readonly v1: Rows;
  readonly v2: Rows;
}

export function tensorAttention(options: TensorAttentionOptions, columns: PairColumns) {
  const rows = columns.v1.length / ((options.heads ?? 1) * options.valueDim);
  const from = (i: number) => i - (i % options.maxRows);
  return attendToPairs(options, columns, rows, from, (i) => Math.min(from(i) + options.maxRows, rows));
}

export function causalTensorAttention(options: CausalTensorAttentionOptions, columns: PairColumns) {
  const rows = columns.v1.length / ((options.heads ?? 1) * options.valueDim);
  return attendToPairs(
    options,
    columns,
    rows,
    () => 0,
    (i) => i + 1,
  );
}

/** Row i over all pairs of rows from(i) … to(i) − 1. */
function attendToPairs(
  {
    heads: H = 1,
    keyDim: K,
    valueDim: V,
    scale = 1 / K,
    approximate,
  }: TensorOptions & Partial<CausalTensorAttentionOptions>,
  { q, k1, k2, v1, v2 }: PairColumns,
  rows: number,
  from: (i: number) => number,
  to: (i: number) => number,
) {
  const o = new Float64Array(rows * H * V);
  const weight = (x: number) => (approximate === undefined ? Math.exp(x) : taylor(x, approximate.degree));
  for (let at = 0; at < rows * H; at++) {
    const [i, head] = [Math.floor(at / H), at % H];
    const query = vectorOf(q, K, at);
    const seen = Array.from({ length: to(i) - from(i) }, (_, j) => (from(i) + j) * H + head);
    const sums = new Float64Array(V);
    let total = 0;
    for (const j of seen) {
      const first = vectorOf(k1, K, j).map((x, a) => scale * x * query[a]!);
      const value = vectorOf(v1, V, j);
      for (const l of seen) {
        let x = 0;
        for (let a = 0; a < K; a++) x += first[a]! * k2[l * K + a]!;
        const w = weight(x);
        total += w;
        for (let c = 0; c < V; c++) sums[c]! += w * value[c]! * v2[l * V + c]!;
      }
    }
    for (let c = 0; c < V; c++) o[at * V + c] = sums[c]! / total;
  }
  return { o };
}

/** 1 + x + x^2 / 2! + … + x^degree / degree! */
function taylor(x: number, degree: number): number {
  let sum = 1;
  for (let i = degree; i >= 1; i--) sum = 1 + (x / i) * sum;
  return sum;
}

/** With `causal: false` the weights of all distances -W … W. */
export function kernelizedAttention(
  options: KernelizedAttentionOptions & { readonly causal?: boolean },
  { q, k, v }: AttentionColumns,
) {
  const { heads: H = 1, keyDim: K, valueDim: V, features = 64, rpe, seed = 0, causal = true } = options;
  const { windowRows: W = (rpe.length - 1) / 2, featureMap = 'positive' } = options;
  const { projections = orthogonalNormals(features, K, seed) } = options;
  const phi = (x: number[]) => {
    if (featureMap === 'identity') return x;
    const length = Math.hypot(...x) || 1;
    const rows = Array.from({ length: features }, (_, f) => vectorOf(projections, K, f));
    return rows.map((w) => Math.exp(dot(w, x) / length));
  };
  const T = v.length / (H * V);
  const o = new Float64Array(T * H * V);
  for (let head = 0; head < H; head++) {
    const bias = (distance: number) => rpe[((head * (2 * W + 1)) % rpe.length) + W + distance]!;
    const keys = Array.from({ length: T }, (_, j) => phi(vectorOf(k, K, j * H + head)));
    for (let i = 0; i < T; i++) {
      const query = phi(vectorOf(q, K, i * H + head));
      const sums = new Float64Array(V);
      let total = 0;
      for (let j = Math.max(i - W, 0); j <= Math.min(causal ? i : i + W, T - 1); j++) {
        const weight = Math.exp(bias(j - i)) * dot(query, keys[j]!);
        total += weight;
        for (let c = 0; c < V; c++) sums[c]! += weight * v[(j * H + head) * V + c]!;
      }
      for (let c = 0; c < V; c++) o[(i * H + head) * V + c] = total > 0 ? sums[c]! / total : 0;
    }
  }
  return { o };
}

/** A key and the number of keys that it stands for. */
type Weighted = readonly [key: number, weight: number];

export function hyperAttention(options: HyperAttentionOptions, { q, k, v }: AttentionColumns) {
  const { heads: H = 1, keyDim: K, valueDim: V, maxRows, scale = K ** -0.5, seed = 0 } = options;
  const T = v.length / (H * V);
  const o = new Float64Array(T * H * V);
  const lse = new Float64Array(T * H);
  for (let from = 0, sequence = 1; from < T; from += maxRows, sequence++) {
    const random = generatorOf(seed, sequence);
    const rows = Math.min(maxRows, T - from);
    for (let head = 0; head < H; head++) {
      const rowOf = (i: number) => (from + i) * H + head;
      const headOf = (x: Rows, width: number) =>
        Array.from({ length: rows }, (_, i) => vectorOf(x, width, rowOf(i)));
      const [queries, keys, values] = [headOf(q, K), headOf(k, K), headOf(v, V)];
      for (const [i, seen] of seenBy(options, queries, keys, random, head).entries()) {
        const logits = seen.map(([j, weight]) => scale * dot(queries[i]!, keys[j]!) + Math.log(weight));
        const most = logits.reduce((a, b) => Math.max(a, b));
        const weights = logits.map((logit) => Math.exp(logit - most));
        const sum = weights.reduce((a, b) => a + b);
        seen.forEach(([j], n) => {
          for (let c = 0; c < V; c++) o[rowOf(i) * V + c]! += (weights[n]! / sum) * values[j]![c]!;
        });
        lse[rowOf(i)] = most + Math.log(sum);
      }
    }
  }
  return { o, lse };
}

/** A vector's angular hash: the Gray code of the number whose bits say which projections are positive. */
function hashOf({ keyDim: K, projections = 7, seed = 0 }: HyperAttentionOptions) {
  const directions = typeof projections === 'number' ? normals(K * projections, seed) : projections;
  const P = directions.length / K;
  const direction = (p: number) => Array.from({ length: K }, (_, i) => directions[i * P + p]!);
  return (x: readonly number[]) => {
    let code = 0;
    for (let p = 0; p < P; p++) if (dot(x, direction(p)) > 0) code += 2 ** p;
    return code ^ (code >> 1);
  };
}

/** The keys that each query of a sequence sees. */
function seenBy(
  options: HyperAttentionOptions,
  queries: readonly number[][],
  keys: readonly number[][],
  random: Uint32Array,
  head: number,
): Weighted[][] {
  const { blockRows = 256, sampleRows = 256, exactRows = blockRows } = options;
  const seen = queries.map((): Weighted[] => []);
  const see = (query: number, key: number, weight: number) => seen[query]!.push([key, weight]);
  const hash = hashOf(options);
  const sorted = (x: readonly number[][], from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => ({ row: from + i, hash: hash(x[from + i]!) }))
      .sort((a, b) => a.hash - b.hash)
      .map(({ row }) => row);
  const sample = (rows: number, i: number) =>
    options.samples === undefined ? nextBelow(random, rows) : options.samples[head * sampleRows + i]!;
  const block = (position: number) => Math.floor(position / blockRows);
  const full = (qFrom: number, qTo: number, kFrom: number, kTo: number) => {
    const rows = kTo - kFrom;
    if (qTo - qFrom < exactRows || rows <= blockRows) {
      for (let i = qFrom; i < qTo; i++) for (let j = kFrom; j < kTo; j++) see(i, j, 1);
      return;
    }
    const order = sorted(keys, kFrom, kTo);
    const drawn = Array.from({ length: sampleRows }, (_, i) => sample(rows, i));
    sorted(queries, qFrom, qTo).forEach((query, position) => {
      order.forEach((key, at) => {
        if (block(at) === block(position)) see(query, key, 1);
      });
      for (const at of drawn) if (block(at) !== block(position)) see(query, order[at]!, rows / sampleRows);
    });
  };
  const causal = (from: number, to: number) => {
    if (to - from <= exactRows) {
      for (let i = from; i < to; i++) for (let j = from; j <= i; j++) see(i, j, 1);
      return;
    }
    const middle = from + Math.ceil((to - from) / 2);
    causal(from, middle);
    causal(middle, to);
    full(middle, to, from, middle);
  };
  if (options.causal) causal(0, queries.length);
  else full(0, queries.length, 0, queries.length);
  return seen;
}
