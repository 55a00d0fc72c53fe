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
import {
  type Chunk,
  chunkOfHead,
  decayKeys,
  floatsOfHead,
  foldKey,
  keepRow,
  outputRow,
  SMALLEST_DECAY,
  scoreRow,
} from './chunk.js';
import { defineKernels } from './kernel.js';
import { elu1, expF32, firstAbove, firstNonFinite, relu } from './math.js';
import { flushNegligible } from './negligible.js';
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
    const head = headOf(h, S, undefined, keys, values, decay, K, V, C);
    runHead(head, q, k, v, o, scratch, T, H, h, position, fround(scale), 0);
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
    const head = headOf(h, S, z, keys, values, decay, K, V, C);
    runHead(head, q, k, v, o, scratch, T, H, h, position, fround(scale), fround(epsilon));
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
  for (let h = 0; h < H; h++) fold(headOf(h, S, undefined, keys, values, decay, K, V, C), position % C);
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
  for (let h = 0; h < H; h++) fold(headOf(h, S, z, keys, values, decay, K, V, C), position % C);
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

/** One head's state and its decays. */
interface Head {
  readonly chunk: Chunk;
  readonly z: Float32Array | undefined;
  readonly decay: Float32Array;
}

function headOf(
  h: number,
  S: Float32Array,
  z: Float32Array | undefined,
  keys: Float32Array,
  values: Float32Array,
  decay: Float32Array,
  K: number,
  V: number,
  C: number,
): Head {
  return {
    chunk: chunkOfHead(h, S, keys, values, K, V, C),
    z: z && floatsOfHead(h, z, K),
    decay: floatsOfHead(h, decay, C * C + C),
  };
}

function runHead(
  head: Head,
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
  const { chunk, z, decay } = head;
  const { K, V, C } = chunk;
  for (let t = 0; t < T; t++) {
    const row = (position + t) % C;
    const qRow = (t * H + h) * K;
    const vRow = (t * H + h) * V;
    const carry = fround(decay[C * C + row]! * scale);
    keepRow(chunk, row, k, qRow, v, vRow);
    scoreRow(chunk, row + 1, q, qRow, scores);
    for (let j = 0; j <= row; j++) scores[j] = scores[j]! * fround(decay[row * C + j]! * scale);
    outputRow(chunk, row, q, qRow, carry, scores, o, vRow);
    if (z !== undefined) normalizeRow(chunk, z, row, q, qRow, carry, scores, o, vRow, epsilon);
    if (row === C - 1) fold(head, C);
  }
}

/** o /= carry (q . z) + the sum of the scores + epsilon. */
function normalizeRow(
  { K, V }: Chunk,
  z: Float32Array,
  row: number,
  q: Float32Array,
  qRow: number,
  carry: number,
  scores: Float32Array,
  o: Float32Array,
  oRow: number,
  epsilon: number,
): void {
  let weight = 0;
  for (let key = 0; key < K; key++) weight = fround(weight + fround(q[qRow + key]! * z[key]!));
  weight = fround(weight * carry);
  for (let j = 0; j <= row; j++) weight = fround(weight + scores[j]!);
  weight = fround(weight + epsilon);
  for (let i = 0; i < V; i++) o[oRow + i] = o[oRow + i]! / weight;
}

/** Folds the chunk's first `count` rows into S and z; their keys decay in place. */
function fold({ chunk, z, decay }: Head, count: number): void {
  if (count === 0) return;
  const { keys, K, C } = chunk;
  const last = count - 1;
  const carry = decay[C * C + last]!;
  decayKeys(chunk, decay, last * C);
  for (let key = 0; key < K; key++) {
    foldKey(chunk, key, count, carry);
    if (z === undefined) continue;
    z[key] = z[key]! * carry;
    for (let j = 0; j < count; j++) z[key] = z[key]! + keys[key * C + j]!;
    flushNegligible(z, 1, key);
  }
}
