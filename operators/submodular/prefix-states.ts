/**
 * The objective's states of all prefixes of a growing and shrinking list of chosen elements: state q is that of the first q.
 */
import type { Prefixes } from './objective.js';
import type { Oracle } from './oracle.js';

export class PrefixStates {
  readonly chosen: number[] = [];
  readonly #prefixes: Prefixes;

  constructor(oracle: Oracle) {
    this.#prefixes = oracle.bound.prefixes?.() ?? new CopiedPrefixes(oracle, this.chosen);
  }

  at(prefix: number): unknown {
    return this.#prefixes.at(prefix);
  }

  append(slot: number): void {
    this.#prefixes.append(slot);
    this.chosen.push(slot);
  }

  /** Keeps the first `prefix` elements and gives back the others. */
  cut(prefix: number): number[] {
    const others = this.chosen.splice(prefix);
    this.#prefixes.cut(prefix, others);
    return others;
  }
}

/** A state for each prefix, each a copy of the one before with an element added. */
class CopiedPrefixes implements Prefixes {
  readonly #oracle: Oracle;
  readonly #chosen: readonly number[];
  /** More of them than are in use: they are written over. */
  readonly #states: unknown[];

  constructor(oracle: Oracle, chosen: readonly number[]) {
    this.#oracle = oracle;
    this.#chosen = chosen;
    this.#states = [oracle.empty()];
  }

  at(prefix: number): unknown {
    return this.#states[prefix];
  }

  append(slot: number): void {
    const prefix = this.#chosen.length;
    const state = this.#oracle.copied(this.#states[prefix], this.#states[prefix + 1], this.#chosen);
    this.#oracle.add(state, slot);
    this.#states[prefix + 1] = state;
  }

  cut(): void {}
}
