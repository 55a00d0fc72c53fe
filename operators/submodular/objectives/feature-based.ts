/**
 * Feature-based: each feature should be had, the more the better, but less and less so.
 *
 *   f(S) = sum over the features d of  w_d g(sum over e in S of e_d),   g concave: sqrt x, log(1 + x) or min(x, 1)
 *
 * Features must not be negative.
 */

import { log64 } from '../../../src/kernels/log64.js';
import { checked, integer, oneOf } from '../../../src/options.js';
import type { Elements } from '../elements.js';
import {
  type Bound,
  bindPlainly,
  type Element,
  IdentifiedObjective,
  type Objective,
  type Reads,
} from '../objective.js';
import { weightsOf } from './weights.js';

export interface FeatureBasedOptions {
  /** Numbers a row of `features`, 1 … 65536. */
  readonly dim: number;
  /** What more of a feature is worth: 'sqrt' (default), 'log', or 'cap', which has enough at 1. */
  readonly concave?: 'sqrt' | 'log' | 'cap';
  /** What each feature weighs, at least 0 (default 1 each): `dim` numbers. */
  readonly weights?: ArrayLike<number>;
}

export interface FeatureSums {
  readonly sums: Float64Array;
  /** Each sum's g. */
  readonly worth: Float64Array;
}

const concaves: Readonly<Record<string, (x: number) => number>> = {
  sqrt: Math.sqrt,
  log: (x) => log64(1 + x),
  cap: (x) => Math.min(x, 1),
};

export function featureBased(options: FeatureBasedOptions): Objective<FeatureSums> {
  const { dim, concave, weights } = checked('featureBased', options, [], () => {
    const width = integer({ dim: options.dim }, 1, 65536);
    return {
      dim: width,
      concave: oneOf({ concave: options.concave ?? 'sqrt' }, ['sqrt', 'log', 'cap']),
      weights: weightsOf('weights', options.weights ?? new Array<number>(width).fill(1), width),
    };
  });
  return new FeatureBased(dim, concave, weights);
}

class FeatureBased extends IdentifiedObjective implements Objective<FeatureSums> {
  readonly name = 'featureBased';
  readonly options: Readonly<Record<string, unknown>>;
  readonly reads: Reads;
  readonly #weights: Float64Array;
  readonly #g: (x: number) => number;

  constructor(dim: number, concave: string, weights: Float64Array) {
    super();
    this.options = { dim, concave, weights: Array.from(weights) };
    this.reads = { features: dim, nonNegative: true };
    this.#weights = weights;
    this.#g = concaves[concave]!;
  }

  empty(): FeatureSums {
    const { length } = this.#weights;
    return { sums: new Float64Array(length), worth: new Float64Array(length) };
  }

  gain(state: FeatureSums, { features }: Element): number {
    return this.#gainOf(state, features, 0);
  }

  add(state: FeatureSums, { features }: Element): void {
    this.#change(state, features, 1);
  }

  remove(state: FeatureSums, { features }: Element): void {
    this.#change(state, features, -1);
  }

  value({ worth }: FeatureSums): number {
    let value = 0;
    for (let d = 0; d < worth.length; d++) value += this.#weights[d]! * worth[d]!;
    return value;
  }

  copy(from: FeatureSums, to: FeatureSums): void {
    to.sums.set(from.sums);
    to.worth.set(from.worth);
  }

  bind(elements: Elements): Bound<FeatureSums> {
    const { features, dim } = elements;
    const gains = (state: FeatureSums, slots: Int32Array, found: Float64Array, count: number) => {
      for (let c = 0; c < count; c++) found[c] = this.#gainOf(state, features, slots[c]! * dim);
    };
    return { ...bindPlainly(this, elements), gains };
  }

  #gainOf({ sums, worth }: FeatureSums, features: Float32Array, from: number): number {
    let gain = 0;
    for (let d = 0; d < sums.length; d++) {
      const x = features[from + d]!;
      if (x > 0) gain += this.#weights[d]! * (this.#g(sums[d]! + x) - worth[d]!);
    }
    return gain;
  }

  #change({ sums, worth }: FeatureSums, features: Float32Array, sign: 1 | -1): void {
    for (let d = 0; d < sums.length; d++) {
      sums[d] = Math.max(0, sums[d]! + sign * features[d]!);
      worth[d] = this.#g(sums[d]!);
    }
  }
}
