/**
 * A heap of slots, the largest bound first, of equal ones the newest. Each slot knows its place, so that it can be taken out:
 * nothing stale is left behind, and nothing ever needs to be compacted.
 */

/** Arrays by slot that several heaps share; a slot is in at most one of them. */
export interface HeapKeys {
  readonly bound: Float64Array;
  readonly arrival: Float64Array;
  /** A slot's place in its heap. */
  readonly place: Int32Array;
}

export class MaxHeap {
  size = 0;
  readonly #keys: HeapKeys;
  #slots = new Int32Array(16);

  constructor(keys: HeapKeys) {
    this.#keys = keys;
  }

  /** The slots, in heap order: the children of i are at 2i + 1 and 2i + 2. */
  get slots(): Int32Array {
    return this.#slots.subarray(0, this.size);
  }

  /** The slot with the largest bound; −1 where there is none. */
  top(): number {
    return this.size === 0 ? -1 : this.#slots[0]!;
  }

  push(slot: number): void {
    if (this.size === this.#slots.length) {
      const larger = new Int32Array(2 * this.size);
      larger.set(this.#slots);
      this.#slots = larger;
    }
    this.#rise(this.size++, slot);
  }

  remove(slot: number): void {
    const place = this.#keys.place[slot]!;
    const last = this.#slots[--this.size]!;
    if (last === slot) return;
    if (this.#isBefore(last, slot)) this.#rise(place, last);
    else this.#sink(place, last);
  }

  clear(): void {
    this.size = 0;
    if (this.#slots.length > 1024) this.#slots = new Int32Array(16);
  }

  #isBefore(a: number, b: number): boolean {
    const { bound, arrival } = this.#keys;
    return bound[a]! > bound[b]! || (bound[a] === bound[b] && arrival[a]! > arrival[b]!);
  }

  #rise(place: number, slot: number): void {
    const slots = this.#slots;
    const { place: places } = this.#keys;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      const other = slots[parent]!;
      if (!this.#isBefore(slot, other)) break;
      slots[place] = other;
      places[other] = place;
      place = parent;
    }
    slots[place] = slot;
    places[slot] = place;
  }

  #sink(place: number, slot: number): void {
    const slots = this.#slots;
    const { place: places } = this.#keys;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.size) break;
      if (child + 1 < this.size && this.#isBefore(slots[child + 1]!, slots[child]!)) child++;
      const other = slots[child]!;
      if (!this.#isBefore(other, slot)) break;
      slots[place] = other;
      places[other] = place;
      place = child;
    }
    slots[place] = slot;
    places[slot] = place;
  }
}

/** The first `count` slots of a heap in their order, without taking any out. */
export function firstOf(heap: MaxHeap, { bound, arrival }: HeapKeys, count: number): number[] {
  const { slots } = heap;
  const open: number[] = slots.length > 0 ? [0] : [];
  const first: number[] = [];
  while (first.length < count && open.length > 0) {
    let best = 0;
    for (let i = 1; i < open.length; i++) {
      const [a, b] = [slots[open[i]!]!, slots[open[best]!]!];
      if (bound[a]! > bound[b]! || (bound[a] === bound[b] && arrival[a]! > arrival[b]!)) best = i;
    }
    const node = open[best]!;
    open[best] = open.at(-1)!;
    open.pop();
    first.push(slots[node]!);
    for (const child of [2 * node + 1, 2 * node + 2]) if (child < slots.length) open.push(child);
  }
  return first;
}
