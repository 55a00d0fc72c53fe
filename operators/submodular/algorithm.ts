/**
 * What an algorithm is: a state machine over single updates. Nothing it does depends on how the updates come in batches.
 */
import type { LiveSet } from './live-set.js';

export interface Algorithm {
  /** The chosen elements, in the order in which `gains` tells what each of them added. All of them are live. */
  readonly answer: readonly number[];
  readonly gains: readonly number[];
  /** Whether the answer satisfies the algorithm's guarantee at this moment. */
  readonly certified: boolean;
  /**
   * One update: `removed` elements are no longer live, `inserted` is (−1 where nothing is). Their slots are not used again
   * before the update ends.
   */
  update(removed: readonly number[], inserted: number): void;
  /** The state as plain data and typed arrays, slots written as their numbers. */
  save(numbering: Numbering): unknown;
  /** Reads what `save` wrote, slots being those numbers; before the first update. */
  load(saved: never): void;
}

/** What slots are called in a saved state: their places in `LiveSet.known`. */
export interface Numbering {
  readonly known: Int32Array;
  numberOf(slot: number): number;
}

export function numbering(live: LiveSet): Numbering {
  const known = live.known();
  const numbers = new Int32Array(live.capacity);
  for (let i = 0; i < known.length; i++) numbers[known[i]!] = i;
  return { known, numberOf: (slot) => numbers[slot]! };
}
