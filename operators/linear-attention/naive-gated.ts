/**
 * The recurrences with gates in float64, a row at a time. Each takes the operator's options, its columns as packed
 * rows, and slots to start from; it gives the output column and the slots after the last row.
 */
import type { GatedLinearAttentionOptions } from './gated-linear-attention.js';
import type { MatrixColumns } from './naive.js';
import type { Rwkv6Options } from './rwkv6.js';
import type { SimpleGlaOptions } from './simple-gla.js';

/** Packed rows besides q, k, v: g [T, H] or [T, H*K]. */
export interface GatedColumns extends MatrixColumns {
  readonly g: ArrayLike<number>;
}

/** Packed rows: r, k, g [T, H*K], v [T, H*V]. */
export interface Rwkv6Columns extends Omit<GatedColumns, 'q'> {
  readonly r: ArrayLike<number>;
}

export interface GatedSlots {
  /** [H, K, V] */
  readonly S?: ArrayLike<number>;
}

export interface GatedResult {
  /** [T, H*V] */
  readonly o: Float64Array;
  readonly S: Float64Array;
}

export function simpleGla(
  options: SimpleGlaOptions,
  columns: GatedColumns,
  initial: GatedSlots = {},
): GatedResult {
  const scale = options.scale ?? options.keyDim ** -0.5;
  return gatedRecurrence({ ...options, scale, gateWidth: 1 }, columns, initial);
}

export { simpleGla as stateSpaceDuality };

export function gatedLinearAttention(
  options: GatedLinearAttentionOptions,
  columns: GatedColumns,
  initial: GatedSlots = {},
): GatedResult {
  const scale = options.scale ?? options.keyDim ** -0.5;
  return gatedRecurrence({ ...options, scale, gateWidth: options.keyDim }, columns, initial);
}

export function rwkv6(
  options: Rwkv6Options,
  { r, ...columns }: Rwkv6Columns,
  initial: GatedSlots = {},
): GatedResult {
  const { heads = 1, keyDim, scale = 1, bonus = new Float64Array(heads * keyDim) } = options;
  return gatedRecurrence({ ...options, scale, bonus, gateWidth: keyDim }, { q: r, ...columns }, initial);
}

interface Recurrence {
  readonly heads?: number;
  readonly keyDim: number;
  readonly valueDim: number;
  readonly scale: number;
  /** Gates of a head: 1, or one for each key. */
  readonly gateWidth: number;
  /** [H, K]: what a row reads of itself; it then reads the state before it. */
  readonly bonus?: ArrayLike<number>;
}

/** S = e^g S + k v^T, o = scale q^T S; with a bonus u, o = scale q^T (S before the row + u k v^T). */
function gatedRecurrence(
  { heads: H = 1, keyDim: K, valueDim: V, scale, gateWidth, bonus }: Recurrence,
  { q, k, v, g }: GatedColumns,
  initial: GatedSlots,
): GatedResult {
  const T = v.length / (H * V);
  const S = initial.S ? Float64Array.from(initial.S) : new Float64Array(H * K * V);
  const o = new Float64Array(T * H * V);
  for (let row = 0; row < T * H; row++) {
    const h = row % H;
    for (let i = 0; i < K; i++) {
      const query = q[row * K + i]! * scale;
      const key = k[row * K + i]!;
      const gate = Math.exp(g[row * gateWidth + (i % gateWidth)]!);
      for (let j = 0; j < V; j++) {
        const s = (h * K + i) * V + j;
        const before = S[s]!;
        const write = key * v[row * V + j]!;
        S[s] = gate * before + write;
        o[row * V + j]! += query * (bonus ? before + bonus[h * K + i]! * write : S[s]!);
      }
    }
  }
  return { o, S };
}
