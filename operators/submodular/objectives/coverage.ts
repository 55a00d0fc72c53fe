/**
 * Weighted coverage: how much the items weigh that the chosen elements have between them.
 *
 *   f(S) = sum of w_i over the items i that some e in S has
 *
 * Sums of integer weights are exact, and so are their differences.
 */
import { checked, integer } from '../../../src/options.js';
import type { Elements } from '../elements.js';
import { type Bound, type Element, identified, type Objective } from '../objective.js';
import { weightsOf } from './weights.js';

export interface CoverageOptions {
  /** Items are numbers in 0 … maxItems − 1, 1 … 16777216 (default 65536). */
  readonly maxItems?: number;
  /** What each item weighs, at least 0 (default 1 each): `maxItems` numbers. */
  readonly weights?: ArrayLike<number>;
}

export interface CoverageState {
  /** How often each item is had. */
  readonly counts: Uint32Array;
  value: number;
}

const ITEMS_LIMIT = 1 << 24;

export function coverage(options: CoverageOptions = {}): Objective<CoverageState> {
  const { maxItems, weights } = checked('coverage', options, [], () => {
    const most = integer({ maxItems: options.maxItems ?? options.weights?.length ?? 65536 }, 1, ITEMS_LIMIT);
    return { maxItems: most, weights: options.weights && weightsOf('weights', options.weights, most) };
  });
  const weightOf = (item: number) => (weights === undefined ? 1 : weights[item]!);

  const add = (state: CoverageState, items: Int32Array) => {
    for (const item of items) {
      if (state.counts[item]!++ === 0) state.value += weightOf(item);
    }
  };
  const remove = (state: CoverageState, items: Int32Array) => {
    for (const item of items) {
      if (--state.counts[item]! === 0) state.value -= weightOf(item);
    }
  };
  const state = {
    empty: () => ({ counts: new Uint32Array(maxItems), value: 0 }),
    value: ({ value }: CoverageState) => value,
    copy(from: CoverageState, to: CoverageState) {
      to.counts.set(from.counts);
      to.value = from.value;
    },
  };
  return identified({
    name: 'coverage',
    options: { maxItems, ...(weights && { weights: Array.from(weights) }) },
    reads: { items: maxItems },
    ...state,
    gain: ({ counts }: CoverageState, { items }: Element) => gainOf(counts, weights, items, 0, items.length),
    add: (to, { items }) => add(to, items),
    remove: (from, { items }) => remove(from, items),
    bind: (elements: Elements): Bound<CoverageState> => ({
      ...state,
      gains({ counts }, slots, gains, count) {
        for (let c = 0; c < count; c++) {
          const slot = slots[c]!;
          const from = elements.placeOf(slot);
          gains[c] = gainOf(counts, weights, elements.pageOf(slot), from, elements.countOf(slot));
        }
      },
      add: (to, slot) => add(to, elements.itemsOf(slot)),
      remove: (from, slot) => remove(from, elements.itemsOf(slot)),
    }),
  });
}

/** The weight of those of `length` items that nobody has yet. */
function gainOf(
  counts: Uint32Array,
  weights: Float64Array | undefined,
  items: Int32Array,
  from: number,
  length: number,
): number {
  let gain = 0;
  if (weights === undefined) {
    for (let i = from; i < from + length; i++) if (counts[items[i]!] === 0) gain++;
    return gain;
  }
  for (let i = from; i < from + length; i++) {
    const item = items[i]!;
    if (counts[item] === 0) gain += weights[item]!;
  }
  return gain;
}
