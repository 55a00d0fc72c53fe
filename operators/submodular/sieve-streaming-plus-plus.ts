/**
 * Sieve-Streaming++: thresholds instead of guesses, and none of them lower than what the best answer so far allows. A baseline
 * for streams that only insert.
 *
 *   for each threshold τ = (1 + epsilon)^j in  max(best, m) / 2k … m,  m the largest f({e}):
 *   keep e  if  f(e | S_τ) >= τ                                     the answer is the best there ever was
 *
 * In      op Int8 (1 insert, -1 delete; absent: all inserts)   id integer or text   what the objective reads
 * Out     selected List<id>   gains List<Float64>   value Float64   oracleCalls Int64   changed Int32   certified Bool
 * State   live elements, and O(k / epsilon) kept ones
 * Cost    O(log(k) / epsilon) calls an insert; a deletion of a kept element runs all sieves over all live elements
 * Error   none: it equals its reference to the bit where the objective's arithmetic is exact
 * Nulls   an error that names the row; so are NaN and infinities
 * Differs no known difference
 * Source  Kazemi, Mitrovic, Zadimoghaddam, Lattanzi, Karbasi, Submodular Streaming in All Its Glory, 2019, arXiv:1905.00948
 *
 * Ratio               1/2 − epsilon
 * Memory              O(k / epsilon) beside the live elements, which only deletions need
 * Queries per update  O(log(k) / epsilon) an insert; O(n log(k) / epsilon) a deletion
 * Objective class     monotone submodular
 * Assumes             nothing of the order; few deletions
 */
import { checkSieve, defineSubmodular, type SieveOptions, sieveOptions } from './define-submodular.js';
import { coverage } from './objectives/coverage.js';
import { Sieves } from './sieves.js';

export const sieveStreamingPlusPlus = defineSubmodular({
  name: 'sieveStreamingPlusPlus',
  version: 1,
  summary: 'the best k of a stream of inserts, by a sieve for each threshold that may still matter',
  options: sieveOptions,
  check: (options: SieveOptions) => checkSieve(options),
  algorithm:
    ({ epsilon, singletonMax }) =>
    (world) =>
      new Sieves(world, {
        ratio: 1 + epsilon,
        range: (largest, best, k) => [Math.max(best, largest) / (2 * k) / (1 + epsilon), largest],
        thresholds: (guess) => [() => guess],
        singletonMax,
        certified: true,
        rerunsAll: true,
      }),
  examples: [{ k: 5, objective: coverage({ maxItems: 100 }), emit: 'row', maxElements: 500, epsilon: 0.2 }],
});
