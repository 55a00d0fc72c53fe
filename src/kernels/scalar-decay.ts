/**
 * Linear attention with one constant decay a head: S_t = lambda S_(t-1) + k_t v_t^T, o_t = scale q_t^T S_t.
 *
 * The twins of `scalar-decay.c`, row by row in the same order of operations: the bits are equal. Their float32 sums
 * are rounded by the arrays they are kept in; `Math.fround` rounds the products on the way.
 *
 * Shapes, the same for all: S [H, K, V] and z [H, K] as of the start of the open chunk, which began at the last row
 * position divisible by C (16 or 32); keys [H, K, C] and values [H, C, V], the open chunk's rows, the keys transposed;
 * decay from `decayTable`; q, k [T, H K] and v, o [T, H V] packed rows; scratch of `scalarDecayScratch` floats.
 * `position` counts the rows before this call, modulo 256: the caller advances it.
 */
import { defineKernels } from './kernel.js';
import { elu1, expF32, firstAbove, firstNonFinite, relu } from './math.js';
import { FLUSH_ROWS, flushNegligible, SMALLEST_DECAY } from './negligible.js';
import { wasm } from './wasm/scalar-decay.js';

const { fround } = Math;

/** Floats of scratch for the scores of one chunk's rows. */
export const scalarDecayScratch = (C: number): number => C * C;

/** decay [H, C C + C]: a head's decays from row j to row i at [i, j], then those from the chunk's start to each row. */
export function decayTable(lambdas: readonly number[], C: number): Float32Array {
  const headFloats = C * C + C;
  const decay = new Float32Array(lambdas.length * headFloats);
  lambdas.forEach((lambda, head) => {
    const table = decay.subarray(head * headFloats, (head + 1) * headFloats);
    let power = 1;
    for (let distance = 0; distance <= C; distance++) {
      const kept = power < SMALLEST_DECAY ? 0 : power;
      for (let i = distance; i < C; i++) table[i * C + i - distance] = kept;
      if (distance > 0) table[C * C + distance - 1] = kept;
      power *= lambda;
    }
  });
  return decay;
}

/** Appends T rows and writes their outputs o. */
export function scalarDecay(
  S: Float32Array,
  keys: Float32Array,
  values: Float32Array,
  decay: Float32Array,
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  o: Float32Array,
  scratch: Float32Array,
  T: number,
  H: number,
  K: number,
  V: number,
  C: number,
  position: number,
  scale: number,
): void {
  for (let h = 0; h < H; h++) {
    const chunk = chunkOfHead(h, S, undefined, keys, values, decay, K, V, C);
    runHead(chunk, q, k, v, o, scratch, T, H, h, position, fround(scale), 0);
  }
}

/** The same with o_t divided by scale q_t . z_t + epsilon, z_t = lambda z_(t-1) + k_t. */
export function normalizedScalarDecay(
  S: Float32Array,
  z: Float32Array,
  keys: Float32Array,
  values: Float32Array,
  decay: Float32Array,
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  o: Float32Array,
  scratch: Float32Array,
  T: number,
  H: number,
  K: number,
  V: number,
  C: number,
  position: number,
  scale: number,
  epsilon: number,
): void {
  for (let h = 0; h < H; h++) {
    const chunk = chunkOfHead(h, S, z, keys, values, decay, K, V, C);
    runHead(chunk, q, k, v, o, scratch, T, H, h, position, fround(scale), fround(epsilon));
  }
}

/** Folds the open rows in: S is then the matrix after the last row. It ends the stream: the keys are spent by it. */
export function settleScalarDecay(
  S: Float32Array,
  keys: Float32Array,
  values: Float32Array,
  decay: Float32Array,
  H: number,
  K: number,
  V: number,
  C: number,
  position: number,
): void {
  for (let h = 0; h < H; h++) fold(chunkOfHead(h, S, undefined, keys, values, decay, K, V, C), position % C);
}

export function settleNormalizedScalarDecay(
  S: Float32Array,
  z: Float32Array,
  keys: Float32Array,
  values: Float32Array,
  decay: Float32Array,
  H: number,
  K: number,
  V: number,
  C: number,
  position: number,
): void {
  for (let h = 0; h < H; h++) fold(chunkOfHead(h, S, z, keys, values, decay, K, V, C), position % C);
}

export const scalarDecayKernels = defineKernels('scalar-decay', wasm, {
  firstNonFinite,
  firstAbove,
  expF32,
  elu1,
  relu,
  scalarDecay,
  normalizedScalarDecay,
  settleScalarDecay,
  settleNormalizedScalarDecay,
});

/** One head's state. */
interface Chunk {
  readonly S: Float32Array;
  readonly z: Float32Array | undefined;
  readonly keys: Float32Array;
  readonly values: Float32Array;
  readonly decay: Float32Array;
  readonly K: number;
  readonly V: number;
  readonly C: number;
}

