/**
 * Who is on which list, for lists that are replaced while they are in use.
 *
 * An element is on one roll that counts, and may be on one more that is being made in its place. Rolls have ascending numbers and
 * close in one step: what their elements are then said to be on is no roll any more.
 */
import { PagedInts } from './paged-list.js';

export interface Roll {
  readonly number: number;
  readonly slots: PagedInts;
}

/** By slot: the number of a roll, and the place on it. */
interface Side {
  readonly number: Int32Array;
  readonly place: Int32Array;
}

export class Rolls {
  readonly #sides: readonly [Side, Side];
  readonly #open = new Map<number, Roll>();
  #last = 0;

  constructor(capacity: number) {
    const newSide = () => ({ number: new Int32Array(capacity), place: new Int32Array(capacity) });
    this.#sides = [newSide(), newSide()];
  }

  open(): Roll {
    const roll = { number: this.nextNumber(), slots: new PagedInts() };
    this.#open.set(roll.number, roll);
    return roll;
  }

  close(roll: Roll): void {
    this.#open.delete(roll.number);
  }

  closeAll(): void {
    this.#open.clear();
  }

  /** A number above those of all rolls so far, of no roll. */
  nextNumber(): number {
    this.#last++;
    return this.#last;
  }

  /** The highest number that an element has had since it came: that of a roll, or a mark. */
  highestOf(slot: number): number {
    const [a, b] = this.#sides;
    return Math.max(a.number[slot]!, b.number[slot]!);
  }

  /** The open roll of the lower number that an element is on. */
  rollOf(slot: number): Roll | undefined {
    const [a, b] = this.#sides.map(({ number }) => this.#open.get(number[slot]!));
    return a !== undefined && b !== undefined && b.number < a.number ? b : (a ?? b);
  }

  /** Notes a number for an element; it must not be on two open rolls. */
  mark(slot: number, number: number): Side {
    const [a, b] = this.#sides;
    const side = this.#open.has(a.number[slot]!) ? b : a;
    side.number[slot] = number;
    return side;
  }

  join(roll: Roll, slot: number): void {
    this.mark(slot, roll.number).place[slot] = roll.slots.length;
    roll.slots.push(slot);
  }

  /** Takes an element off all rolls; the last one of each comes into its place. */
  leave(slot: number): void {
    for (const { number, place } of this.#sides) {
      const roll = this.#open.get(number[slot]!);
      number[slot] = 0;
      if (roll === undefined) continue;
      const last = roll.slots.pop();
      if (last === slot) continue;
      roll.slots.set(place[slot]!, last);
      const [a, b] = this.#sides;
      (a.number[last] === roll.number ? a : b).place[last] = place[slot]!;
    }
  }
}
