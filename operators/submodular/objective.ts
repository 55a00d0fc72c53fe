/**
 * What an objective is: a set function whose worth of a set grows with the set (monotone), and of an element shrinks with it
 * (submodular). An objective is a value; everything it knows of a set is in the states that it makes.
 */
import type { ArrayTypes } from '../../src/layout.js';
import type { Elements } from './elements.js';

/** An element as an objective sees it. What the objective does not read is empty, the weight 1. */
export interface Element {
  /** Each once, in ascending order. */
  readonly items: Int32Array;
  readonly features: Float32Array;
  readonly weight: number;
}

/** The columns that an objective reads of each element. */
export interface Reads {
  /** `items` List<Int32>: numbers in 0 … items − 1. */
  readonly items?: number;
  /** `features` FixedSizeList<Float32> of this width. */
  readonly features?: number;
  /** Whether features are scaled to length 1 when they arrive, so that x . y is the cosine. */
  readonly normalized?: boolean;
  /** Whether features must not be negative. */
  readonly nonNegative?: boolean;
  /** `weight` Float64, at least 0. */
  readonly weight?: boolean;
}

/**
 * A monotone submodular objective, f(∅) = 0. Write your own from these five functions; `checkObjective` tests it.
 *
 *   gain(state, e) = f(S + e) − f(S)      >= 0, and never more for a larger S
 */
export interface Objective<S = unknown> {
  readonly name: string;
  /** What its values depend on, as plain data: a saved state fits no objective of other options. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly reads: Reads;
  /** The state of the empty set. */
  empty(): S;
  /** What the element would add. Changes nothing. */
  gain(state: S, element: Element): number;
  /** Adds an element to the set of a state. */
  add(state: S, element: Element): void;
  /** Takes out an element that was added. */
  remove?(state: S, element: Element): void;
  /** f(S) */
  value(state: S): number;
  /** Makes `to` equal to `from`; without it, copies are made by adding all elements again. */
  copy?(from: S, to: S): void;
  /** For objectives that evaluate many elements in one call: the same functions over elements by their slots. */
  bind?(elements: Elements, k: number): Bound<S>;
  /** Arrays that `bind` wants beside the features, where kernels reach them. */
  scratch?(k: number): ArrayTypes;
}

/** An objective over elements that lie in slots. */
export interface Bound<S = unknown> {
  empty(): S;
  /** gains[c] of slots[c], c < count */
  gains(state: S, slots: Int32Array, gains: Float64Array, count: number): void;
  add(state: S, slot: number): void;
  remove?(state: S, slot: number): void;
  value(state: S): number;
  copy?(from: S, to: S): void;
  /** The states of all prefixes of a list at once, where they need not be copies of each other. */
  prefixes?(): Prefixes<S>;
  /** Sees each element as it arrives; true where the objective is another one from now on. */
  observe?(slot: number): boolean;
  /** What it has learned from the elements that it saw. */
  save?(): unknown;
  load?(saved: unknown): void;
}

/** The states of the prefixes of a list that grows and shrinks at its end. */
export interface Prefixes<S = unknown> {
  /** The state of the first `prefix` elements. */
  at(prefix: number): S;
  append(slot: number): void;
  /** Keeps the first `prefix` elements; `others` were behind them. */
  cut(prefix: number, others: readonly number[]): void;
}

/** Any objective over slots, element by element. */
export function bindPlainly<S>(objective: Objective<S>, elements: Elements): Bound<S> {
  const { remove, copy } = objective;
  return {
    empty: () => objective.empty(),
    gains(state, slots, gains, count) {
      for (let c = 0; c < count; c++) gains[c] = objective.gain(state, elements.at(slots[c]!));
    },
    add: (state, slot) => objective.add(state, elements.at(slot)),
    value: (state) => objective.value(state),
    ...(remove && { remove: (state: S, slot: number) => remove.call(objective, state, elements.at(slot)) }),
    ...(copy && { copy: (from: S, to: S) => copy.call(objective, from, to) }),
  };
}

/** An objective that is written into an operator's identity by name and options. */
export abstract class IdentifiedObjective {
  abstract readonly name: string;
  abstract readonly options: Readonly<Record<string, unknown>>;

  toJSON(): object {
    return { [this.name]: this.options };
  }
}

/** What a bound objective has besides evaluating, for one that stands around it. */
export const hooksOf = (bound: Bound): Pick<Bound, 'observe' | 'save' | 'load'> => ({
  ...(bound.observe && { observe: (slot: number) => bound.observe!(slot) }),
  ...(bound.save && { save: () => bound.save!() }),
  ...(bound.load && { load: (saved: unknown) => bound.load!(saved) }),
});
