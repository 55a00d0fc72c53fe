/**
 * Sieve-Streaming: one pass, a sieve for each guess of the optimum. A baseline for streams that only insert.
 *
 *   for each guess v = (1 + epsilon)^j in m … 2km, m the largest f({e}):
 *   keep e  if  f(e | S_v) >= (v/2 − f(S_v)) / (k − |S_v|)          the answer is the best S_v
 *
 * In      op Int8 (1 insert, -1 delete; absent: all inserts)   id integer or text   what the objective reads
 * Out     selected List<id>   gains List<Float64>   value Float64   oracleCalls Int64   changed Int32   certified Bool
 * State   live elements, and O(k log(k) / epsilon) kept ones
 * Cost    O(log(k) / epsilon) calls an insert; a deletion of a kept element runs its sieves over all live elements
 * Error   none: it equals its reference to the bit where the objective's arithmetic is exact
 * Nulls   an error that names the row; so are NaN and infinities
 * Differs with `singletonMax` guesses end at km, which is enough when m is known
 * Source  Badanidiyuru, Mirzasoleiman, Karbasi, Krause, Streaming Submodular Maximization, KDD 2014
 *
 * Ratio               1/2 − epsilon
 * Memory              O(k log(k) / epsilon) beside the live elements, which only deletions need
 * Queries per update  O(log(k) / epsilon) an insert; O(n log(k) / epsilon) a deletion
 * Objective class     monotone submodular
 * Assumes             nothing of the order; few deletions
 */
import { checkSieve, defineSubmodular, type SieveOptions, sieveOptions } from './define-submodular.js';
import { coverage } from './objectives/coverage.js';
import { Sieves } from './sieves.js';

export const sieveStreaming = defineSubmodular({
  name: 'sieveStreaming',
  version: 1,
  summary: 'the best k of a stream of inserts, by a sieve for each guess of the optimum',
  options: sieveOptions,
  check: (options: SieveOptions) => checkSieve(options),
  algorithm:
    ({ epsilon, singletonMax }) =>
    (world) =>
      new Sieves(world, {
        ratio: 1 + epsilon,
        range: (largest, _best, k) => [largest, (singletonMax === undefined ? 2 : 1) * k * largest],
        thresholds: (guess) => [({ value, kept }, k) => (guess / 2 - value) / (k - kept.length)],
        singletonMax,
        certified: true,
        rerunsAll: false,
      }),
  examples: [
    { k: 5, objective: coverage({ maxItems: 100 }), emit: 'row', maxElements: 500, epsilon: 0.3 },
    {
      k: 5,
      objective: coverage({ maxItems: 100 }),
      emit: 'row',
      maxElements: 500,
      singletonMax: 5,
      windowRows: 20,
    },
  ],
});