function chunkOfHead(
  h: number,
  S: Float32Array,
  z: Float32Array | undefined,
  keys: Float32Array,
  values: Float32Array,
  decay: Float32Array,
  K: number,
  V: number,
  C: number,
): Chunk {
  const ofHead = (x: Float32Array, floats: number) => x.subarray(h * floats, (h + 1) * floats);
  return {
    S: ofHead(S, K * V),
    z: z && ofHead(z, K),
    keys: ofHead(keys, K * C),
    values: ofHead(values, C * V),
    decay: ofHead(decay, C * C + C),
    K,
    V,
    C,
  };
}

function runHead(
  chunk: Chunk,
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  o: Float32Array,
  scores: Float32Array,
  T: number,
  H: number,
  h: number,
  position: number,
  scale: number,
  epsilon: number,
): void {
  const { S, z, K, V, C } = chunk;
  for (let t = 0; t < T; t++) {
    const row = (position + t) % C;
    const qRow = (t * H + h) * K;
    const vRow = (t * H + h) * V;
    keepRow(chunk, row, k, qRow, v, vRow);
    scoreRow(chunk, row, q, qRow, scores, scale);
    outputRow(chunk, row, q, qRow, scores, o, vRow, scale);
    if (z !== undefined) normalizeRow(chunk, z, row, q, qRow, scores, o, vRow, scale, epsilon);
    if (row === C - 1) fold(chunk, C);
    if ((position + t + 1) % FLUSH_ROWS === 0) {
      flushNegligible(S, K * V);
      if (z !== undefined) flushNegligible(z, K);
    }
  }
}

function keepRow(
  chunk: Chunk,
  row: number,
  k: Float32Array,
  kRow: number,
  v: Float32Array,
  vRow: number,
): void {
  const { keys, values, K, V, C } = chunk;
  for (let key = 0; key < K; key++) keys[key * C + row] = k[kRow + key]!;
  for (let i = 0; i < V; i++) values[row * V + i] = v[vRow + i]!;
}

/** scores_j = D_j scale (q . k_j) for the chunk's rows up to this one. */
function scoreRow(
  chunk: Chunk,
  row: number,
  q: Float32Array,
  qRow: number,
  scores: Float32Array,
  scale: number,
): void {
  const { keys, decay, K, C } = chunk;
  scores.fill(0, 0, row + 1);
  for (let key = 0; key < K; key++) addScaled(scores, 0, q[qRow + key]!, keys, key * C, row + 1);
  for (let j = 0; j <= row; j++) scores[j] = scores[j]! * fround(decay[row * C + j]! * scale);
}

/** o = carry scale (q^T S) + the sum of scores_j v_j. */
function outputRow(
  chunk: Chunk,
  row: number,
  q: Float32Array,
  qRow: number,
  scores: Float32Array,
  o: Float32Array,
  oRow: number,
  scale: number,
): void {
  const { S, values, decay, K, V, C } = chunk;
  const carry = fround(decay[C * C + row]! * scale);
  o.fill(0, oRow, oRow + V);
  for (let key = 0; key < K; key++) addScaled(o, oRow, q[qRow + key]!, S, key * V, V);
  for (let i = 0; i < V; i++) o[oRow + i] = o[oRow + i]! * carry;
  for (let j = 0; j <= row; j++) addScaled(o, oRow, scores[j]!, values, j * V, V);
}

/** o /= carry scale (q . z) + the sum of the scores + epsilon. */
function normalizeRow(
  chunk: Chunk,
  z: Float32Array,
  row: number,
  q: Float32Array,
  qRow: number,
  scores: Float32Array,
  o: Float32Array,
  oRow: number,
  scale: number,
  epsilon: number,
): void {
  const { decay, K, V, C } = chunk;
  let weight = 0;
  for (let key = 0; key < K; key++) weight = fround(weight + fround(q[qRow + key]! * z[key]!));
  weight = fround(weight * fround(decay[C * C + row]! * scale));
  for (let j = 0; j <= row; j++) weight = fround(weight + scores[j]!);
  weight = fround(weight + epsilon);
  for (let i = 0; i < V; i++) o[oRow + i] = o[oRow + i]! / weight;
}

/** Folds the chunk's first `count` rows into S and z; their keys decay in place. */
function fold(chunk: Chunk, count: number): void {
  if (count === 0) return;
  const { S, z, keys, values, decay, K, V, C } = chunk;
  const last = count - 1;
  const carry = decay[C * C + last]!;
  for (let key = 0; key < K; key++) {
    const kRow = key * C;
    const sRow = key * V;
    for (let j = 0; j < C; j++) keys[kRow + j] = keys[kRow + j]! * decay[last * C + j]!;
    for (let i = 0; i < V; i++) S[sRow + i] = S[sRow + i]! * carry;
    for (let j = 0; j < count; j++) addScaled(S, sRow, keys[kRow + j]!, values, j * V, V);
    if (z === undefined) continue;
    z[key] = z[key]! * carry;
    for (let j = 0; j < count; j++) z[key] = z[key]! + keys[kRow + j]!;
  }
}

/** y += factor x over n floats. */
function addScaled(
  y: Float32Array,
  yRow: number,
  factor: number,
  x: Float32Array,
  xRow: number,
  n: number,
): void {
  for (let i = 0; i < n; i++) y[yRow + i] = y[yRow + i]! + fround(factor * x[xRow + i]!);
}
