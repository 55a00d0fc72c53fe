/**
 * Online softmax over one block of 64 keys: the twin of `attention.h`, row by row in the same order of operations.
 * Float32 sums are rounded by the arrays they are kept in; `Math.fround` rounds on the way.
 */
import { addScaled } from './chunk.js';
import { log32 } from './math.js';
import { NEGLIGIBLE } from './negligible.js';
import { weight32 } from './weight.js';

const { fround } = Math;

export const BLOCK_KEYS = 64;
/** Rows that are attended to together, and that `attendBlocks` counts by. */
export const TILE_ROWS = 4;
/** Parts of a row's sum of weights, one for each lane of a vector. */
const LANES = 4;

/** What all heads share. */
export interface Shape {
  /** Heads H of queries. */
  readonly heads: number;
  /** Heads of keys and values: a divisor of H. */
  readonly kvHeads: number;
  /** Widths K and V of a head's keys and values. */
  readonly keyDim: number;
  readonly valueDim: number;
  /** Rank R of the bias. */
  readonly rank: number;
  /** Blocks that a ring holds, and how many of them are never evicted. */
  readonly ringBlocks: number;
  readonly sinkBlocks: number;
  readonly windowRows: number;
  readonly sinkRows: number;
  /** Whether heads have log decays: 1 or 0. */
  readonly decays: number;
  readonly scale: number;
  /** o is rescaled once the maximum has grown by more than this (natural logarithm). Below 0: always. */
  readonly threshold: number;
}

const INTEGERS = [
  'heads',
  'kvHeads',
  'keyDim',
  'valueDim',
  'rank',
  'ringBlocks',
  'sinkBlocks',
  'windowRows',
  'sinkRows',
  'decays',
] as const;

/** The shape as the kernels take it: the fields of the struct in `attention.h`. */
export function packShape(shape: Shape): Int32Array {
  const packed = Int32Array.from([...INTEGERS.map((name) => shape[name]), 0, 0]);
  new Float32Array(packed.buffer).set([shape.scale, shape.threshold], INTEGERS.length);
  return packed;
}

export function unpackShape(packed: Int32Array): Shape {
  const [scale, threshold] = new Float32Array(packed.buffer, packed.byteOffset + 4 * INTEGERS.length, 2);
  const integers = Object.fromEntries(INTEGERS.map((name, i) => [name, packed[i]!]));
  return { ...(integers as Omit<Shape, 'scale' | 'threshold'>), scale: scale!, threshold: threshold! };
}

/** keys [K, 64] transposed, values [64, V], phi [R, 64]; decay [64], the sums of all log decays up to each key. */
export interface Block {
  readonly keys: Float32Array;
  readonly values: Float32Array;
  readonly phi: Float32Array;
  readonly decay: Float64Array | undefined;
}

/** One row's running softmax: where its query [K + R] is, where m and l, where o [V] begins. */
export interface Query {
  readonly packed: Float32Array;
  readonly row: number;
  /** The sum of all log decays up to the row. */
  readonly decay: number;
  readonly m: Float32Array;
  readonly l: Float32Array;
  readonly at: number;
  readonly o: Float32Array;
  readonly oRow: number;
}

const flushed = (x: number) => (Math.abs(x) < NEGLIGIBLE ? 0 : x);

/** e^(x - m) of a maximum that was, as a factor; the same maximum makes it 1, even -infinity. */
const rescaleFactor = (before: number, now: number) => (before === now ? 1 : weight32(fround(before - now)));

/**
 * Takes keys `from` to below `to` of a block into a row's running softmax. Gives 1 where it was not rescaled.
 * scores: scratch [64].
 */
export function attendRow(
  query: Query,
  block: Block,
  shape: Shape,
  from: number,
  to: number,
  scores: Float32Array,
): number {
  if (from >= to) return 0;
  scoreRow(query, block, shape, from, to, scores);
  return attendScores(
    query,
    { values: block.values, first: 0, stride: shape.valueDim },
    shape,
    from,
    to,
    scores,
  );
}

/** A value a key: where the first begins, and how far apart they are. */
export interface Values {
  readonly values: Float32Array;
  readonly first: number;
  readonly stride: number;
}

