/**
 * Linear attention with one gate for each key, head and row: S_t = diag(e^(g_t)) S_(t-1) + k_t v_t^T,
 * o_t = scale q_t^T S_t; with a bonus u, o_t = scale q_t^T (S_(t-1) + diag(u) k_t v_t^T).
 *
 * The twins of `diagonal-gate.c`, row by row in the same order of operations: the bits are equal. How decays are shared
 * between queries and keys, so that nothing overflows however strong the gates, is said there.
 *
 * Shapes, the same for all: S [H, K, V] as of the start of the open chunk, which began at the last row position
 * divisible by C (16 or 32); keys [H, K, C] and values [H, C, V], the open chunk's rows, the keys transposed and decayed
 * to the end of the last whole group of 4 rows; groupKeys [H, 4, K], the keys of the open group decayed to the newest
 * row; groupDecay, chunkDecay and decay [H, K], the products of gates of the open group, of the chunk's whole groups and
 * of all chunks before (1 at the start); bonus [H, K]; q, k, g [T, H K] and v, o [T, H V] packed rows; scratch of
 * `diagonalGateScratch` floats. `position` counts the rows before this call, modulo 256: the caller advances it.
 */
import {
  type Chunk,
  chunkOfHead,
  floatsOfHead,
  foldKey,
  keepKey,
  keepValue,
  outputRow,
  SMALLEST_DECAY,
  scoreRow,
} from './chunk.js';
import { decayOf, gateOf, takeDecays } from './gates.js';
import { defineKernels } from './kernel.js';
import { firstAbove, firstNonFinite } from './math.js';
import { NEGLIGIBLE } from './negligible.js';
import { wasm } from './wasm/diagonal-gate.js';

const { fround } = Math;

export const GROUP_ROWS = 4;
const SMALLEST_KEY = 2 ** -70;

/** Floats of scratch for the queries and scores of one chunk's rows. */
export const diagonalGateScratch = (K: number, C: number): number => C * (2 * K + C);

/** Appends T rows and writes their outputs o. */
export function diagonalGate(
  S: Float32Array,
  keys: Float32Array,
  values: Float32Array,
  groupKeys: Float32Array,
  groupDecay: Float32Array,
  chunkDecay: Float32Array,
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
  for (let h = 0; h < H; h++) {
    const head = headOf(h, S, keys, values, groupKeys, groupDecay, chunkDecay, decay, K, V, C);
    runHead(head, undefined, q, k, v, g, o, scratch, T, H, h, position, fround(scale));
  }
}

/** The same, but a row reads the state before it, and `bonus` times what it writes. */
export function bonusDiagonalGate(
  S: Float32Array,
  keys: Float32Array,
  values: Float32Array,
  groupKeys: Float32Array,
  groupDecay: Float32Array,
  chunkDecay: Float32Array,
  decay: Float32Array,
  bonus: Float32Array,
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
  for (let h = 0; h < H; h++) {
    const head = headOf(h, S, keys, values, groupKeys, groupDecay, chunkDecay, decay, K, V, C);
    runHead(head, floatsOfHead(h, bonus, K), q, k, v, g, o, scratch, T, H, h, position, fround(scale));
  }
}

/** Folds the open rows in: S and decay are then those after the last row. It ends the stream: the keys are spent. */
export function settleDiagonalGate(
  S: Float32Array,
  keys: Float32Array,
  values: Float32Array,
  groupKeys: Float32Array,
  groupDecay: Float32Array,
  chunkDecay: Float32Array,
  decay: Float32Array,
  H: number,
  K: number,
  V: number,
  C: number,
  position: number,
): void {
  const count = position % C;
  for (let h = 0; h < H && count > 0; h++) {
    const head = headOf(h, S, keys, values, groupKeys, groupDecay, chunkDecay, decay, K, V, C);
    const open = count % GROUP_ROWS;
    if (open > 0) closeGroup(head, count - open, open);
    fold(head, count);
  }
}

export const diagonalGateKernels = defineKernels('diagonal-gate', wasm, {
  firstNonFinite,
  firstAbove,
  diagonalGate,
  bonusDiagonalGate,
  settleDiagonalGate,
});

/** One head's state. */
interface Head {
  readonly chunk: Chunk;
  readonly groupKeys: Float32Array;
  readonly groupDecay: Float32Array;
  readonly chunkDecay: Float32Array;
  readonly decay: Float32Array;
}

function headOf(
  h: number,
  S: Float32Array,
  keys: Float32Array,
  values: Float32Array,
  groupKeys: Float32Array,
  groupDecay: Float32Array,
  chunkDecay: Float32Array,
  decay: Float32Array,
  K: number,
  V: number,
  C: number,
): Head {
  return {
    chunk: chunkOfHead(h, S, keys, values, K, V, C),
    groupKeys: floatsOfHead(h, groupKeys, GROUP_ROWS * K),
    groupDecay: floatsOfHead(h, groupDecay, K),
    chunkDecay: floatsOfHead(h, chunkDecay, K),
    decay: floatsOfHead(h, decay, K),
  };
}

