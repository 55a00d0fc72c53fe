/**
 * What the TypeScript twins of chunkwise linear recurrences have in common: the twin of `chunk.h`, row by row in the
 * same order of operations. Float32 sums are rounded by the arrays they are kept in; `Math.fround` rounds on the way.
 */
import { flushNegligible } from './negligible.js';

const { fround } = Math;

/** Decays below this count as 0, so that old rows do not leave slow subnormal numbers behind. */
export const SMALLEST_DECAY = 2 ** -50;

/** One head's state: S [K, V] as of the start of the open chunk, keys [K, C] and values [C, V] of its rows. */
export interface Chunk {
  readonly S: Float32Array;
  readonly keys: Float32Array;
  readonly values: Float32Array;
  readonly K: number;
  readonly V: number;
  readonly C: number;
}

/** A head's part of an array that holds so many floats a head. */
export const floatsOfHead = (h: number, x: Float32Array, floats: number): Float32Array =>
  x.subarray(h * floats, (h + 1) * floats);

export const chunkOfHead = (
  h: number,
  S: Float32Array,
  keys: Float32Array,
  values: Float32Array,
  K: number,
  V: number,
  C: number,
): Chunk => ({
  S: floatsOfHead(h, S, K * V),
  keys: floatsOfHead(h, keys, K * C),
  values: floatsOfHead(h, values, C * V),
  K,
  V,
  C,
});

/** Appends a row to the chunk: the key as a column, the value as it came. */
export function keepRow(
  chunk: Chunk,
  row: number,
  k: Float32Array,
  kRow: number,
  v: Float32Array,
  vRow: number,
): void {
  keepKey(chunk, row, k, kRow);
  keepValue(chunk, row, v, vRow);
}

export function keepKey({ keys, K, C }: Chunk, row: number, k: Float32Array, kRow: number): void {
  for (let key = 0; key < K; key++) keys[key * C + row] = k[kRow + key]!;
}

export function keepValue({ values, V }: Chunk, row: number, v: Float32Array, vRow: number): void {
  for (let i = 0; i < V; i++) values[row * V + i] = v[vRow + i]!;
}

/** scores_j = q . k_j for the chunk's first `count` rows. */
export function scoreRow(
  { keys, K, C }: Chunk,
  count: number,
  q: Float32Array,
  qRow: number,
  scores: Float32Array,
): void {
  scores.fill(0, 0, count);
  for (let key = 0; key < K; key++) addScaled(scores, 0, q[qRow + key]!, keys, key * C, count);
}

/** o = carry (q^T S) + the sum of scores_j v_j over the rows up to this one. */
export function outputRow(
  { S, values, K, V }: Chunk,
  row: number,
  q: Float32Array,
  qRow: number,
  carry: number,
  scores: Float32Array,
  o: Float32Array,
  oRow: number,
): void {
  o.fill(0, oRow, oRow + V);
  for (let key = 0; key < K; key++) addScaled(o, oRow, q[qRow + key]!, S, key * V, V);
  for (let i = 0; i < V; i++) o[oRow + i] = o[oRow + i]! * carry;
  for (let j = 0; j <= row; j++) addScaled(o, oRow, scores[j]!, values, j * V, V);
}

/** keys_kj *= decay_j, from `decay[at]` on. */
export function decayKeys({ keys, K, C }: Chunk, decay: Float32Array, at = 0): void {
  for (let key = 0; key < K; key++) {
    for (let j = 0; j < C; j++) keys[key * C + j] = keys[key * C + j]! * decay[at + j]!;
  }
}

/**
 * S_k = carry S_k + the sum of k_j v_j over the chunk's first `count` rows, whose keys have decayed. What is negligible
 * becomes 0.
 */
export function foldKey({ S, keys, values, V, C }: Chunk, key: number, count: number, carry: number): void {
  const sRow = key * V;
  for (let i = 0; i < V; i++) S[sRow + i] = S[sRow + i]! * carry;
  for (let j = 0; j < count; j++) addScaled(S, sRow, keys[key * C + j]!, values, j * V, V);
  flushNegligible(S, V, sRow);
}

/** y += factor x over n floats. */
export function addScaled(
  y: Float32Array,
  yRow: number,
  factor: number,
  x: Float32Array,
  xRow: number,
  n: number,
): void {
  for (let i = 0; i < n; i++) y[yRow + i] = y[yRow + i]! + fround(factor * x[xRow + i]!);
}