/** The same for keys whose scores there are, which become their weights. */
export function attendScores(
  query: Query,
  { values, first, stride }: Values,
  { valueDim: V, threshold }: Shape,
  from: number,
  to: number,
  scores: Float32Array,
): number {
  const { m, l, at, o, oRow } = query;
  const before = m[at]!;
  let highest = -Infinity;
  for (let j = from; j < to; j++) highest = Math.max(highest, scores[j]!);
  const growth = highest > before ? fround(highest - before) : 0;
  const keeps = growth <= threshold;
  const now = keeps || highest < before ? before : highest;
  const rescale = rescaleFactor(before, now);
  l[at] = fround(l[at]! * rescale) + weigh(scores, now === -Infinity ? 0 : now, from, to);
  m[at] = now;
  for (let i = 0; i < V; i++) o[oRow + i] = o[oRow + i]! * rescale;
  for (let j = from; j < to; j++) addScaled(o, oRow, scores[j]!, values, first + j * stride, V);
  for (let i = 0; i < V; i++) o[oRow + i] = flushed(o[oRow + i]!);
  return keeps ? 1 : 0;
}

/** scores_j = query . key_j + phiQ . phiK_j + the decay from the key to the row. */
function scoreRow(
  query: Query,
  block: Block,
  shape: Shape,
  from: number,
  to: number,
  scores: Float32Array,
): void {
  const { keyDim: K, rank: R } = shape;
  const { packed, row } = query;
  const n = to - from;
  scores.fill(0, from, to);
  for (let i = 0; i < K; i++) addScaled(scores, from, packed[row + i]!, block.keys, i * BLOCK_KEYS + from, n);
  for (let r = 0; r < R; r++)
    addScaled(scores, from, packed[row + K + r]!, block.phi, r * BLOCK_KEYS + from, n);
  if (block.decay === undefined) return;
  for (let j = from; j < to; j++) scores[j] = scores[j]! + fround(query.decay - block.decay[j]!);
}

/** scores = e^(scores - m), negligible ones 0; gives their sum, lane by lane. */
function weigh(scores: Float32Array, m: number, from: number, to: number): number {
  const sums = new Array<number>(LANES).fill(0);
  for (let j = from; j < to; j++) {
    scores[j] = weight32(fround(scores[j]! - m));
    sums[j % LANES] = fround(sums[j % LANES]! + scores[j]!);
  }
  return fround(fround(sums[0]! + sums[1]!) + fround(sums[2]! + sums[3]!));
}

/** Packs one row of queries: scaled, with phiQ [R] behind. */
export function packQuery(
  q: Float32Array,
  qRow: number,
  phiQ: Float32Array,
  phiRow: number,
  { keyDim: K, rank: R, scale }: Shape,
  packed: Float32Array,
  row: number,
): void {
  for (let i = 0; i < K; i++) packed[row + i] = q[qRow + i]! * scale;
  for (let r = 0; r < R; r++) packed[row + K + r] = phiQ[phiRow + r]!;
}

/** Divides o [V] by l and gives m + log l; zeros and -infinity where no key was taken. */
export function normalize(o: Float32Array, oRow: number, m: number, l: number, V: number): number {
  if (l === 0) {
    o.fill(0, oRow, oRow + V);
    return -Infinity;
  }
  for (let i = 0; i < V; i++) o[oRow + i] = o[oRow + i]! / l;
  return fround(m + log32(l));
}

/** (m, l, o [V]) at `i` += (m2, l2, o2) at `i`. */
export function mergeRow(
  m: Float32Array,
  l: Float32Array,
  o: Float32Array,
  m2: Float32Array,
  l2: Float32Array,
  o2: Float32Array,
  i: number,
  V: number,
): void {
  const highest = Math.max(m[i]!, m2[i]!);
  const own = rescaleFactor(m[i]!, highest);
  const other = rescaleFactor(m2[i]!, highest);
  m[i] = highest;
  l[i] = fround(l[i]! * own) + fround(l2[i]! * other);
  for (let at = i * V; at < (i + 1) * V; at++) {
    o[at] = flushed(fround(fround(o[at]! * own) + fround(o2[at]! * other)));
  }
}
