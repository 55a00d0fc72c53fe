/**
 * Salsa: three rules side by side for each guess of the optimum, of which one is right whatever the optimum is like. A baseline
 * for streams that only insert, in random order.
 *
 *   keep e in the set of guess v, N the elements to come, n those that came before
 *   fixed      if  f(e | S) >= (1/2 + 1/6) v/k
 *   high, low  if  f(e | S) >= (1/2 + 1/20) v/k  while n <= N/10,  then  (1/2 − 1/40) v/k
 *   dense      if  f(e | S) >= 10 v/k  while n <= 4N/5,  then  5 v/k
 *
 * In      op Int8 (1 insert, -1 delete; absent: all inserts)   id integer or text   what the objective reads
 * Out     selected List<id>   gains List<Float64>   value Float64   oracleCalls Int64   changed Int32   certified Bool
 * State   live elements, and O(k log(k) / epsilon) kept ones
 * Cost    O(log(k) / epsilon) calls an insert; a deletion of a kept element runs all rules over all live elements
 * Error   none: it equals its reference to the bit where the objective's arithmetic is exact
 * Nulls   an error that names the row; so are NaN and infinities
 * Differs the constants are those of the authors of ThreeSieves
 * Source  Norouzi-Fard, Tarnawski, Mitrović, Zandieh, Mousavifar, Svensson, Beyond 1/2-Approximation for Submodular
 *         Maximization on Massive Data Streams, 2018, arXiv:1808.01842
 *
 * Ratio               1/2 + a constant, in expectation over random orders: `certified` is false
 * Memory              O(k log(k) / epsilon) beside the live elements, which only deletions need
 * Queries per update  O(log(k) / epsilon) an insert; O(n log(k) / epsilon) a deletion
 * Objective class     monotone submodular
 * Assumes             elements come in random order, about as many as said; few deletions
 */
import { integer } from '../../src/options.js';
import { checkSieve, defineSubmodular, type SieveOptions, sieveOptions } from './define-submodular.js';
import { coverage } from './objectives/coverage.js';
import type { Threshold } from './sieve.js';
import { Sieves } from './sieves.js';

export interface SalsaOptions extends SieveOptions {
  /** Elements that the stream will bring, 1 … 1e12. */
  readonly expectedRows: number;
}

/** The rules of a guess; each begins with one share of v/k and goes on with another when a part of the stream has passed. */
const rules = [
  { first: 1 / 2 + 1 / 6, part: 1, later: 1 / 2 + 1 / 6 },
  { first: 0.5 + 0.05, part: 0.1, later: 0.5 - 0.025 },
  { first: 10, part: 0.8, later: 1 / 0.2 },
];

const thresholdsOf = (guess: number, expectedRows: number): Threshold[] =>
  rules.map(
    ({ first, part, later }) =>
      ({ seen }, k) =>
        (guess / k) * (seen - 1 <= part * expectedRows ? first : later),
  );

export const salsa = defineSubmodular({
  name: 'salsa',
  version: 1,
  summary: 'the best k of a stream of inserts in random order, by three rules for each guess of the optimum',
  options: { ...sieveOptions, expectedRows: 'elements that the stream will bring' },
  check: (options: SalsaOptions) => ({
    ...checkSieve(options),
    expectedRows: integer({ expectedRows: options.expectedRows }, 1, 1e12),
  }),
  algorithm:
    ({ epsilon, singletonMax, expectedRows }) =>
    (world) =>
      new Sieves(world, {
        ratio: 1 + epsilon,
        range: (largest, _best, k) => [largest, (singletonMax === undefined ? 2 : 1) * k * largest],
        thresholds: (guess) => thresholdsOf(guess, expectedRows),
        singletonMax,
        certified: false,
        rerunsAll: true,
      }),
  examples: [
    {
      k: 5,
      objective: coverage({ maxItems: 100 }),
      emit: 'row',
      maxElements: 500,
      epsilon: 0.3,
      expectedRows: 300,
    },
  ],
});
