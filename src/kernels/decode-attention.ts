/**
 * Queries over keys of one row: the twins of `attendUnits` and `mergeUnits` in `attention.c`, row by row in the same order
 * of operations.
 */
import {
  attendScores,
  BLOCK_KEYS,
  mergeRow,
  type Query,
  type Shape,
  unpackShape,
} from './attention-block.js';
import { firstNonFinite } from './math.js';

const { fround } = Math;

/** Partial sums of a score. */
const PARTS = 4;
/** Numbers that tell of a unit: the row of queries that asks, its first key, how many. */
export const UNIT_NUMBERS = 3;

/**
 * The running softmax of one query a head over a run of keys, for the units `from` to below `to`: q [rows, H K],
 * phiQ [rows, H R], k [keys, kvHeads K], v [keys, kvHeads V], phiK [keys, H R], units [units, 3]; m, l [units, H],
 * o [units, H, V] start anew. Gives the units that it took: it stops at one with a number that is not finite.
 * scratch [4, 64].
 */
export function attendUnits(
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  phiQ: Float32Array,
  phiK: Float32Array,
  m: Float32Array,
  l: Float32Array,
  o: Float32Array,
  scratch: Float32Array,
  shape: Int32Array,
  units: Int32Array,
  from: number,
  to: number,
): number {
  const unpacked = unpackShape(shape);
  const { heads: H, kvHeads, keyDim: K, valueDim: V, rank: R } = unpacked;
  const areFinite = (x: Float32Array, first: number, count: number) =>
    firstNonFinite(x.subarray(first, first + count), count) < 0;
  for (let unit = from; unit < to; unit++) {
    const [row, first, count] = units.subarray(UNIT_NUMBERS * unit) as unknown as [number, number, number];
    const [kRow, vRow] = [first * kvHeads * K, first * kvHeads * V];
    if (!areFinite(k, kRow, count * kvHeads * K) || !areFinite(v, vRow, count * kvHeads * V))
      return unit - from;
    for (let h = 0; h < H; h++) {
      const [at, kvHead] = [unit * H + h, Math.floor((h * kvHeads) / H)];
      m[at] = -Infinity;
      l[at] = 0;
      o.fill(0, at * V, (at + 1) * V);
      const head = { q, qRow: (row * H + h) * K, phiQ, phiQRow: (row * H + h) * R, k, kvHead, phiK, h };
      for (let j = 0; j < count; j += BLOCK_KEYS) {
        const keys = Math.min(BLOCK_KEYS, count - j);
        scoreKeys(head, first + j, keys, unpacked, scratch);
        const query: Query = { packed: q, row: 0, decay: 0, m, l, at, o, oRow: at * V };
        const values = { values: v, first: ((first + j) * kvHeads + kvHead) * V, stride: kvHeads * V };
        attendScores(query, values, unpacked, 0, keys, scratch);
      }
    }
  }
  return to - from;
}

interface Head {
  readonly q: Float32Array;
  readonly qRow: number;
  readonly phiQ: Float32Array;
  readonly phiQRow: number;
  readonly k: Float32Array;
  readonly kvHead: number;
  readonly phiK: Float32Array;
  readonly h: number;
}

/** scores_j = scale q . k_j, as partial sums of every fourth product, and phiQ . phiK_j, for `count` keys from `first` on. */
function scoreKeys(
  { q, qRow, phiQ, phiQRow, k, kvHead, phiK, h }: Head,
  first: number,
  count: number,
  { heads: H, kvHeads, keyDim: K, rank: R, scale }: Shape,
  scores: Float32Array,
): void {
  const sums = new Float32Array(PARTS);
  for (let j = 0; j < count; j++) {
    const kRow = ((first + j) * kvHeads + kvHead) * K;
    sums.fill(0);
    for (let i = 0; i < K; i++) sums[i % PARTS] = sums[i % PARTS]! + fround(q[qRow + i]! * k[kRow + i]!);
    scores[j] = fround(fround(sums[0]! + sums[1]!) + fround(sums[2]! + sums[3]!)) * scale;
    const phiRow = ((first + j) * H + h) * R;
    for (let r = 0; r < R; r++) scores[j] = scores[j]! + fround(phiQ[phiQRow + r]! * phiK[phiRow + r]!);
  }
}

/** (m, l, o) [n] += each of `count` others in turn, m2, l2 [count, n], o2 [count, n, V]. */
export function mergeUnits(
  m: Float32Array,
  l: Float32Array,
  o: Float32Array,
  m2: Float32Array,
  l2: Float32Array,
  o2: Float32Array,
  count: number,
  n: number,
  V: number,
): void {
  for (let unit = 0; unit < count; unit++) {
    const [ownM, ownL, ownO] = [m2.subarray(unit * n), l2.subarray(unit * n), o2.subarray(unit * n * V)];
    for (let i = 0; i < n; i++) mergeRow(m, l, o, ownM, ownL, ownO, i, V);
  }
}
