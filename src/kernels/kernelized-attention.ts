/**
 * Attention whose weights are a product of features of query and key, times a weight of their distance: the twins of
 * `kernelized-attention.c`, row by row in the same order of operations.
 */
import { defineKernels } from './kernel.js';
import { exp32, exp64, firstAbove, firstNonFinite, multiplyAdd } from './math.js';
import { wasm } from './wasm/kernelized-attention.js';

const { fround } = Math;

const BLOCK_ROWS = 64;
const TILE_ROWS = 4;
/** Zeros at both ends of a table of distances, for the columns of a tile that not all of its rows see. */
const DISTANCE_MARGIN = 4;

export const kernelizedScratch = (K: number, M: number): number => BLOCK_ROWS * (K + M + TILE_ROWS);

/** Blocks of 64 rows that hold any row's window, whatever its place in its own block. */
export const ringBlocks = (windowRows: number): number => Math.ceil(windowRows / BLOCK_ROWS) + 1;

/**
 * distances [H, W + 1 + 2 margins]: e^b of distances W … 0 for b [H, 2W + 1], relative to the largest, which changes
 * no mean.
 */
export function distanceTable(rpe: Float64Array, H: number, W: number): Float32Array {
  const width = W + 1 + 2 * DISTANCE_MARGIN;
  const table = new Float32Array(H * width);
  for (let h = 0; h < H; h++) {
    const past = rpe.subarray(h * (2 * W + 1), h * (2 * W + 1) + W + 1);
    const most = past.reduce((a, b) => Math.max(a, b));
    past.forEach((b, i) => {
      table[h * width + DISTANCE_MARGIN + i] = exp64(b - most);
    });
  }
  return table;
}

/**
 * Appends T rows and writes their outputs: o_i = sum of c_(i-j) phi(q_i) . phi(k_j) v_j over the last W + 1 rows,
 * divided by the same sum without v_j; 0 where that is 0. phi(x) = e^(w . x / |x|) for each of M projections w; with
 * `identity` (0 or 1) q and k are features themselves, M = K.
 *
 * Shapes: keys [H, R, M, 64] and values [H, R, 64, V], the ring; distances from `distanceTable`; projections [K, M];
 * q, k [T, H K], v, o [T, H V]; scratch of `kernelizedScratch` floats. `position` counts the rows before the call
 * modulo 64 R, `seen` counts them up to W.
 */
export function kernelizedAttention(
  keys: Float32Array,
  values: Float32Array,
  distances: Float32Array,
  projections: Float32Array,
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  o: Float32Array,
  scratch: Float32Array,
  T: number,
  H: number,
  K: number,
  V: number,
  M: number,
  R: number,
  W: number,
  position: number,
  seen: number,
  identity: number,
): void {
  const features = scratch.subarray(BLOCK_ROWS * K, BLOCK_ROWS * K + M);
  const maps = identity === 0 ? projections : undefined;
  for (let t = 0; t < T; t++) {
    const place = (position + t) % (R * BLOCK_ROWS);
    for (let h = 0; h < H; h++) {
      const ring = { keys, values, ringAt: h * R, R, M, V };
      const vRow = (t * H + h) * V;
      mapFeatures(k, (t * H + h) * K, maps, scratch, features, K, M);
      keepRow(ring, place, features, v, vRow);
      mapFeatures(q, (t * H + h) * K, maps, scratch, features, K, M);
      const newest = h * (W + 1 + 2 * DISTANCE_MARGIN) + DISTANCE_MARGIN + W;
      attendRow(ring, place, features, distances, newest, Math.min(W, seen + t), o, vRow);
    }
  }
}

export const kernelizedAttentionKernels = defineKernels('kernelized-attention', wasm, {
  firstNonFinite,
  firstAbove,
  kernelizedAttention,
});

/** One head's blocks, from number `ringAt` of all heads' on. */
interface Ring {
  readonly keys: Float32Array;
  readonly values: Float32Array;
  readonly ringAt: number;
  readonly R: number;
  readonly M: number;
  readonly V: number;
}

function mapFeatures(
  x: Float32Array,
  row: number,
  projections: Float32Array | undefined,
  vector: Float32Array,
  features: Float32Array,
  K: number,
  M: number,
): void {
  if (projections === undefined) {
    features.set(x.subarray(row, row + M));
    return;
  }
  let square = 0;
  for (let i = 0; i < K; i++) square += x[row + i]! * x[row + i]!;
  const length = square > 0 ? fround(Math.sqrt(square)) : 1;
  for (let i = 0; i < K; i++) vector[i] = x[row + i]! / length;
  for (let f = 0; f < M; f++) {
    let sum = 0;
    for (let i = 0; i < K; i++) sum = multiplyAdd(vector[i]!, projections[i * M + f]!, sum);
    features[f] = exp32(sum);
  }
}

function keepRow(
  { keys, values, ringAt, M, V }: Ring,
  place: number,
  features: Float32Array,
  v: Float32Array,
  vRow: number,
): void {
  const block = ringAt + Math.floor(place / BLOCK_ROWS);
  const column = place % BLOCK_ROWS;
  for (let f = 0; f < M; f++) keys[(block * M + f) * BLOCK_ROWS + column] = features[f]!;
  for (let c = 0; c < V; c++) values[(block * BLOCK_ROWS + column) * V + c] = v[vRow + c]!;
}

/** The row at `place` against itself and the `before` rows before it, oldest first; `newest` is distance 0. */
function attendRow(
  { keys, values, ringAt, R, M, V }: Ring,
  place: number,
  features: Float32Array,
  distances: Float32Array,
  newest: number,
  before: number,
  o: Float32Array,
  oRow: number,
): void {
  const places = R * BLOCK_ROWS;
  let weights = 0;
  o.fill(0, oRow, oRow + V);
  for (let distance = before; distance >= 0; distance--) {
    const other = (place - distance + places) % places;
    const block = ringAt + Math.floor(other / BLOCK_ROWS);
    const column = other % BLOCK_ROWS;
    let score = 0;
    for (let f = 0; f < M; f++) {
      score = multiplyAdd(features[f]!, keys[(block * M + f) * BLOCK_ROWS + column]!, score);
    }
    score = fround(score * distances[newest - distance]!);
    weights = fround(weights + score);
    const vRow = (block * BLOCK_ROWS + column) * V;
    for (let c = 0; c < V; c++) o[oRow + c] = multiplyAdd(score, values[vRow + c]!, o[oRow + c]!);
  }
  if (weights > 0) for (let c = 0; c < V; c++) o[oRow + c] = o[oRow + c]! / weights;
}
