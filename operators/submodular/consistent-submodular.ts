/**
 * A summary that people watch: the best k of a changing set of elements, of which an update changes at most two.
 *
 *   insert e   takes the place of y = argmin f(y | S − y)  if  f(e | S) > f(y | S − y) + epsilon f(S) / k
 *   delete e   in S: the best of `candidates` elements takes its place
 *
 * In      op Int8 (1 insert, -1 delete; absent: all inserts)   id integer or text   what the objective reads
 * Out     selected List<id>   gains List<Float64>   value Float64   oracleCalls Int64   changed Int32   certified Bool
 * State   live elements: about 50 bytes each and what the objective reads
 * Cost    two calls an insert, k more where it may take a place; `candidates` calls where an element of the answer is deleted
 * Error   none: it equals its reference to the bit where the objective's arithmetic is exact
 * Nulls   an error that names the row; so are NaN and infinities
 * Differs from consistent maximisation in the literature, which bounds the number of changes and proves a ratio, for inserts
 * Source  no paper; see Dütting, Fusco, Lattanzi, Norouzi-Fard, Zadimoghaddam, Consistent Submodular Maximization, ICML 2024
 *
 * Ratio               none proved: `certified` is false on every row. Measured at least 0.9 of greedy, but not on data whose
 *                     best elements are rare and worth little alone
 * Memory              O(n)
 * Queries per update  at most candidates + k + 3
 * Objective class     monotone submodular
 * Assumes             nothing of the stream
 */
import { integer } from '../../src/options.js';
import { BoundedSwap } from './bounded-swap.js';
import {
  checkSeed,
  checkSummary,
  defineSubmodular,
  type RandomOptions,
  seedOption,
  summaryOptions,
} from './define-submodular.js';
import { coverage } from './objectives/coverage.js';
import { featureBased } from './objectives/feature-based.js';
import { saturatedCoverage } from './objectives/saturated-coverage.js';

export interface ConsistentSubmodularOptions extends RandomOptions {
  /** How much of the mean gain an element must bring on top of what it replaces, 0 … 1 (default 0.1). */
  readonly epsilon?: number;
  /** Elements that are tried for a place that has become free, 1 … 1e6 (default 512). */
  readonly candidates?: number;
}

export const consistentSubmodular = defineSubmodular({
  name: 'consistentSubmodular',
  version: 1,
  summary: 'the best k of a changing set of elements, at most two of them changed by an update',
  options: {
    ...summaryOptions,
    ...seedOption,
    epsilon: 'the part of the mean gain that a swap must bring (default 0.1)',
    candidates: 'elements that are tried for a free place (default 512)',
  },
  check: (options: ConsistentSubmodularOptions) => ({
    ...checkSummary(options, 0.1),
    seed: checkSeed(options),
    candidates: integer({ candidates: options.candidates ?? 512 }, 1, 1e6),
  }),
  algorithm:
    ({ epsilon, candidates, seed }) =>
    (world) =>
      new BoundedSwap(world, { delta: epsilon, candidates, seed }),
  examples: [
    { k: 6, objective: coverage({ maxItems: 100 }), emit: 'row', maxElements: 500, candidates: 10 },
    {
      k: 4,
      objective: saturatedCoverage({ dim: 3, similarity: 'rbf', groundRows: 10, saturation: 0.3 }),
      emit: 'row',
      windowRows: 25,
      maxElements: 500,
    },
    { k: 4, objective: featureBased({ dim: 4, concave: 'log' }), emit: 'row', maxElements: 500, seed: 3 },
  ],
});
