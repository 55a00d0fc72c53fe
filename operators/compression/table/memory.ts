/**
 * What was last seen of a column behind the same value of another: tables of a fixed size, the newest entry wins.
 */
import { restore, type Saved, saved } from './saved.js';

const ENTRY_BITS = 17;
const MEAN_COUNT_MOST = 40;

export class Memory {
  readonly #checks = new Int32Array(1 << ENTRY_BITS);
  /** Value, coded integer, mean and how many it is of, by entry. */
  readonly #entries = new Float64Array(4 << ENTRY_BITS);

  save(): Saved[] {
    return [saved(this.#checks), saved(this.#entries)];
  }

  restore([checks, entries]: readonly Saved[]): void {
    restore(checks!, this.#checks);
    restore(entries!, this.#entries);
  }

  /** The entry of a key, or −1. */
  find(key: number): number {
    const entry = key >>> (32 - ENTRY_BITS);
    return this.#checks[entry] === (key | 1) ? entry : -1;
  }

  value(entry: number): number {
    return this.#entries[4 * entry]!;
  }

  coded(entry: number): number {
    return this.#entries[4 * entry + 1]!;
  }

  mean(entry: number): number {
    return this.#entries[4 * entry + 2]!;
  }

  put(key: number, value: number, coded: number): void {
    const entry = key >>> (32 - ENTRY_BITS);
    const at = 4 * entry;
    if (this.#checks[entry] !== (key | 1)) {
      this.#checks[entry] = key | 1;
      this.#entries[at + 2] = value;
      this.#entries[at + 3] = 0;
    }
    this.#entries[at] = value;
    this.#entries[at + 1] = coded;
    const count = Math.min(MEAN_COUNT_MOST, this.#entries[at + 3]! + 1);
    this.#entries[at + 3] = count;
    this.#entries[at + 2] = this.#entries[at + 2]! + (value - this.#entries[at + 2]!) / count;
  }
}
