/**
 * The delta rules in float64, a row at a time. Each takes the operator's options, its columns as packed rows, and slots
 * to start from; it gives the output column and the slots after the last row.
 */
import type { DeltaRuleOptions } from './delta-rule.js';
import type { GatedDeltaRuleOptions } from './gated-delta-rule.js';
import type { KimiDeltaAttentionOptions } from './kimi-delta-attention.js';
import type { MatrixColumns } from './naive.js';
import type { Rwkv7Options } from './rwkv7.js';

/** Packed rows besides q, k, v: beta [T, H]. */
export interface DeltaColumns extends MatrixColumns {
  readonly beta: ArrayLike<number>;
}

/** g [T, H] for gatedDeltaRule, [T, H*K] for kimiDeltaAttention. */
export interface GatedDeltaColumns extends DeltaColumns {
  readonly g: ArrayLike<number>;
}

/** Packed rows: r, k, g, a, b [T, H*K], v [T, H*V]. */
export interface Rwkv7Columns {
  readonly r: ArrayLike<number>;
  readonly k: ArrayLike<number>;
  readonly v: ArrayLike<number>;
  readonly g: ArrayLike<number>;
  readonly a: ArrayLike<number>;
  readonly b: ArrayLike<number>;
}

export interface DeltaSlots {
  /** [H, K, V] */
  readonly S?: ArrayLike<number>;
}

export interface DeltaResult {
  /** [T, H*V] */
  readonly o: Float64Array;
  readonly S: Float64Array;
}

export const deltaRule = (
  options: DeltaRuleOptions,
  columns: DeltaColumns,
  initial: DeltaSlots = {},
): DeltaResult => correcting(options, columns, () => 0, initial);

export const gatedDeltaRule = (
  options: GatedDeltaRuleOptions,
  columns: GatedDeltaColumns,
  initial: DeltaSlots = {},
): DeltaResult => correcting(options, columns, (row) => columns.g[row]!, initial);

export const kimiDeltaAttention = (
  options: KimiDeltaAttentionOptions,
  columns: GatedDeltaColumns,
  initial: DeltaSlots = {},
): DeltaResult => correcting(options, columns, (row, i) => columns.g[row * options.keyDim + i]!, initial);

export function rwkv7(
  { keyDim: K, valueDim: V, heads: H = 1, scale = 1 }: Rwkv7Options,
  { r, k, v, g, a, b }: Rwkv7Columns,
  initial: DeltaSlots = {},
): DeltaResult {
  return eachMatrix(H, K, V, v, initial, (S, row, o) => {
    const answer = product(S, K, V, (i) => a[row * K + i]!);
    for (let i = 0; i < K; i++) {
      const c = row * K + i;
      for (let j = 0; j < V; j++) {
        S[i * V + j] = Math.exp(g[c]!) * S[i * V + j]! + b[c]! * answer[j]! + k[c]! * v[row * V + j]!;
      }
    }
    o.set(product(S, K, V, (i) => scale * r[row * K + i]!));
  });
}

/** S = e^g S, u = beta (v - S^T k), S += k u^T, o = scale S^T q; `gate` is g of a row's key dimension. */
function correcting(
  { keyDim: K, valueDim: V, heads: H = 1, scale = K ** -0.5 }: DeltaRuleOptions,
  { q, k, v, beta }: DeltaColumns,
  gate: (row: number, i: number) => number,
  initial: DeltaSlots,
): DeltaResult {
  return eachMatrix(H, K, V, v, initial, (S, row, o) => {
    for (let s = 0; s < K * V; s++) S[s]! *= Math.exp(gate(row, Math.floor(s / V)));
    const found = product(S, K, V, (i) => k[row * K + i]!);
    for (let i = 0; i < K; i++) {
      for (let j = 0; j < V; j++) {
        S[i * V + j]! += k[row * K + i]! * beta[row]! * (v[row * V + j]! - found[j]!);
      }
    }
    o.set(product(S, K, V, (i) => scale * q[row * K + i]!));
  });
}

/** Steps each head's S over its rows: `row` counts vectors, t H + h. */
function eachMatrix(
  H: number,
  K: number,
  V: number,
  v: ArrayLike<number>,
  initial: DeltaSlots,
  step: (S: Float64Array, row: number, o: Float64Array) => void,
): DeltaResult {
  const S = initial.S ? Float64Array.from(initial.S) : new Float64Array(H * K * V);
  const o = new Float64Array(v.length);
  for (let row = 0; row < v.length / V; row++) {
    const h = row % H;
    step(S.subarray(h * K * V, (h + 1) * K * V), row, o.subarray(row * V, (row + 1) * V));
  }
  return { o, S };
}

/** S^T x. */
function product(S: Float64Array, K: number, V: number, x: (i: number) => number): Float64Array {
  const y = new Float64Array(V);
  for (let i = 0; i < K; i++) for (let j = 0; j < V; j++) y[j]! += x(i) * S[i * V + j]!;
  return y;
}
