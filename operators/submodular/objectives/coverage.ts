/**
 * Weighted coverage: how much the items weigh that the chosen elements have between them.
 *
 *   f(S) = sum of w_i over the items i that some e in S has
 *
 * Sums of integer weights are exact, and so are their differences.
 */
import { checked, integer } from '../../../src/options.js';
import type { Elements } from '../elements.js';
import {
  type Bound,
  bindPlainly,
  type Element,
  IdentifiedObjective,
  type Objective,
  type Prefixes,
  type Reads,
} from '../objective.js';
import { weightsOf } from './weights.js';

export interface CoverageOptions {
  /** Items are numbers in 0 … maxItems − 1, 1 … 16777216 (default 65536). */
  readonly maxItems?: number;
  /** What each item weighs, at least 0 (default 1 each): `maxItems` numbers. */
  readonly weights?: ArrayLike<number>;
}

export interface CoverageState {
  /** How often each item is had; of prefixes, the place of the first element that has it, counted from 1. */
  readonly counts: Uint32Array;
  /** An item is had whose number is in 1 … limit. */
  readonly limit: number;
  value: number;
}

const NO_LIMIT = 0xffffffff;

const ITEMS_LIMIT = 1 << 24;

export function coverage(options: CoverageOptions = {}): Objective<CoverageState> {
  const { maxItems, weights } = checked('coverage', options, [], () => {
    const most = integer({ maxItems: options.maxItems ?? options.weights?.length ?? 65536 }, 1, ITEMS_LIMIT);
    return { maxItems: most, weights: options.weights && weightsOf('weights', options.weights, most) };
  });
  return new Coverage(maxItems, weights);
}

class Coverage extends IdentifiedObjective implements Objective<CoverageState> {
  readonly name = 'coverage';
  readonly options: Readonly<Record<string, unknown>>;
  readonly reads: Reads;
  readonly #maxItems: number;
  readonly #weights: Float64Array | undefined;

  constructor(maxItems: number, weights: Float64Array | undefined) {
    super();
    this.options = { maxItems, ...(weights && { weights: Array.from(weights) }) };
    this.reads = { items: maxItems };
    this.#maxItems = maxItems;
    this.#weights = weights;
  }

  empty(): CoverageState {
    return { counts: new Uint32Array(this.#maxItems), limit: NO_LIMIT, value: 0 };
  }

  gain(state: CoverageState, { items }: Element): number {
    return gainOf(state, this.#weights, items, 0, items.length);
  }

  add(state: CoverageState, { items }: Element): void {
    for (const item of items) if (state.counts[item]!++ === 0) state.value += this.#weights?.[item] ?? 1;
  }

  remove(state: CoverageState, { items }: Element): void {
    for (const item of items) if (--state.counts[item]! === 0) state.value -= this.#weights?.[item] ?? 1;
  }

  value({ value }: CoverageState): number {
    return value;
  }

  copy(from: CoverageState, to: CoverageState): void {
    to.counts.set(from.counts);
    to.value = from.value;
  }

  bind(elements: Elements): Bound<CoverageState> {
    const gains = (state: CoverageState, slots: Int32Array, found: Float64Array, count: number) => {
      for (let c = 0; c < count; c++) {
        const slot = slots[c]!;
        const [page, from] = [elements.pageOf(slot), elements.placeOf(slot)];
        found[c] = gainOf(state, this.#weights, page, from, elements.countOf(slot));
      }
    };
    const prefixes = () => new CoveredPrefixes(this.#maxItems, elements);
    return { ...bindPlainly(this, elements), gains, prefixes };
  }
}

/** All prefixes in one array: an item is had by those that reach the first element that has it. */
class CoveredPrefixes implements Prefixes<CoverageState> {
  readonly #firsts: Uint32Array;
  readonly #elements: Elements;
  #length = 0;

  constructor(maxItems: number, elements: Elements) {
    this.#firsts = new Uint32Array(maxItems);
    this.#elements = elements;
  }

  at(prefix: number): CoverageState {
    return { counts: this.#firsts, limit: prefix, value: 0 };
  }

  append(slot: number): void {
    this.#length++;
    for (const item of this.#elements.itemsOf(slot)) this.#firsts[item] ||= this.#length;
  }

  cut(prefix: number, others: readonly number[]): void {
    this.#length = prefix;
    for (const slot of others)
      for (const item of this.#elements.itemsOf(slot))
        if (this.#firsts[item]! > prefix) this.#firsts[item] = 0;
  }
}

/** The weight of those of `length` items that nobody has yet. */
function gainOf(
  { counts, limit }: CoverageState,
  weights: Float64Array | undefined,
  items: Int32Array,
  from: number,
  length: number,
): number {
  let gain = 0;
  if (weights === undefined) {
    for (let i = from; i < from + length; i++) if ((counts[items[i]!]! - 1) >>> 0 >= limit) gain++;
    return gain;
  }
  for (let i = from; i < from + length; i++) {
    const item = items[i]!;
    if ((counts[item]! - 1) >>> 0 >= limit) gain += weights[item]!;
  }
  return gain;
}
