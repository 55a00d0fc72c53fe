/**
 * Upper bounds of all elements' gains, by the prefix of the answer at which they were found.
 *
 * By submodularity, what an element would have added to a prefix bounds what it adds to any longer one. Each element is in the
 * heap of the deepest prefix that it was evaluated at. When the answer is cut, elements of deeper heaps fall back to the bound
 * below; a budget limits how many of them do so in one update, the others wait.
 */
import type { Numbering } from './algorithm.js';
import { BoundStacks } from './bound-stacks.js';
import { joined } from './joined.js';
import type { LiveSet } from './live-set.js';
import { type HeapKeys, MaxHeap } from './max-heap.js';

/** In no heap: not live, or chosen. */
const NOWHERE = 0;

/** A bound and whose it is. */
export interface Top {
  readonly prefix: number;
  readonly slot: number;
  readonly bound: number;
}

/** A heap by a number that no other has, so that a slot can tell which one it is in. */
interface Numbered {
  readonly number: number;
  readonly heap: MaxHeap;
}

export class PrefixBounds {
  /** f({e}) */
  readonly single: Float64Array;
  readonly #live: LiveSet;
  readonly #keys: HeapKeys;
  readonly #stacks: BoundStacks;
  /** By prefix. */
  readonly #heaps: Numbered[];
  #lastNumber = NOWHERE;
  /** By slot: the prefix of its heap, and the heap's number. */
  readonly #prefix: Int16Array;
  readonly #home: Int32Array;
  /** Heaps of prefixes that were cut: those who still have them as their home wait to fall back. */
  #cut: Numbered[] = [];
  #next = 0;
  #waiting = 0;

  constructor(live: LiveSet, k: number) {
    const { capacity, arrival } = live;
    this.#live = live;
    this.single = new Float64Array(capacity);
    this.#keys = { bound: new Float64Array(capacity), arrival, place: new Int32Array(capacity) };
    this.#stacks = new BoundStacks(capacity);
    this.#prefix = new Int16Array(capacity);
    this.#home = new Int32Array(capacity);
    this.#heaps = Array.from({ length: k + 1 }, () => this.#newHeap());
  }

  /** Whether all live elements are in heaps or chosen. */
  get complete(): boolean {
    return this.#waiting === 0;
  }

  /** A new element, with its bound at prefix 0. */
  enter(slot: number, single: number): void {
    this.single[slot] = single;
    this.#put(slot);
  }

  /** An element that was evaluated at a prefix. */
  found(slot: number, prefix: number, bound: number): void {
    this.#take(slot);
    this.#stacks.cut(slot, prefix - 1);
    if (prefix > 0) this.#stacks.push(slot, prefix, bound);
    this.#put(slot);
  }

  /** An element that has been chosen, or is not live any more. */
  leave(slot: number, isLive: boolean): void {
    this.#take(slot);
    if (!isLive) this.#stacks.cut(slot, -1);
  }

