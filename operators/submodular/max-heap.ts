/**
 * A heap of slots, the largest bound first, of equal ones the newest. Each slot knows its place, so that it can be taken out:
 * nothing stale is left behind, and nothing ever needs to be compacted or copied.
 */
import { PagedInts } from './paged-list.js';

/** Arrays by slot that several heaps share; a slot is in at most one of them. */
export interface HeapKeys {
  readonly bound: Float64Array;
  readonly arrival: Float64Array;
  /** A slot's place in its heap. */
  readonly place: Int32Array;
}

export class MaxHeap {
  /** In heap order: the children of i are at 2i + 1 and 2i + 2. */
  readonly slots = new PagedInts();
  readonly #keys: HeapKeys;

  constructor(keys: HeapKeys) {
    this.#keys = keys;
  }

  get size(): number {
    return this.slots.length;
  }

  /** The slot with the largest bound; −1 where there is none. */
  top(): number {
    return this.slots.length === 0 ? -1 : this.slots.at(0);
  }

  push(slot: number): void {
    this.slots.push(slot);
    this.#rise(this.slots.length - 1, slot);
  }

  remove(slot: number): void {
    const place = this.#keys.place[slot]!;
    const last = this.slots.pop();
    if (last === slot) return;
    if (this.isBefore(last, slot)) this.#rise(place, last);
    else this.#sink(place, last);
  }

  isBefore(a: number, b: number): boolean {
    const { bound, arrival } = this.#keys;
    return bound[a]! > bound[b]! || (bound[a] === bound[b] && arrival[a]! > arrival[b]!);
  }

  /** Puts slots in that are in heap order already. */
  load(ordered: Int32Array): void {
    for (let i = 0; i < ordered.length; i++) {
      this.slots.push(ordered[i]!);
      this.#keys.place[ordered[i]!] = i;
    }
  }

  #rise(from: number, slot: number): void {
    const { slots } = this;
    const { place: places } = this.#keys;
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const other = slots.at(parent);
      if (!this.isBefore(slot, other)) break;
      slots.set(place, other);
      places[other] = place;
      place = parent;
    }
    slots.set(place, slot);
    places[slot] = place;
  }

  #sink(from: number, slot: number): void {
    const { slots } = this;
    const { place: places } = this.#keys;
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= slots.length) break;
      if (child + 1 < slots.length && this.isBefore(slots.at(child + 1), slots.at(child))) child++;
      const other = slots.at(child);
      if (!this.isBefore(other, slot)) break;
      slots.set(place, other);
      places[other] = place;
      place = child;
    }
    slots.set(place, slot);
    places[slot] = place;
  }
}

/** The first `count` slots of a heap in their order, without taking any out. */
export function firstOf(heap: MaxHeap, count: number): number[] {
  const { slots } = heap;
  const open: number[] = slots.length > 0 ? [0] : [];
  const first: number[] = [];
  while (first.length < count && open.length > 0) {
    let best = 0;
    for (let i = 1; i < open.length; i++)
      if (heap.isBefore(slots.at(open[i]!), slots.at(open[best]!))) best = i;
    const node = open[best]!;
    open[best] = open.at(-1)!;
    open.pop();
    first.push(slots.at(node));
    for (const child of [2 * node + 1, 2 * node + 2]) if (child < slots.length) open.push(child);
  }
  return first;
}
