/**
 * The objective as algorithms ask it: by slot, one element or many in a call, every call counted.
 */
import { corruptInput } from '../../src/errors.js';
import { Elements } from './elements.js';
import type { LiveSet } from './live-set.js';
import { type Bound, bindPlainly, type Objective } from './objective.js';

/** What an algorithm knows of the world. */
export interface World {
  readonly k: number;
  readonly live: LiveSet;
  readonly oracle: Oracle;
}

export interface Evaluated {
  readonly value: number;
  readonly gains: number[];
  readonly state: unknown;
}

export class Oracle {
  /** Marginal gains asked for, and values of whole sets evaluated anew. */
  calls = 0;
  readonly elements: Elements;
  readonly bound: Bound;
  readonly #slot = new Int32Array(1);
  readonly #gain = new Float64Array(1);
  readonly #who: string;
  #nothing: unknown;

  constructor(
    who: string,
    objective: Objective,
    capacity: number,
    k: number,
    constrain = (bound: Bound): Bound => bound,
  ) {
    this.#who = who;
    this.elements = new Elements(objective, capacity, k);
    this.bound = constrain(objective.bind?.(this.elements, k) ?? bindPlainly(objective, this.elements));
  }

  empty(): unknown {
    return this.bound.empty();
  }

  /** f({e}) */
  single(slot: number): number {
    this.#nothing ??= this.bound.empty();
    return this.gain(this.#nothing, slot);
  }

  /** The objective has become another one. */
  changed(): void {
    this.#nothing = undefined;
  }

  gain(state: unknown, slot: number): number {
    this.#slot[0] = slot;
    this.gains(state, this.#slot, this.#gain, 1);
    return this.#gain[0]!;
  }

  gains(state: unknown, slots: Int32Array, gains: Float64Array, count: number): void {
    this.calls += count;
    this.bound.gains(state, slots, gains, count);
    for (let c = 0; c < count; c++) {
      if (gains[c]! - gains[c]! !== 0)
        throw corruptInput(this.#who, 'gain of an element', 'a finite number', `${gains[c]}`);
    }
  }

  add(state: unknown, slot: number): void {
    this.bound.add(state, slot);
  }

  value(state: unknown): number {
    return this.bound.value(state);
  }

  /** The state of a set, its elements added in their order. */
  stateOf(slots: Iterable<number>): unknown {
    const state = this.bound.empty();
    for (const slot of slots) this.bound.add(state, slot);
    return state;
  }

  /** `to` (or a fresh state) as the state of the same set as `from`, which is that of `slots`. */
  copied(from: unknown, to: unknown, slots: Iterable<number>): unknown {
    if (this.bound.copy === undefined) return this.stateOf(slots);
    const target = to ?? this.bound.empty();
    this.bound.copy(from, target);
    return target;
  }

  /** f(S), and what each element added in the order they are in; counts as one call. */
  evaluate(slots: readonly number[]): Evaluated {
    this.calls++;
    const state = this.bound.empty();
    const gains: number[] = [];
    let before = 0;
    for (const slot of slots) {
      this.bound.add(state, slot);
      const after = this.bound.value(state);
      gains.push(after - before);
      before = after;
    }
    return { value: before, gains, state };
  }
}