function runHead(
  head: Head,
  bonus: Float32Array | undefined,
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  g: Float32Array,
  o: Float32Array,
  scratch: Float32Array,
  T: number,
  H: number,
  h: number,
  position: number,
  scale: number,
): void {
  const { chunk } = head;
  const { K, V, C } = chunk;
  const [query, stateQuery, scores] = [0, C * K, 2 * C * K].map((at) => scratch.subarray(at)) as Triple;
  for (let t = 0; t < T; t++) {
    const row = (position + t) % C;
    const before = row % GROUP_ROWS;
    const kRow = (t * H + h) * K;
    const vRow = (t * H + h) * V;
    keepValue(chunk, row, v, vRow);
    for (let key = 0; key < K; key++) query[key] = q[kRow + key]! * scale;
    if (bonus === undefined) decayGroup(head, before, g, kRow);
    readRow(head, bonus, row, query, stateQuery, k, kRow, scores);
    if (bonus !== undefined) decayGroup(head, before, g, kRow);
    for (let key = 0; key < K; key++) head.groupKeys[before * K + key] = k[kRow + key]!;
    outputRow(chunk, row, stateQuery, 0, 1, scores, o, vRow);
    if (before === GROUP_ROWS - 1) closeGroup(head, row - before, GROUP_ROWS);
    if (row === C - 1) fold(head, C);
  }
}

type Triple = [Float32Array, Float32Array, Float32Array];

/** A row's gates, over the `before` rows before it in its group. */
function decayGroup(
  { chunk: { K }, groupKeys, groupDecay }: Head,
  before: number,
  g: Float32Array,
  gRow: number,
): void {
  for (let key = 0; key < K; key++) {
    const gate = gateOf(g[gRow + key]!);
    groupDecay[key] = decayOf(fround(groupDecay[key]! * gate));
    for (let j = 0; j < before; j++)
      groupKeys[j * K + key] = decayedKey(fround(groupKeys[j * K + key]! * gate));
  }
}

const decayedKey = (key: number): number => (Math.abs(key) < SMALLEST_KEY ? 0 : key);

/** Scores with the chunk's rows up to this one, and the query as S is read with it. */
function readRow(
  { chunk, groupKeys, groupDecay, chunkDecay }: Head,
  bonus: Float32Array | undefined,
  row: number,
  query: Float32Array,
  stateQuery: Float32Array,
  k: Float32Array,
  kRow: number,
  scores: Float32Array,
): void {
  const { K } = chunk;
  const before = row % GROUP_ROWS;
  for (let key = 0; key < K; key++) stateQuery[key] = query[key]! * groupDecay[key]!;
  scoreRow(chunk, row - before, stateQuery, 0, scores);
  for (let key = 0; key < K; key++) stateQuery[key] = stateQuery[key]! * chunkDecay[key]!;
  for (let j = 0; j < before; j++) scores[row - before + j] = dotByFours(query, groupKeys, j * K, K);
  if (bonus !== undefined) for (let key = 0; key < K; key++) query[key] = query[key]! * bonus[key]!;
  scores[row] = dotByFours(query, k, kRow, K);
}

/** x . y over n floats, in four sums that take turns. */
const dotByFours = (x: Float32Array, y: Float32Array, yRow: number, n: number): number =>
  fround(
    fround(everyFourth(0, x, y, yRow, n) + everyFourth(1, x, y, yRow, n)) +
      fround(everyFourth(2, x, y, yRow, n) + everyFourth(3, x, y, yRow, n)),
  );

function everyFourth(first: number, x: Float32Array, y: Float32Array, yRow: number, n: number): number {
  let sum = 0;
  for (let i = first; i < n; i += 4) sum = fround(sum + fround(x[i]! * y[yRow + i]!));
  return sum;
}

/** The open group's `count` keys join the chunk's before `first`, which decay along. */
function closeGroup({ chunk, groupKeys, groupDecay, chunkDecay }: Head, first: number, count: number): void {
  const { keys, K, C } = chunk;
  for (let key = 0; key < K; key++) {
    for (let j = key * C; j < key * C + first; j++) keys[j] = decayedKey(fround(keys[j]! * groupDecay[key]!));
  }
  for (let j = 0; j < count; j++) keepKey(chunk, first + j, groupKeys, j * K);
  takeDecays(chunkDecay, groupDecay, SMALLEST_DECAY, K);
}

/** Folds the chunk's first `count` rows, all in whole groups, into S; the next chunk begins. */
function fold({ chunk, chunkDecay, decay }: Head, count: number): void {
  for (let key = 0; key < chunk.K; key++) foldKey(chunk, key, count, chunkDecay[key]!);
  takeDecays(decay, chunkDecay, NEGLIGIBLE, chunk.K);
}
