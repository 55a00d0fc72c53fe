/**
 * A summary of a changing set: rows that insert and delete elements in, the algorithm's answer out.
 *
 * Everything happens a row at a time. An insert of an id that is live replaces its element; a deletion of an id that is not
 * live changes nothing; with a window, a row first ends the life of the element that arrived `windowRows` rows before it.
 */
import { limitExceeded } from '../../src/errors.js';
import type { Id } from '../../src/row-types.js';
import { type Algorithm, numbering } from './algorithm.js';
import type { CategoryLimit } from './category-limit.js';
import { ElementsCodec } from './elements-codec.js';
import { LiveSet } from './live-set.js';
import type { Element, Objective } from './objective.js';
import { Oracle, type World } from './oracle.js';
import { PagedList } from './paged-list.js';

export interface SummaryOptions {
  /** Whose errors they are. */
  readonly who: string;
  readonly k: number;
  readonly objective: Objective;
  /** The most live elements. */
  readonly maxElements: number;
  /** Rows that an element lives for; undefined where it lives until it is deleted. */
  readonly windowRows?: number | undefined;
  readonly algorithm: (world: World) => Algorithm;
  readonly limit?: CategoryLimit | undefined;
  /** Slots for elements that are not live any more but still needed. */
  readonly spareSlots?: number;
}

/** An answer, and what it took since the one before. */
export interface Answer {
  readonly selected: readonly Id[];
  readonly gains: readonly number[];
  readonly value: number;
  readonly oracleCalls: number;
  /** Ids that are in this answer or in the one before it, but not in both. */
  readonly changed: number;
  readonly certified: boolean;
}

/** Removed slots are not used again in the same row, which removes at most two and inserts one. */
const SLOTS_IN_A_ROW = 3;

export class Summary {
  readonly live: LiveSet;
  readonly oracle: Oracle;
  readonly #options: SummaryOptions;
  readonly #categories = new PagedList<Id>();
  /** The slot that each of the last `windowRows` rows filled; −1 for none. */
  readonly #window: Int32Array;
  #algorithm: Algorithm;
  #rows = 0;
  #callsTold = 0;
  #told: readonly Id[] = [];

  constructor(options: SummaryOptions) {
    const { who, k, objective, maxElements, windowRows, limit, spareSlots = 0 } = options;
    const capacity = maxElements + spareSlots + SLOTS_IN_A_ROW;
    this.#options = options;
    this.live = new LiveSet(capacity);
    const constrain = limit && ((bound: Oracle['bound']) => limit.constrain(bound, this.#categories));
    this.oracle = new Oracle(who, objective, capacity, k, constrain);
    this.#window = new Int32Array(windowRows ?? 0).fill(-1);
    this.#algorithm = this.#newAlgorithm();
  }

  get algorithm(): Algorithm {
    return this.#algorithm;
  }

  insert(id: Id, element: Element, category?: Id): void {
    const { live } = this;
    const removed = this.#expire();
    const before = live.slotOf(id);
    if (before >= 0) {
      live.remove(before);
      removed.push(before);
    }
    if (live.count >= this.#options.maxElements) {
      const advice = 'Raise maxElements, or delete elements (slidingWindow does).';
      throw limitExceeded(this.#options.who, 'maxElements', this.#options.maxElements, advice);
    }
    const slot = live.insert(id, this.#rows);
    this.oracle.elements.set(slot, element);
    if (category !== undefined) this.#categories.set(slot, category);
    if (this.#window.length > 0) this.#window[this.#rows % this.#window.length] = slot;
    if (this.oracle.bound.observe?.(slot)) this.#beginAnew();
    else this.#algorithm.update(removed, slot);
    this.#endRow();
  }

  delete(id: Id): void {
    const removed = this.#expire();
    const slot = this.live.slotOf(id);
    if (slot >= 0) {
      this.live.remove(slot);
      removed.push(slot);
    }
    if (this.#window.length > 0) this.#window[this.#rows % this.#window.length] = -1;
    if (removed.length > 0) this.#algorithm.update(removed, -1);
    this.#endRow();
  }

  /** The answer as it is now. */
  answer(): Answer {
    const { answer, gains, certified } = this.#algorithm;
    const selected = answer.map((slot) => this.live.idOf(slot));
    const oracleCalls = this.oracle.calls - this.#callsTold;
    const changed = differenceOf(this.#told, selected);
    this.#callsTold = this.oracle.calls;
    this.#told = selected;
    const value = gains.reduce((sum, gain) => sum + gain, 0);
    return { selected, gains: [...gains], value, oracleCalls, changed, certified };
  }

  save() {
    const numbers = numbering(this.live);
    return {
      rows: this.#rows,
      calls: this.oracle.calls - this.#callsTold,
      told: ElementsCodec.saveIds(this.#told),
      elements: ElementsCodec.save(this.live, this.oracle.elements, numbers.known),
      categories: ElementsCodec.saveIds(
        Array.from(numbers.known, (slot) => this.#categories.at(slot)!).filter((one) => one !== undefined),
      ),
      objective: this.oracle.bound.save?.(),
      algorithm: this.#algorithm.save(numbers),
    };
  }

  /** Reads what `save` wrote; before the first row. */
  load(saved: ReturnType<Summary['save']>): void {
    const { live, oracle } = this;
    this.#rows = saved.rows;
    this.#told = ElementsCodec.loadIds(saved.told);
    ElementsCodec.load(live, oracle.elements, saved.elements);
    for (const [slot, id] of ElementsCodec.loadIds(saved.categories).entries())
      this.#categories.set(slot, id);
    for (let slot = 0; slot < live.count && this.#window.length > 0; slot++) {
      const age = this.#rows - live.arrival[slot]!;
      if (age <= this.#window.length) this.#window[live.arrival[slot]! % this.#window.length] = slot;
    }
    oracle.bound.load?.(saved.objective);
    oracle.changed();
    this.#algorithm = this.#newAlgorithm();
    this.#algorithm.load(saved.algorithm as never);
    oracle.calls = saved.calls;
    this.#callsTold = 0;
  }

  /** Ends the life of the element that has lived its rows. */
  #expire(): number[] {
    const { length } = this.#window;
    const slot = length > 0 ? this.#window[this.#rows % length]! : -1;
    if (slot < 0 || !this.live.isLive(slot) || this.live.arrival[slot] !== this.#rows - length) return [];
    this.live.remove(slot);
    return [slot];
  }

  #endRow(): void {
    this.live.settle();
    this.#rows++;
  }

  /** The objective has become another one: the answer is built from the live elements, oldest first. */
  #beginAnew(): void {
    this.live.unpinAll();
    this.oracle.changed();
    this.#algorithm = this.#newAlgorithm();
    for (const slot of this.live.byArrival()) this.#algorithm.update([], slot);
  }

  #newAlgorithm(): Algorithm {
    const { k, algorithm } = this.#options;
    return algorithm({ k, live: this.live, oracle: this.oracle });
  }
}

/** How many are in one list or the other, but not in both; each list has each id once. */
function differenceOf(a: readonly Id[], b: readonly Id[]): number {
  if (a.length === b.length && a.every((id, i) => id === b[i])) return 0;
  const inA = new Set(a);
  return a.length + b.length - 2 * b.reduce((both, id) => both + (inA.has(id) ? 1 : 0), 0);
}
