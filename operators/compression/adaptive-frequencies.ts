/**
 * Frequencies of symbols as counted so far. There is one symbol more than those of the data: it says that the data ends.
 */
import { type ArrayType, f64, startingAt } from '../../src/layout.js';

/** What a symbol's frequency grows by when it is seen, and the total at which all are halved. */
const GAIN = 32;
const HALVED_AT = 2 ** 19;

/** Each symbol begins with a frequency of 1, so that it can be coded. */
export const frequencySlots = (symbols: number, frequencies: 'counted' | 'given') =>
  (frequencies === 'counted' ? { counts: startingAt(f64(symbols + 1), 1) } : {}) as {
    counts: ArrayType<'f64'>;
  };

/** A symbol's part [from, to) of the total. */
export function partOf(counts: Float64Array, symbol: number): [from: number, to: number, total: number] {
  let from = 0;
  for (let s = 0; s < symbol; s++) from += counts[s]!;
  const to = from + counts[symbol]!;
  let total = to;
  for (let s = symbol + 1; s < counts.length; s++) total += counts[s]!;
  return [from, to, total];
}

export const totalOf = (counts: Float64Array): number => partOf(counts, counts.length - 1)[2];

/** The symbol whose part holds `target`. */
export function symbolAt(counts: Float64Array, target: number): number {
  let symbol = 0;
  for (let to = counts[0]!; to <= target; to += counts[symbol]!) symbol++;
  return symbol;
}

export function countSymbol(counts: Float64Array, symbol: number): void {
  counts[symbol]! += GAIN;
  if (totalOf(counts) < HALVED_AT) return;
  for (let s = 0; s < counts.length; s++) counts[s] = Math.ceil(counts[s]! / 2);
}
