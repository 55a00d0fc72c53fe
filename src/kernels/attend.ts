/**
 * Listed queries attend over listed keys by online softmax: the twin of `attend.h`, in the same order of operations.
 */
import { exp32, log32, multiplyAdd } from './math.js';

const { fround } = Math;

/** Keys that are scored before weights are taken relative to a new maximum. */
export const KEY_ROWS = 64;
const TILE_ROWS = 4;

/** Floats of scratch for a block of keys and values and a tile of queries and scores. */
export const attendScratch = (K: number, V: number): number =>
  KEY_ROWS * (K + V) + TILE_ROWS * (K + KEY_ROWS);

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

/**
 * Adds what the listed keys give to the listed queries' rows of (m, l, o), each logit being scale q . k + bias; scores
 * of KEY_ROWS floats is scratch.
 */
export function attendListed(
  s: Streams,
  { queries, queryCount, keys, keyCount }: Listed,
  scores: Float32Array,
  scale: number,
  bias: number,
  causal: boolean,
): void {
  for (let i = 0; i < queryCount; i++) {
    const visible = causal ? Math.min(i + 1, keyCount) : keyCount;
    for (let from = 0; from < visible; from += KEY_ROWS) {
      const count = Math.min(visible - from, KEY_ROWS);
      attendBlock(s, queries[i]!, keys, from, count, scores, scale, bias);
    }
  }
}

function attendBlock(
  { m, l, o, q, k, v, queryHeads, keyHeads, queryHead, keyHead, K, V }: Streams,
  query: number,
  keys: Int32Array,
  from: number,
  count: number,
  scores: Float32Array,
  scale: number,
  bias: number,
): void {
  const row = query * queryHeads + queryHead;
  const qRow = row * K;
  const oRow = row * V;
  let most = m[row]!;
  for (let j = 0; j < count; j++) {
    const kRow = (keys[from + j]! * keyHeads + keyHead) * K;
    let sum = 0;
    for (let i = 0; i < K; i++) sum = multiplyAdd(q[qRow + i]!, k[kRow + i]!, sum);
    scores[j] = multiplyAdd(sum, scale, bias);
    most = Math.max(most, scores[j]!);
  }
  const fade = exp32(fround(m[row]! - most));
  let sum = 0;
  for (let i = 0; i < V; i++) o[oRow + i] = o[oRow + i]! * fade;
  for (let j = 0; j < count; j++) {
    const weight = exp32(fround(scores[j]! - most));
    const vRow = (keys[from + j]! * keyHeads + keyHead) * V;
    sum = fround(sum + weight);
    for (let i = 0; i < V; i++) o[oRow + i] = multiplyAdd(weight, v[vRow + i]!, o[oRow + i]!);
  }
  l[row] = fround(l[row]! * fade) + sum;
  m[row] = most;
}

/** o /= l, and m + log l in place of l, for a row of m and l; a row that has seen no key is 0, its lse -infinity. */
export function finishRow(o: Float32Array, l: Float32Array, m: Float32Array, row: number, V: number): void {
  const weight = l[row]!;
  if (weight > 0) for (let i = 0; i < V; i++) o[row * V + i] = o[row * V + i]! / weight;
  l[row] = m[row]! + log32(weight);
}
