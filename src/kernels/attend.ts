/**
 * Listed queries attend over listed keys by online softmax: the twin of `attend.h`.
 */
import { attendRow, BLOCK_KEYS, packQuery, type Shape, TILE_ROWS } from './attention-block.js';

/** Floats of scratch for a block of keys and values and a tile of queries. */
export const attendScratch = (K: number, V: number): number =>
  BLOCK_KEYS * (K + V + 1) + TILE_ROWS * (K + 1 + 2 + V + BLOCK_KEYS);

/**
 * Packed rows, of which one head takes part: m, l [T, H], o [T, H V] are added to, q [T, H K] is read, H being
 * `queryHeads`; k [T, H K] and v [T, H V] are read, H being `keyHeads`.
 */
export interface Streams {
  readonly m: Float32Array;
  readonly l: Float32Array;
  readonly o: Float32Array;
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly queryHeads: number;
  readonly keyHeads: number;
  readonly queryHead: number;
  readonly keyHead: number;
  readonly K: number;
  readonly V: number;
}

/** Rows that take part, by their numbers. */
export interface Listed {
  readonly queries: Int32Array;
  readonly queryCount: number;
  readonly keys: Int32Array;
  readonly keyCount: number;
}

const ONE = Float32Array.of(1);

/**
 * Adds what the listed keys give to the listed queries' rows of (m, l, o), each logit being scale q . k + bias: a bias
 * of rank 1. `causal`: query number i sees the keys numbered 0 to i. scratch of `attendScratch` floats.
 */
export function attendListed(
  s: Streams,
  { queries, queryCount, keys, keyCount }: Listed,
  scratch: Float32Array,
  scale: number,
  bias: number,
  causal: boolean,
): void {
  const { m, l, o, q, K, V, queryHeads, queryHead } = s;
  const shape = shapeOf(K, V, Math.fround(scale));
  const block = {
    keys: scratch.subarray(0, K * BLOCK_KEYS),
    values: scratch.subarray(K * BLOCK_KEYS, (K + V) * BLOCK_KEYS),
    phi: scratch.subarray((K + V) * BLOCK_KEYS, (K + V + 1) * BLOCK_KEYS).fill(bias),
    decay: undefined,
  };
  const packed = scratch.subarray((K + V + 1) * BLOCK_KEYS);
  const scores = packed.subarray(K + 1);
  for (let from = 0; from < keyCount; from += BLOCK_KEYS) {
    const count = Math.min(keyCount - from, BLOCK_KEYS);
    for (let j = 0; j < count; j++) keepKey(s, keys[from + j]!, block, j);
    for (let i = causal ? from : 0; i < queryCount; i++) {
      const at = queries[i]! * queryHeads + queryHead;
      packQuery(q, at * K, ONE, 0, shape, packed, 0);
      const query = { packed, row: 0, decay: 0, m, l, at, o, oRow: at * V };
      attendRow(query, block, shape, 0, causal ? Math.min(i - from + 1, count) : count, scores);
    }
  }
}

const shapeOf = (keyDim: number, valueDim: number, scale: number): Shape => ({
  heads: 1,
  kvHeads: 1,
  keyDim,
  valueDim,
  rank: 1,
  ringBlocks: 0,
  sinkBlocks: 0,
  windowRows: 0,
  sinkRows: 0,
  decays: 0,
  scale,
  threshold: -1,
});

function keepKey(
  { k, v, keyHeads, keyHead, K, V }: Streams,
  key: number,
  { keys, values }: { readonly keys: Float32Array; readonly values: Float32Array },
  j: number,
): void {
  const row = key * keyHeads + keyHead;
  for (let i = 0; i < K; i++) keys[i * BLOCK_KEYS + j] = k[row * K + i]!;
  for (let i = 0; i < V; i++) values[j * V + i] = v[row * V + i]!;
}
