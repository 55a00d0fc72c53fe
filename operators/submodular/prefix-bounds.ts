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
import { MaxHeap } from './max-heap.js';

/** In no heap: not live, or chosen. */
const NOWHERE = -1;
const WAITING = -2;

/** A bound and whose it is. */
export interface Top {
  readonly prefix: number;
  readonly slot: number;
  readonly bound: number;
}

export class PrefixBounds {
  /** f({e}) */
  readonly single: Float64Array;
  readonly #live: LiveSet;
  readonly #bound: Float64Array;
  readonly #stacks: BoundStacks;
  readonly #heaps: MaxHeap[];
  /** The prefix whose heap a slot is in. */
  readonly #prefix: Int16Array;
  /** Slots that wait to fall back, and how many of them have. */
  #waiting = new Int32Array(0);
  #fallen = 0;

  constructor(live: LiveSet, k: number) {
    const { capacity, arrival } = live;
    this.#live = live;
    this.single = new Float64Array(capacity);
    this.#bound = new Float64Array(capacity);
    this.#stacks = new BoundStacks(capacity);
    this.#prefix = new Int16Array(capacity).fill(NOWHERE);
    const keys = { bound: this.#bound, arrival, place: new Int32Array(capacity) };
    this.#heaps = Array.from({ length: k + 1 }, () => new MaxHeap(keys));
  }

  /** Whether all live elements are in heaps or chosen. */
  get complete(): boolean {
    return this.#fallen === this.#waiting.length;
  }

  /** A new element, with its bound at prefix 0. */
  enter(slot: number, single: number): void {
    this.single[slot] = single;
    this.#put(slot, 0, single);
  }

  /** An element that was evaluated at a prefix. */
  found(slot: number, prefix: number, bound: number): void {
    this.#take(slot);
    this.#stacks.cut(slot, prefix - 1);
    if (prefix > 0) this.#stacks.push(slot, prefix, bound);
    this.#put(slot, prefix, bound);
  }

  /** An element that has been chosen, or is not live any more. */
  leave(slot: number, isLive: boolean): void {
    this.#take(slot);
    if (!isLive) this.#stacks.cut(slot, -1);
  }

  /** The largest bound at the prefixes 0 … `deepest`; slot −1 where there is none. */
  top(deepest: number): Top {
    let best = -1;
    let at = 0;
    for (let prefix = 0; prefix <= deepest; prefix++) {
      const slot = this.#heaps[prefix]!.top();
      if (slot >= 0 && (best < 0 || this.#isBefore(slot, best))) {
        best = slot;
        at = prefix;
      }
    }
    return { prefix: at, slot: best, bound: best < 0 ? 0 : this.#bound[best]! };
  }

  /** The answer is cut to `prefix`: deeper bounds hold no longer. */
  cut(prefix: number): void {
    const waiting = [this.#waiting.subarray(this.#fallen)];
    for (let deeper = prefix + 1; deeper < this.#heaps.length; deeper++) {
      const heap = this.#heaps[deeper]!;
      if (heap.size === 0) continue;
      for (const slot of heap.slots) this.#prefix[slot] = WAITING;
      waiting.push(heap.slots.slice());
      heap.clear();
    }
    if (waiting.length > 1) this.#waiting = joined(waiting);
    else this.#waiting = waiting[0]!.slice();
    this.#fallen = 0;
  }

  /** Lets at most `most` of the waiting elements fall back, to bounds at the prefixes 0 … `prefix`. */
  settle(prefix: number, most: number): void {
    const end = Math.min(this.#waiting.length, this.#fallen + most);
    for (; this.#fallen < end; this.#fallen++) {
      const slot = this.#waiting[this.#fallen]!;
      if (this.#prefix[slot] === WAITING) this.fallBack(slot, prefix);
    }
  }

  /** Puts an element back with what was found at the prefixes 0 … `prefix`. */
  fallBack(slot: number, prefix: number): void {
    this.#take(slot);
    this.#stacks.cut(slot, prefix);
    const deepest = this.#stacks.prefix(slot);
    this.#put(slot, deepest, deepest === 0 ? this.single[slot]! : this.#stacks.bound(slot));
  }

  save({ known, numberOf }: Numbering) {
    const waiting = this.#waiting.subarray(this.#fallen).filter((slot) => this.#prefix[slot] === WAITING);
    const stacks = Array.from(known, (slot) => this.#stacks.list(slot));
    return {
      single: Float64Array.from(known, (slot) => this.single[slot]!),
      stackLengths: Int32Array.from(stacks, ({ length }) => length / 2),
      stacks: Float64Array.from(stacks.flat()),
      waiting: waiting.map(numberOf),
    };
  }

  load({ single, stackLengths, stacks, waiting }: ReturnType<PrefixBounds['save']>): void {
    this.single.set(single);
    this.#waiting = Int32Array.from(waiting);
    for (const slot of waiting) this.#prefix[slot] = WAITING;
    let at = 0;
    for (let slot = 0; slot < single.length; slot++) {
      for (let i = 0; i < stackLengths[slot]!; i++, at += 2)
        this.#stacks.push(slot, stacks[at]!, stacks[at + 1]!);
      if (this.#prefix[slot] !== WAITING) this.fallBack(slot, this.#heaps.length);
    }
  }

  #put(slot: number, prefix: number, bound: number): void {
    this.#bound[slot] = bound;
    this.#prefix[slot] = prefix;
    this.#heaps[prefix]!.push(slot);
  }

  #take(slot: number): void {
    const prefix = this.#prefix[slot]!;
    if (prefix >= 0) this.#heaps[prefix]!.remove(slot);
    this.#prefix[slot] = NOWHERE;
  }

  #isBefore(a: number, b: number): boolean {
    const [boundA, boundB] = [this.#bound[a]!, this.#bound[b]!];
    const { arrival } = this.#live;
    return boundA > boundB || (boundA === boundB && arrival[a]! > arrival[b]!);
  }
}
