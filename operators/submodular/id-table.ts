/**
 * Ids by slot, and slots by id: a hash table of typed arrays that has its full size from the start.
 *
 * An update never waits for a table to grow: memory that is not used yet is not there yet either, since the system gives it out
 * page by page. Collisions go to the next free place; a deletion closes the gap that it leaves.
 */
import type { Id } from '../../src/row-types.js';
import { PagedList } from './paged-list.js';

export class IdTable {
  readonly #hashes: Int32Array;
  /** slot + 1; 0 where nothing is. At least a third of it stays free. */
  readonly #table: Int32Array;
  /** Integer ids, each the two halves of its 64 bits. */
  readonly #halves: Int32Array;
  readonly #texts = new PagedList<string>();
  /** One integer, and its halves. */
  readonly #whole = new BigInt64Array(1);
  readonly #half = new Int32Array(this.#whole.buffer);
  #isText = false;

  constructor(capacity: number) {
    this.#hashes = new Int32Array(capacity);
    this.#table = new Int32Array(2 ** Math.ceil(Math.log2(1.5 * capacity + 1)));
    this.#halves = new Int32Array(2 * capacity);
  }

  /** The id in a slot; integers as signed ones, of the same bits. */
  at(slot: number): Id {
    if (this.#isText) return this.#texts.at(slot)!;
    this.#half[0] = this.#halves[2 * slot]!;
    this.#half[1] = this.#halves[2 * slot + 1]!;
    return this.#whole[0]!;
  }

  /** The slot that has the id; −1 where none has. */
  slotOf(id: Id): number {
    const mask = this.#table.length - 1;
    const hash = this.#hashOf(id);
    for (let place = hash & mask; ; place = (place + 1) & mask) {
      const slot = this.#table[place]! - 1;
      if (slot < 0 || (this.#hashes[slot] === hash && this.#has(slot, id))) return slot;
    }
  }

  /** Gives a slot an id that no slot has. */
  set(slot: number, id: Id): void {
    const mask = this.#table.length - 1;
    const hash = this.#hashOf(id);
    this.#isText = typeof id === 'string';
    this.#hashes[slot] = hash;
    if (typeof id === 'string') this.#texts.set(slot, id);
    else for (const half of [0, 1]) this.#halves[2 * slot + half] = this.#half[half]!;
    let place = hash & mask;
    while (this.#table[place] !== 0) place = (place + 1) & mask;
    this.#table[place] = slot + 1;
  }

  /** Lets an id be found no longer; the slot still tells it. */
  delete(slot: number): void {
    const table = this.#table;
    const mask = table.length - 1;
    let gap = this.#hashes[slot]! & mask;
    while (table[gap] !== slot + 1) gap = (gap + 1) & mask;
    for (let place = (gap + 1) & mask; table[place] !== 0; place = (place + 1) & mask) {
      const home = this.#hashes[table[place]! - 1]! & mask;
      if (((place - home) & mask) < ((place - gap) & mask)) continue;
      table[gap] = table[place]!;
      gap = place;
    }
    table[gap] = 0;
  }

  #has(slot: number, id: Id): boolean {
    if (typeof id === 'string') return this.#texts.at(slot) === id;
    return this.#halves[2 * slot] === this.#half[0] && this.#halves[2 * slot + 1] === this.#half[1];
  }

  /** Of an integer, leaves its halves in `#half`. */
  #hashOf(id: Id): number {
    if (typeof id === 'string') {
      let hash = id.length;
      for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
      return mixed(hash);
    }
    this.#whole[0] = id;
    return mixed(this.#half[0]! ^ Math.imul(mixed(this.#half[1]!), 0x9e3779b1));
  }
}

/** Every bit of a number depends on every other; the last step of MurmurHash3. */
function mixed(bits: number): number {
  let hash = bits;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
