/**
 * What a column would cost in bits, coded with adaptive counts: cheap guesses that the plan is made from.
 */
import { logarithm } from '../../../src/kernels/table-constants.js';

/** Rows of small whole numbers, one for each distinct value; −1 where there is none. */
export interface Classes {
  readonly ids: Int32Array;
  /** How many there are. */
  readonly count: number;
  /** Bits of a value that was not seen before. */
  readonly bits: number;
}

const LOG_BITS = 12;
const floats = new Float32Array(1);
const words = new Int32Array(floats.buffer);
const mantissaLogs = Float64Array.from(
  { length: 1 << LOG_BITS },
  (_, i) => logarithm(1 + (i + 0.5) / (1 << LOG_BITS)) / Math.LN2,
);

/** log2 of a positive number to about four digits: the same on every machine. */
export function log2(x: number): number {
  floats[0] = x;
  const bits = words[0]!;
  return (bits >> 23) - 127 + mantissaLogs[(bits >> (23 - LOG_BITS)) & ((1 << LOG_BITS) - 1)]!;
}

const BACK_OFF = 1.5;

/** Bits of all values, each predicted from counts so far, within contexts where some are given. */
export function adaptiveBits({ ids, count, bits }: Classes, contexts: readonly Int32Array[]): number {
  const rows = ids.length;
  const size = 1 << (34 - Math.clz32(rows * Math.max(1, contexts.length)));
  const counts = new Int32Array(count + 1);
  const totals = new Int32Array(size);
  const pairs = new Int32Array(size);
  const novel = 2 ** -bits;
  let cost = 0;
  let seen = 0;
  let distinct = 0;
  for (let row = 0; row < rows; row++) {
    const id = ids[row]!;
    if (id < 0) continue;
    const all = seen + 1 + distinct * 0.5;
    let p = counts[id]! > 0 ? counts[id]! / all : ((1 + distinct * 0.5) / all) * novel;
    if (counts[id]!++ === 0) distinct++;
    seen++;
    let h = 9;
    for (const context of contexts) {
      h = Math.imul(h ^ context[row]!, 0x9e3779b1) + 0x7f4a7c15;
      const total = (h ^ (h >>> 15)) & (size - 1);
      const mixed = Math.imul(h ^ Math.imul(id, 0x85ebca6b), 0xc2b2ae35);
      const pair = (mixed ^ (mixed >>> 15)) & (size - 1);
      p = (Math.min(pairs[pair]!, totals[total]!) + BACK_OFF * p) / (totals[total]! + BACK_OFF);
      totals[total]!++;
      pairs[pair]!++;
    }
    cost -= log2(p);
  }
  return cost;
}

/** Bits of residuals, by their size class and the bits below; NaN is no residual. */
export function residualBits(residuals: Float64Array): number {
  const sizes = new Int32Array(64);
  let cost = 0;
  let count = 0;
  for (const residual of residuals) {
    if (Number.isNaN(residual)) continue;
    let size = 0;
    for (let rest = Math.abs(residual); rest >= 1; rest /= 2) size++;
    sizes[size]!++;
    count++;
    cost += size;
  }
  for (const n of sizes) if (n > 0) cost -= n * log2(n / count);
  return cost;
}

/** Numbers as classes, those beyond `shift` bits the same. */
export function classesOf(
  values: Float64Array,
  isNull: (row: number) => boolean,
  bits: number,
  shift = 0,
): Classes {
  const known = new Map<number, number>();
  const ids = new Int32Array(values.length).fill(-1);
  for (let row = 0; row < values.length; row++) {
    if (isNull(row)) continue;
    const value = shift > 0 ? Math.floor(values[row]! * 2 ** -shift) : values[row]!;
    let id = known.get(value);
    if (id === undefined) {
      id = known.size;
      known.set(value, id);
    }
    ids[row] = id;
  }
  return { ids, count: known.size, bits };
}
