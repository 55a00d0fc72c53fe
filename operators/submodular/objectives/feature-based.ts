/**
 * Feature-based: each feature should be had, the more the better, but less and less so.
 *
 *   f(S) = sum over the features d of  w_d g(sum over e in S of e_d),   g concave: sqrt x, log(1 + x) or min(x, 1)
 *
 * Features must not be negative.
 */
import { checked, integer, oneOf } from '../../../src/options.js';
import type { Elements } from '../elements.js';
import { log64 } from '../log64.js';
import { type Bound, identified, type Objective } from '../objective.js';
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
  const g = concaves[concave]!;

  const gainOf = ({ sums, worth }: FeatureSums, features: Float32Array, from: number): number => {
    let gain = 0;
    for (let d = 0; d < dim; d++) {
      const x = features[from + d]!;
      if (x > 0) gain += weights[d]! * (g(sums[d]! + x) - worth[d]!);
    }
    return gain;
  };
  const change = ({ sums, worth }: FeatureSums, features: Float32Array, from: number, sign: 1 | -1) => {
    for (let d = 0; d < dim; d++) {
      sums[d] = Math.max(0, sums[d]! + sign * features[from + d]!);
      worth[d] = g(sums[d]!);
    }
  };
  const common = {
    empty: () => ({ sums: new Float64Array(dim), worth: new Float64Array(dim) }),
    value({ worth }: FeatureSums) {
      let value = 0;
      for (let d = 0; d < dim; d++) value += weights[d]! * worth[d]!;
      return value;
    },
    copy(from: FeatureSums, to: FeatureSums) {
      to.sums.set(from.sums);
      to.worth.set(from.worth);
    },
  };
  return identified({
    name: 'featureBased',
    options: { dim, concave, ...(options.weights && { weights: Array.from(weights) }) },
    reads: { features: dim, nonNegative: true },
    ...common,
    gain: (state, { features }) => gainOf(state, features, 0),
    add: (state, { features }) => change(state, features, 0, 1),
    remove: (state, { features }) => change(state, features, 0, -1),
    bind: ({ features }: Elements): Bound<FeatureSums> => ({
      ...common,
      gains(state, slots, gains, count) {
        for (let c = 0; c < count; c++) gains[c] = gainOf(state, features, slots[c]! * dim);
      },
      add: (state, slot) => change(state, features, slot * dim, 1),
      remove: (state, slot) => change(state, features, slot * dim, -1),
    }),
  });
}