  /** The largest bound at the prefixes 0 … `deepest`; slot −1 where there is none. */
  top(deepest: number): Top {
    let best = -1;
    for (let prefix = 0; prefix <= deepest; prefix++) {
      const slot = this.#heaps[prefix]!.heap.top();
      if (slot >= 0 && (best < 0 || this.#isBefore(slot, best))) best = slot;
    }
    if (best < 0) return { prefix: 0, slot: best, bound: 0 };
    return { prefix: this.#prefix[best]!, slot: best, bound: this.#keys.bound[best]! };
  }

  /** The answer is cut to `prefix`: what was in deeper heaps waits. */
  cut(prefix: number): void {
    for (let deeper = prefix + 1; deeper < this.#heaps.length; deeper++) {
      const { heap } = this.#heaps[deeper]!;
      if (heap.size === 0) continue;
      this.#cut.push(this.#heaps[deeper]!);
      this.#waiting += heap.size;
      this.#heaps[deeper] = this.#newHeap();
    }
  }

  /** Lets at most `most` of those that wait fall back, to bounds at the prefixes 0 … `prefix`. */
  settle(prefix: number, most: number): void {
    for (let left = most; left > 0 && this.#waiting > 0; ) {
      const { heap, number } = this.#cut[0]!;
      if (this.#next === heap.size) {
        this.#cut.shift();
        this.#next = 0;
        continue;
      }
      const slot = heap.slots.at(this.#next++);
      if (this.#home[slot] !== number) continue;
      this.fallBack(slot, prefix);
      left--;
    }
    if (this.#waiting > 0) return;
    this.#cut = [];
    this.#next = 0;
  }

  /** Puts an element back with what was found at the prefixes 0 … `prefix`. */
  fallBack(slot: number, prefix: number): void {
    this.#take(slot);
    this.#stacks.cut(slot, prefix);
    this.#put(slot);
  }

  save({ known, numberOf }: Numbering) {
    const stacks = Array.from(known, (slot) => this.#stacks.list(slot));
    const heaps = this.#heaps.map(({ heap }) => heap.slots.toArray().map(numberOf));
    return {
      single: Float64Array.from(known, (slot) => this.single[slot]!),
      stackLengths: Int32Array.from(stacks, ({ length }) => length),
      stacks: Float64Array.from(stacks.flat()),
      heapLengths: Int32Array.from(heaps, ({ length }) => length),
      heaps: joined(heaps),
      waiting: this.#listWaiting().map(numberOf),
    };
  }

  load(saved: ReturnType<PrefixBounds['save']>): void {
    const { single, stackLengths, stacks, heapLengths, heaps, waiting } = saved;
    this.single.set(single);
    for (const [slot, own] of partsOf(stacks, stackLengths).entries())
      for (let i = 0; i < own.length; i += 2) this.#stacks.push(slot, own[i]!, own[i + 1]!);
    for (const [prefix, slots] of partsOf(heaps, heapLengths).entries()) {
      this.#heaps[prefix]!.heap.load(slots);
      for (const slot of slots) this.#note(slot, this.#heaps[prefix]!);
    }
    const cut = this.#newHeap();
    cut.heap.load(waiting);
    for (const slot of waiting) this.#home[slot] = cut.number;
    this.#cut = waiting.length > 0 ? [cut] : [];
    this.#waiting = waiting.length;
  }

  #listWaiting(): Int32Array<ArrayBuffer> {
    const listed = this.#cut.map(({ heap, number }, i) => {
      const slots = heap.slots.toArray().subarray(i === 0 ? this.#next : 0);
      return slots.filter((slot) => this.#home[slot] === number);
    });
    return joined(listed);
  }

  #newHeap(): Numbered {
    this.#lastNumber = (this.#lastNumber + 1) | 0 || 1;
    return { number: this.#lastNumber, heap: new MaxHeap(this.#keys) };
  }

  /** Puts an element into the heap of the deepest prefix with a bound. */
  #put(slot: number): void {
    const home = this.#heaps[this.#stacks.prefix(slot)]!;
    this.#note(slot, home);
    home.heap.push(slot);
  }

  #note(slot: number, home: Numbered): void {
    const prefix = this.#stacks.prefix(slot);
    this.#keys.bound[slot] = prefix === 0 ? this.single[slot]! : this.#stacks.bound(slot);
    this.#prefix[slot] = prefix;
    this.#home[slot] = home.number;
  }

  #take(slot: number): void {
    const home = this.#home[slot]!;
    const { heap, number } = this.#heaps[this.#prefix[slot]!]!;
    if (home === number) heap.remove(slot);
    else if (home !== NOWHERE) this.#waiting--;
    this.#home[slot] = NOWHERE;
  }

  #isBefore(a: number, b: number): boolean {
    const { bound } = this.#keys;
    const { arrival } = this.#live;
    return bound[a]! > bound[b]! || (bound[a] === bound[b] && arrival[a]! > arrival[b]!);
  }
}

/** Lists that lie end to end, apart again. */
function partsOf<T extends Float64Array | Int32Array>(whole: T, lengths: Int32Array): T[] {
  let to = 0;
  return Array.from(lengths, (length) => {
    to += length;
    return whole.subarray(to - length, to) as T;
  });
}
