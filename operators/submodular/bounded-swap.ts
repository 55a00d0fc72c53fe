/**
 * Bounded swap: an answer that people watch. An update changes at most two of its elements: one goes, one comes.
 *
 *   insert e   takes the place of y = argmin f(y | S − y)  if  f(e | S) > f(y | S − y) + delta f(S) / k
 *   delete e   in S: the best of some candidates comes, half of them those worth most alone, half of them random
 *
 * f(e | S − y) >= f(e | S), so that every swap is a gain. No ratio to the optimum is proved: `certified` is never true.
 */
import { nextBelow, seedRandom } from '../../src/random.js';
import type { Algorithm, Numbering } from './algorithm.js';
import { firstOf, type HeapKeys, MaxHeap } from './max-heap.js';
import type { World } from './oracle.js';

export interface BoundedSwapOptions {
  readonly delta: number;
  /** Elements that are tried for a place that has become free. */
  readonly candidates: number;
  readonly seed: number;
}

/** Elements of the answer that may differ after an update. */
const MOST_CHANGES = 2;

interface Weakest {
  readonly place: number;
  readonly loss: number;
}

export class BoundedSwap implements Algorithm {
  readonly answer: number[] = [];
  gains: number[] = [];
  readonly certified = false;
  readonly #world: World;
  readonly #options: BoundedSwapOptions;
  readonly #keys: HeapKeys;
  /** All live elements by what they are worth alone. */
  readonly #heap: MaxHeap;
  readonly #random = new Uint32Array(4);
  #state: unknown;
  #value = 0;
  /** Whether a place has become free that could not be filled in its update. */
  #isShort = false;
  /** The element of the answer that would be missed least, as long as the answer stays. */
  #weakest: Weakest | undefined;

  constructor(world: World, options: BoundedSwapOptions) {
    const { arrival, capacity } = world.live;
    this.#world = world;
    this.#options = options;
    this.#keys = { bound: new Float64Array(capacity), arrival, place: new Int32Array(capacity) };
    this.#heap = new MaxHeap(this.#keys);
    this.#state = world.oracle.empty();
    seedRandom(this.#random, options.seed);
  }

  update(removed: readonly number[], inserted: number): void {
    const { oracle } = this.#world;
    for (const slot of removed) this.#heap.remove(slot);
    const lost = removed.filter((slot) => this.answer.includes(slot));
    if (lost.length > 0) this.#become(this.answer.filter((slot) => !lost.includes(slot)));
    if (inserted >= 0) {
      this.#keys.bound[inserted] = oracle.single(inserted);
      this.#heap.push(inserted);
    }
    let changes = lost.length;
    if (inserted >= 0 && changes === 0) changes += this.#tryInserted(inserted);
    if (lost.length > 0) this.#isShort = true;
    if (this.#isShort && changes < MOST_CHANGES) this.#refill(inserted);
  }

  /** Takes a new element in where that pays; by how many elements the answer differs. */
  #tryInserted(slot: number): number {
    const { oracle, k } = this.#world;
    const gain = oracle.gain(this.#state, slot);
    if (this.answer.length < k) {
      if (gain <= 0) return 0;
      this.#become([...this.answer, slot]);
      return 1;
    }
    const margin = (this.#options.delta * this.#value) / k;
    if (gain <= margin) return 0;
    this.#weakest ??= this.#findWeakest();
    const { place, loss } = this.#weakest;
    if (gain <= loss + margin) return 0;
    this.#become(this.answer.with(place, slot));
    return 2;
  }

  /** Fills one free place with the best of the candidates. */
  #refill(inserted: number): void {
    const { oracle, live, k } = this.#world;
    const half = this.#options.candidates / 2;
    const candidates = new Set(firstOf(this.#heap, Math.ceil(half)));
    for (let i = 0; i < half && live.count > 0; i++)
      candidates.add(live.order[nextBelow(this.#random, live.count)]!);
    if (inserted >= 0) candidates.add(inserted);
    const slots = Int32Array.from(candidates).filter((slot) => !this.answer.includes(slot));
    const gains = new Float64Array(slots.length);
    oracle.gains(this.#state, slots, gains, slots.length);
    let best = -1;
    for (let c = 0; c < slots.length; c++) {
      const isNewer = () => live.arrival[slots[c]!]! > live.arrival[slots[best]!]!;
      if (gains[c]! > (gains[best] ?? 0) || (best >= 0 && gains[c] === gains[best] && isNewer())) best = c;
    }
    if (best >= 0) this.#become([...this.answer, slots[best]!]);
    this.#isShort = best >= 0 && this.answer.length < k;
  }

  /** The element whose loss costs least; the oldest of equal ones. */
  #findWeakest(): Weakest {
    const { oracle } = this.#world;
    const { remove } = oracle.bound;
    let weakest = { place: -1, loss: Number.POSITIVE_INFINITY };
    let without: unknown;
    for (const [place, slot] of this.answer.entries()) {
      if (remove === undefined || oracle.bound.copy === undefined) {
        without = oracle.stateOf(this.answer.filter((other) => other !== slot));
      } else {
        without = oracle.copied(this.#state, without, this.answer);
        remove.call(oracle.bound, without, slot);
      }
      const loss = oracle.gain(without, slot);
      if (loss < weakest.loss) weakest = { place, loss };
    }
    return weakest;
  }

  #become(answer: readonly number[]): void {
    const { oracle } = this.#world;
    this.answer.splice(0, this.answer.length, ...answer);
    const { gains, value, state } = oracle.evaluate(this.answer);
    this.gains = gains;
    this.#state = state;
    this.#value = value;
    this.#weakest = undefined;
  }

  save({ known, numberOf }: Numbering) {
    return {
      answer: Int32Array.from(this.answer, numberOf),
      single: Float64Array.from(known, (slot) => this.#keys.bound[slot]!),
      weakest: this.#weakest ?? null,
      isShort: this.#isShort,
      random: this.#random.slice(),
    };
  }

  load({ answer, single, weakest, isShort, random }: ReturnType<BoundedSwap['save']>): void {
    this.#keys.bound.set(single);
    for (let slot = 0; slot < single.length; slot++) this.#heap.push(slot);
    if (answer.length > 0) this.#become([...answer]);
    this.#weakest = weakest ?? undefined;
    this.#isShort = isShort;
    this.#random.set(random);
  }
}
