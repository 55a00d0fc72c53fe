/**
 * The elements that are live, by id and by slot.
 *
 * An element keeps its slot for as long as it is live or pinned, and until the end of the update that ends both. `order` lists
 * the live slots without gaps, so that one can be drawn at random; a removal moves the last one into the gap.
 */
import type { Id } from '../../src/row-types.js';
import { IdTable } from './id-table.js';
import { PagedInts } from './paged-list.js';

export class LiveSet {
  readonly capacity: number;
  /** When a slot's element arrived: the number of the row that brought it. */
  readonly arrival: Float64Array;
  /** The live slots, `count` of them. */
  readonly order: Int32Array;
  count = 0;
  /** Where a slot is in `order`; −1 where it is not live. */
  readonly #place: Int32Array;
  readonly #pins: Int32Array;
  readonly #ids: IdTable;
  readonly #free = new PagedInts();
  /** Slots that have become free in this update. */
  readonly #freed: number[] = [];
  #used = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.arrival = new Float64Array(capacity);
    this.order = new Int32Array(capacity);
    this.#place = new Int32Array(capacity).fill(-1);
    this.#pins = new Int32Array(capacity);
    this.#ids = new IdTable(capacity);
  }

  /** The id of the element in a slot; of integers the signed one of the same 64 bits. */
  idOf(slot: number): Id {
    return this.#ids.at(slot);
  }

  isLive(slot: number): boolean {
    return this.#place[slot]! >= 0;
  }

  /** The slot of a live element; −1 where there is none of the id. */
  slotOf(id: Id): number {
    return this.#ids.slotOf(id);
  }

  insert(id: Id, arrival: number): number {
    const slot = this.#free.length > 0 ? this.#free.pop() : this.#used++;
    this.arrival[slot] = arrival;
    this.#ids.set(slot, id);
    this.#place[slot] = this.count;
    this.order[this.count++] = slot;
    return slot;
  }

  remove(slot: number): void {
    this.#ids.delete(slot);
    const place = this.#place[slot]!;
    const last = this.order[--this.count]!;
    this.order[place] = last;
    this.#place[last] = place;
    this.#place[slot] = -1;
    if (this.#pins[slot] === 0) this.#freed.push(slot);
  }

  /** Ends an update: what was removed in it may be used again. */
  settle(): void {
    for (const slot of this.#freed) this.#free.push(slot);
    this.#freed.length = 0;
  }

  /** Keeps what is known of an element even when it is no longer live. */
  pin(slot: number): void {
    this.#pins[slot]!++;
  }

  unpin(slot: number): void {
    this.#pins[slot]!--;
    if (this.#pins[slot] === 0 && !this.isLive(slot)) this.#freed.push(slot);
  }

  /** Ends all pins. */
  unpinAll(): void {
    for (let slot = 0; slot < this.#used; slot++)
      if (this.#pins[slot]! > 0 && !this.isLive(slot)) this.#freed.push(slot);
    this.#pins.fill(0);
  }

  /** A slot for an element that is not live but still pinned, when a state is read. */
  insertGhost(arrival: number): number {
    const slot = this.#used++;
    this.arrival[slot] = arrival;
    return slot;
  }

  /** All slots whose elements are known: the live ones in order, then those that are only pinned, oldest first. */
  known(): Int32Array {
    const ghosts: number[] = [];
    for (let slot = 0; slot < this.#used; slot++)
      if (this.#pins[slot]! > 0 && !this.isLive(slot)) ghosts.push(slot);
    ghosts.sort((a, b) => this.arrival[a]! - this.arrival[b]!);
    const known = new Int32Array(this.count + ghosts.length);
    known.set(this.order.subarray(0, this.count));
    known.set(ghosts, this.count);
    return known;
  }

  /** The live slots from the oldest to the newest. */
  byArrival(): Int32Array {
    return this.order.slice(0, this.count).sort((a, b) => this.arrival[a]! - this.arrival[b]!);
  }
}
