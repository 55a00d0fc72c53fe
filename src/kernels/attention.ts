/**
 * Exact softmax attention: the twins of `attention.c`, row by row in the same order of operations; the bits are equal.
 *
 * Shapes: rings of blocks keys [kvHeads, blocks, K, 64] transposed, values [kvHeads, blocks, 64, V],
 * phi [H, blocks, R, 64]; packed rows q [T, H K], k [T, kvHeads K], v [T, kvHeads V], phiQ, phiK [T, H R], o [T, H V].
 * `shape` is from `packShape`.
 */
import {
  attendRow,
  BLOCK_KEYS,
  type Block,
  mergeRow,
  normalize,
  type Shape,
  TILE_ROWS,
  unpackShape,
} from './attention-block.js';
import { attendRing, keepRing } from './causal-attention.js';
import { keepKey, keepValue } from './chunk.js';
import { attendUnits, mergeUnits } from './decode-attention.js';
import { defineKernels } from './kernel.js';
import { firstAbove, firstNonFinite } from './math.js';
import { wasm } from './wasm/attention.js';

/** Tiles of queries that `attendBlocks` counts. */
export const tilesOf = (heads: number, queries: number): number => heads * Math.ceil(queries / TILE_ROWS);

/**
 * Appends `count` rows to blocks of keys, behind their first `first` rows. Gives the rows that it appended: all of them,
 * or 0 where a number among them is not finite.
 */
export function keepBlockKeys(
  keys: Float32Array,
  values: Float32Array,
  phi: Float32Array,
  k: Float32Array,
  v: Float32Array,
  phiK: Float32Array,
  shape: Int32Array,
  first: number,
  count: number,
): number {
  const unpacked = unpackShape(shape);
  const { heads: H, kvHeads, keyDim: K, valueDim: V, rank: R } = unpacked;
  if (firstNonFinite(k, count * kvHeads * K) >= 0 || firstNonFinite(v, count * kvHeads * V) >= 0) return 0;
  for (let i = 0; i < count; i++) {
    const [slot, row] = [Math.floor((first + i) / BLOCK_KEYS), (first + i) % BLOCK_KEYS];
    for (let h = 0; h < H; h++) {
      const block = blockOfHead(keys, values, phi, h, slot, unpacked);
      const kvHead = Math.floor((h * kvHeads) / H);
      const chunk = { ...block, S: keys, K, V, C: BLOCK_KEYS };
      keepKey(chunk, row, k, (i * kvHeads + kvHead) * K);
      keepValue(chunk, row, v, (i * kvHeads + kvHead) * V);
      keepPhi(block.phi, 0, R, row, phiK, (i * H + h) * R);
    }
  }
  return count;
}

/** A row's phiK [R] as a column of a block's phi [R, 64]. */
function keepPhi(
  phi: Float32Array,
  at: number,
  R: number,
  column: number,
  phiK: Float32Array,
  row: number,
): void {
  for (let r = 0; r < R; r++) phi[at + r * BLOCK_KEYS + column] = phiK[row + r]!;
}

function blockOfHead(
  keys: Float32Array,
  values: Float32Array,
  phi: Float32Array,
  head: number,
  slot: number,
  { heads: H, kvHeads, keyDim: K, valueDim: V, rank: R, ringBlocks }: Shape,
): Block {
  const part = (x: Float32Array, ring: number, floats: number) => {
    const at = (ring * ringBlocks + slot) * floats * BLOCK_KEYS;
    return x.subarray(at, at + floats * BLOCK_KEYS);
  };
  const kvHead = Math.floor((head * kvHeads) / H);
  return {
    keys: part(keys, kvHead, K),
    values: part(values, kvHead, V),
    phi: part(phi, head, R),
    decay: undefined,
  };
}

/**
 * Takes the first `count` keys of blocks into the running softmax of every query, block by block. keys, values and phi
 * as in `keepBlockKeys`; queries [H, N, K + R] packed, m, l [N, H], o [N, H, V]; the tiles of four queries `from` to
 * below `to`, counted through all heads. Gives how many rows of how many blocks were not rescaled. scratch [4, 64].
 */
export function attendBlocks(
  queries: Float32Array,
  keys: Float32Array,
  values: Float32Array,
  phi: Float32Array,
  m: Float32Array,
  l: Float32Array,
  o: Float32Array,
  scratch: Float32Array,
  shape: Int32Array,
  N: number,
  count: number,
  from: number,
  to: number,
): number {
  const unpacked = unpackShape(shape);
  const { heads: H, keyDim: K, valueDim: V, rank: R } = unpacked;
  const tiles = tilesOf(1, N);
  let kept = 0;
  for (let first = 0; first < count; first += BLOCK_KEYS) {
    const size = Math.min(BLOCK_KEYS, count - first);
    for (let tile = from; tile < to; tile++) {
      const head = Math.floor(tile / tiles);
      const block = blockOfHead(keys, values, phi, head, first / BLOCK_KEYS, unpacked);
      const row = (tile % tiles) * TILE_ROWS;
      for (let i = row; i < Math.min(row + TILE_ROWS, N); i++) {
        const at = i * H + head;
        const query = { packed: queries, row: (head * N + i) * (K + R), decay: 0, m, l, at, o, oRow: at * V };
        kept += attendRow(query, block, unpacked, 0, size, scratch);
      }
    }
  }
  return kept;
}

/** m = m + log l, l = 1, o = o / l of n running softmaxes, o [n, V]; where l is 0, m is -infinity and o is 0. */
export function settleSoftmax(m: Float32Array, l: Float32Array, o: Float32Array, n: number, V: number): void {
  for (let i = 0; i < n; i++) {
    m[i] = normalize(o, i * V, m[i]!, l[i]!, V);
    l[i] = l[i] === 0 ? 0 : 1;
  }
}

/** (m, l, o) += (m2, l2, o2) for n running softmaxes, o [n, V]. */
export function mergeSoftmax(
  m: Float32Array,
  l: Float32Array,
  o: Float32Array,
  m2: Float32Array,
  l2: Float32Array,
  o2: Float32Array,
  n: number,
  V: number,
): void {
  for (let i = 0; i < n; i++) mergeRow(m, l, o, m2, l2, o2, i, V);
}

export const attentionKernels = defineKernels('attention', wasm, {
  firstNonFinite,
  firstAbove,
  keepBlockKeys,
  attendBlocks,
  settleSoftmax,
  mergeSoftmax,
  keepRing,
  attendRing,
  attendUnits,
  mergeUnits,
});
