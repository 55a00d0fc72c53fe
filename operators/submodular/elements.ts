/**
 * What is known of the elements, by slot: their items, features and weight.
 *
 * Features lie in one block that kernels reach. Items lie in pages, in blocks whose lengths are powers of two; a block that
 * is freed is used again, so nothing is ever moved.
 */
import { openArena } from '../../src/kernels/kernel.js';
import { similarityKernels } from '../../src/kernels/similarity.js';
import { type ArrayTypes, f32, layoutOf, type Views, viewsOf } from '../../src/layout.js';
import type { Element, Objective, Reads } from './objective.js';

const PAGE_BITS = 18;
const PAGE_ITEMS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_ITEMS - 1;

/** The most items an element can have. */
export const ITEMS_MAX = PAGE_ITEMS;

const NO_ITEMS = new Int32Array(0);
const NO_FEATURES = new Float32Array(0);

export class Elements {
  readonly reads: Reads;
  /** Numbers a row of `features`: D. */
  readonly dim: number;
  /** [capacity, D] */
  readonly features: Float32Array;
  readonly weights: Float64Array;
  readonly kernels: (typeof similarityKernels)['twins'];
  readonly scratch: Views<ArrayTypes>;
  readonly #pages: Int32Array[] = [];
  /** Where a slot's items begin: page and place in it; −1 where there is no block. */
  readonly #itemsAt: Int32Array;
  readonly #itemCounts: Int32Array;
  /** Freed blocks by the logarithm of their length, one more than where the first begins; each has the next one's in it. */
  readonly #free = new Int32Array(PAGE_BITS + 1);
  /** The first place that was never used. */
  #end = 0;

  constructor(objective: Objective, capacity: number, k: number) {
    const { reads } = objective;
    this.reads = reads;
    this.dim = reads.features ?? 0;
    const scratch = objective.scratch?.(k) ?? {};
    const layout = layoutOf({ ...scratch, features: f32(capacity, this.dim) });
    const needsKernels = objective.bind !== undefined && this.dim > 0;
    const { kernels, buffer, base } = needsKernels
      ? openArena(similarityKernels, layout.byteLength)
      : { kernels: similarityKernels.twins, buffer: new ArrayBuffer(layout.byteLength), base: 0 };
    const views = viewsOf<ArrayTypes>(layout, buffer, base);
    this.kernels = kernels;
    this.scratch = views;
    this.features = views.features as Float32Array;
    this.weights = new Float64Array(reads.weight ? capacity : 0);
    this.#itemsAt = new Int32Array(reads.items === undefined ? 0 : capacity).fill(-1);
    this.#itemCounts = new Int32Array(this.#itemsAt.length);
  }

  /** The element in a slot, viewed: it lasts until the slot is freed. */
  at(slot: number): Element {
    return {
      items: this.reads.items === undefined ? NO_ITEMS : this.itemsOf(slot),
      features: this.dim === 0 ? NO_FEATURES : this.features.subarray(slot * this.dim, (slot + 1) * this.dim),
      weight: this.reads.weight ? this.weights[slot]! : 1,
    };
  }

  set(slot: number, { items, features, weight }: Element): void {
    if (this.reads.items !== undefined) this.#setItems(slot, items);
    if (this.dim > 0) this.features.set(features, slot * this.dim);
    if (this.dim > 0 && this.reads.normalized) normalize(this.features, slot * this.dim, this.dim);
    if (this.reads.weight) this.weights[slot] = weight;
  }

  /** Lets go of what a slot holds. */
  free(slot: number): void {
    if (this.reads.items === undefined) return;
    const at = this.#itemsAt[slot]!;
    if (at < 0) return;
    this.#release(sizeClass(this.#itemCounts[slot]!), at);
    this.#itemsAt[slot] = -1;
  }

  itemsOf(slot: number): Int32Array {
    const at = this.#itemsAt[slot]!;
    return at < 0
      ? NO_ITEMS
      : this.#pages[at >>> PAGE_BITS]!.subarray(at & PAGE_MASK, (at & PAGE_MASK) + this.#itemCounts[slot]!);
  }

  /** The page, the place in it, and the number of a slot's items, for loops that must not make views. */
  pageOf(slot: number): Int32Array {
    return this.#pages[this.#itemsAt[slot]! >>> PAGE_BITS] ?? NO_ITEMS;
  }

  placeOf(slot: number): number {
    return this.#itemsAt[slot]! & PAGE_MASK;
  }

  countOf(slot: number): number {
    return this.#itemsAt[slot]! < 0 ? 0 : this.#itemCounts[slot]!;
  }

  #setItems(slot: number, given: Int32Array): void {
    this.free(slot);
    const items = distinct(given);
    this.#itemCounts[slot] = items.length;
    if (items.length === 0) return;
    const at = this.#allocate(sizeClass(items.length));
    this.#itemsAt[slot] = at;
    this.#pages[at >>> PAGE_BITS]!.set(items, at & PAGE_MASK);
  }

  /** A block of 2^`size` items. Blocks are handed out at multiples of their length, so none crosses a page. */
  #allocate(size: number): number {
    const free = this.#free[size]! - 1;
    if (free >= 0) {
      this.#free[size] = this.#pages[free >>> PAGE_BITS]![free & PAGE_MASK]!;
      return free;
    }
    const length = 1 << size;
    for (let gap = this.#end & (length - 1); gap > 0; gap = this.#end & (length - 1)) {
      const fitting = 31 - Math.clz32(gap & -gap);
      this.#release(fitting, this.#end);
      this.#end += 1 << fitting;
    }
    const at = this.#end;
    this.#end += length;
    while (this.#pages.length * PAGE_ITEMS < this.#end) this.#pages.push(new Int32Array(PAGE_ITEMS));
    return at;
  }

  #release(size: number, at: number): void {
    this.#pages[at >>> PAGE_BITS]![at & PAGE_MASK] = this.#free[size]!;
    this.#free[size] = at + 1;
  }
}

/** In ascending order, each once. */
function distinct(items: Int32Array): Int32Array {
  const sorted = items.slice().sort();
  let count = 0;
  for (let i = 0; i < sorted.length; i++)
    if (i === 0 || sorted[i] !== sorted[i - 1]) sorted[count++] = sorted[i]!;
  return sorted.subarray(0, count);
}

const sizeClass = (items: number): number => (items <= 1 ? 0 : 32 - Math.clz32(items - 1));

/** Scales a row to length 1; one of zeros stays. */
export function normalize(features: Float32Array, from: number, dim: number): void {
  let square = 0;
  for (let d = from; d < from + dim; d++) square += features[d]! * features[d]!;
  const length = Math.sqrt(square);
  for (let d = from; d < from + dim && length > 0; d++) features[d] = features[d]! / length;
}
