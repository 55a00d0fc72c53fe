/**
 * A sieve: it keeps each element that gains at least a threshold, until it has k.
 */
import type { World } from './oracle.js';

/** What an element must gain to be kept by a sieve that has seen `seen` elements before it. */
export type Threshold = (sieve: Sieve, k: number) => number;

export class Sieve {
  readonly kept: number[] = [];
  readonly gains: number[] = [];
  value = 0;
  /** Elements that were offered. */
  seen = 0;
  readonly #world: World;
  readonly #threshold: Threshold;
  #state: unknown;

  constructor(world: World, threshold: Threshold) {
    this.#world = world;
    this.#threshold = threshold;
    this.#state = world.oracle.empty();
  }

  /** True where the element is kept. */
  offer(slot: number): boolean {
    const { k, oracle } = this.#world;
    this.seen++;
    if (this.kept.length >= k) return false;
    const gain = oracle.gain(this.#state, slot);
    if (!(gain > 0 && gain >= this.#threshold(this, k))) return false;
    this.#keep(slot, gain);
    return true;
  }

  reset(): void {
    this.kept.length = 0;
    this.gains.length = 0;
    this.value = 0;
    this.seen = 0;
    this.#state = this.#world.oracle.empty();
  }

  save(numberOf: (slot: number) => number) {
    return {
      kept: Int32Array.from(this.kept, numberOf),
      gains: Float64Array.from(this.gains),
      seen: this.seen,
    };
  }

  load({ kept, gains, seen }: ReturnType<Sieve['save']>): void {
    this.reset();
    for (const [i, slot] of kept.entries()) this.#keep(slot, gains[i]!);
    this.seen = seen;
  }

  #keep(slot: number, gain: number): void {
    this.#world.oracle.add(this.#state, slot);
    this.kept.push(slot);
    this.gains.push(gain);
    this.value += gain;
  }
}
