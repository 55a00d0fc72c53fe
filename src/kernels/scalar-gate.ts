/**
 * Linear attention with one gate a head and row: S_t = e^(g_t) S_(t-1) + k_t v_t^T, o_t = scale q_t^T S_t.
 *
 * The twins of `scalar-gate.c`, row by row in the same order of operations: the bits are equal. Decays are products of
 * gates as the rows come, so that no row waits for a later one and nothing overflows, however strong the gates.
 *
 * Shapes, the same for both: S [H, K, V] as of the start of the open chunk, which began at the last row position
 * divisible by C (16 or 32); keys [H, K, C] and values [H, C, V], the open chunk's rows, the keys transposed;
 * fades [H, C] and carry [H], the decays to the newest row from each of these rows and from the chunk's start (0 and 1
 * at the start); decay [H], that of all chunks before (1 at the start); q, k [T, H K], v, o [T, H V] and g [T, H]
 * packed rows; scratch of `scalarGateScratch` floats. `position` counts the rows before this call, modulo 256: the
 * caller advances it.
 */
import {
  type Chunk,
  chunkOfHead,
  decayKeys,
  floatsOfHead,
  foldKey,
  keepRow,
  outputRow,
  scoreRow,
} from './chunk.js';
import { decayOf, gateOf, takeDecays } from './gates.js';
import { defineKernels } from './kernel.js';
import { firstAbove, firstNonFinite } from './math.js';
import { NEGLIGIBLE } from './negligible.js';
import { wasm } from './wasm/scalar-gate.js';

const { fround } = Math;

/** Floats of scratch for the decays and scores of one chunk's rows. */
export const scalarGateScratch = (C: number): number => 2 * C * C + C;

/** Appends T rows and writes their outputs o. In g, the gates take the place of their logarithms. */
export function scalarGate(
  S: Float32Array,
  keys: Float32Array,
  values: Float32Array,
  fades: Float32Array,
  carry: Float32Array,
  decay: Float32Array,
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  g: Float32Array,
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
  for (let i = 0; i < T * H; i++) g[i] = gateOf(g[i]!);
  for (let h = 0; h < H; h++) {
    const head = headOf(h, S, keys, values, fades, carry, decay, K, V, C);
    runHead(head, q, k, v, g, o, scratch, T, H, h, position, fround(scale));
  }
}

/** Folds the open rows in: S and decay are then those after the last row. It ends the stream: the keys are spent. */
export function settleScalarGate(
  S: Float32Array,
  keys: Float32Array,
  values: Float32Array,
  fades: Float32Array,
  carry: Float32Array,
  decay: Float32Array,
  H: number,
  K: number,
  V: number,
  C: number,
  position: number,
): void {
  const count = position % C;
  for (let h = 0; h < H && count > 0; h++) {
    fold(headOf(h, S, keys, values, fades, carry, decay, K, V, C), count);
  }
}

export const scalarGateKernels = defineKernels('scalar-gate', wasm, {
  firstNonFinite,
  firstAbove,
  scalarGate,
  settleScalarGate,
});

/** One head's state and its decays. */
interface Head {
  readonly chunk: Chunk;
  readonly fades: Float32Array;
  readonly carry: Float32Array;
  readonly decay: Float32Array;
}

function headOf(
  h: number,
  S: Float32Array,
  keys: Float32Array,
  values: Float32Array,
  fades: Float32Array,
  carry: Float32Array,
  decay: Float32Array,
  K: number,
  V: number,
  C: number,
): Head {
  return {
    chunk: chunkOfHead(h, S, keys, values, K, V, C),
    fades: floatsOfHead(h, fades, C),
    carry: floatsOfHead(h, carry, 1),
    decay: floatsOfHead(h, decay, 1),
  };
}

function runHead(
  head: Head,
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  gates: Float32Array,
  o: Float32Array,
  scores: Float32Array,
  T: number,
  H: number,
  h: number,
  position: number,
  scale: number,
): void {
  const { chunk, fades, carry } = head;
  const { K, V, C } = chunk;
  for (let t = 0; t < T; t++) {
    const row = (position + t) % C;
    const qRow = (t * H + h) * K;
    const vRow = (t * H + h) * V;
    keepRow(chunk, row, k, qRow, v, vRow);
    fadeBy(gates[t * H + h]!, head, row);
    scoreRow(chunk, row + 1, q, qRow, scores);
    for (let j = 0; j <= row; j++) scores[j] = scores[j]! * fround(fades[j]! * scale);
    outputRow(chunk, row, q, qRow, fround(carry[0]! * scale), scores, o, vRow);
    if (row === C - 1) fold(head, C);
  }
}

/** The decays to one row more, which is the chunk's `row`: its own is 1. */
function fadeBy(gate: number, { fades, carry }: Head, row: number): void {
  for (let j = 0; j < row; j++) fades[j] = decayOf(fround(fades[j]! * gate));
  fades[row] = 1;
  carry[0] = decayOf(fround(carry[0]! * gate));
}

/** Folds the chunk's first `count` rows into S, their keys decay in place; the next chunk begins. */
function fold({ chunk, fades, carry, decay }: Head, count: number): void {
  decayKeys(chunk, fades);
  for (let key = 0; key < chunk.K; key++) foldKey(chunk, key, count, carry[0]!);
  takeDecays(decay, carry, NEGLIGIBLE, 1);
  fades.fill(0);
}
