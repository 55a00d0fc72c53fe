/**
 * The objective's states of all prefixes of a growing and shrinking list of chosen elements: state q is that of the first q.
 */
import type { Oracle } from './oracle.js';

export class PrefixStates {
  readonly chosen: number[] = [];
  readonly #oracle: Oracle;
  /** More of them than are in use: they are written over. */
  readonly #states: unknown[];

  constructor(oracle: Oracle) {
    this.#oracle = oracle;
    this.#states = [oracle.empty()];
  }

  at(prefix: number): unknown {
    return this.#states[prefix];
  }

  append(slot: number): void {
    const prefix = this.chosen.length;
    const state = this.#oracle.copied(this.#states[prefix], this.#states[prefix + 1], this.chosen);
    this.#oracle.add(state, slot);
    this.#states[prefix + 1] = state;
    this.chosen.push(slot);
  }

  /** Keeps the first `prefix` elements and gives back the others. */
  cut(prefix: number): number[] {
    return this.chosen.splice(prefix);
  }
}
