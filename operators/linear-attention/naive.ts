/**
 * The recurrences of this family in float64, a row at a time. Each takes the operator's options, its columns as packed
 * rows, and slots to start from; it gives the output column and the slots after the last row.
 */
import { alibiSlopes, type LightningAttentionOptions } from './lightning-attention.js';
import type { LinearAttentionOptions } from './linear-attention.js';
import type { RetentionOptions } from './retention.js';

/** Packed rows: q, k [T, H*K], v [T, H*V]. */
export interface MatrixColumns {
  readonly q: ArrayLike<number>;
  readonly k: ArrayLike<number>;
  readonly v: ArrayLike<number>;
}

export interface MatrixSlots {
  /** [H, K, V] */
  readonly S?: ArrayLike<number>;
  /** [H, K] */
  readonly z?: ArrayLike<number>;
}

export interface MatrixResult {
  /** [T, H*V] */
  readonly o: Float64Array;
  readonly S: Float64Array;
  readonly z: Float64Array;
}

const featureMaps = {
  identity: (x: number) => x,
  elu1: (x: number) => (x > 0 ? x + 1 : Math.exp(x)),
  relu: (x: number) => Math.max(x, 0),
  exp: Math.exp,
};

export function linearAttention(
  options: LinearAttentionOptions,
  { q, k, v }: MatrixColumns,
  initial: MatrixSlots = {},
): MatrixResult {
  const { heads = 1, keyDim, featureMap = 'identity', normalize = false } = options;
  const phi = featureMaps[featureMap];
  const mapped = { q: Float64Array.from(q, phi), k: Float64Array.from(k, phi), v };
  const lambdas = new Array<number>(heads).fill(1);
  return constantDecay(
    { ...options, scale: options.scale ?? keyDim ** -0.5, lambdas, normalize },
    mapped,
    initial,
  );
}

export function lightningAttention(
  options: LightningAttentionOptions,
  columns: MatrixColumns,
  initial: MatrixSlots = {},
): MatrixResult {
  const { heads = 1, scale = 1 } = options;
  const slopes = options.slopes ?? alibiSlopes(heads);
  const lambdas = Array.from(slopes, (slope) => Math.exp(-slope));
  return constantDecay({ ...options, scale, lambdas }, columns, initial);
}

export function retention(
  options: RetentionOptions,
  columns: MatrixColumns,
  initial: MatrixSlots = {},
): MatrixResult {
  const { heads = 1, keyDim } = options;
  const lambdas = Array.from({ length: heads }, (_, h) => 1 - 2 ** (-5 - h));
  return constantDecay({ ...options, scale: options.scale ?? keyDim ** -0.5, lambdas }, columns, initial);
}

interface Recurrence {
  readonly keyDim: number;
  readonly valueDim: number;
  readonly scale: number;
  readonly lambdas: readonly number[];
  readonly normalize?: boolean;
}

/** S = lambda S + k v^T, z = lambda z + k, o = scale q^T S (divided by scale q^T z + 1e-10). */
function constantDecay(
  { keyDim: K, valueDim: V, scale, lambdas, normalize = false }: Recurrence,
  { q, k, v }: MatrixColumns,
  initial: MatrixSlots,
): MatrixResult {
  const H = lambdas.length;
  const T = q.length / (H * K);
  const S = initial.S ? Float64Array.from(initial.S) : new Float64Array(H * K * V);
  const z = initial.z ? Float64Array.from(initial.z) : new Float64Array(H * K);
  const o = new Float64Array(T * H * V);
  for (let t = 0; t < T; t++) {
    for (let h = 0; h < H; h++) {
      const oRow = (t * H + h) * V;
      let weight = 0;
      for (let i = 0; i < K; i++) {
        const query = q[(t * H + h) * K + i]! * scale;
        const key = k[(t * H + h) * K + i]!;
        const sRow = (h * K + i) * V;
        for (let j = 0; j < V; j++) {
          S[sRow + j] = lambdas[h]! * S[sRow + j]! + key * v[oRow + j]!;
          o[oRow + j]! += query * S[sRow + j]!;
        }
        z[h * K + i] = lambdas[h]! * z[h * K + i]! + key;
        weight += query * z[h * K + i]!;
      }
      if (normalize) for (let j = 0; j < V; j++) o[oRow + j]! /= weight + 1e-10;
    }
  }
  return { o, S, z };
}
