/**
 * Dynamic submodular maximisation: the best k of all elements that are live, kept up to date through inserts and deletions in
 * a bounded number of oracle calls an update.
 *
 *   S = (s_0, s_1, …) in greedy's order; an update repairs what lies behind the first place that it touches
 *   s_q stays while  (1 + epsilon) f(s_q | s_0 … s_(q-1)) >= f(e | s_0 … s_(q-1))  for every live e
 *
 * In      op Int8 (1 insert, -1 delete; absent: all inserts)   id integer or text   what the objective reads
 * Out     selected List<id>   gains List<Float64>   value Float64   oracleCalls Int64   changed Int32   certified Bool
 * State   live elements with their bounds: about 60 bytes each and what the objective reads, and k states of the objective
 * Cost    a call an insert, and at most budgetCalls + randomRefill + 16 + k more where the answer is touched
 * Error   none: it equals its reference to the bit where the objective's arithmetic is exact
 * Nulls   an error that names the row; so are NaN and infinities
 * Differs from lazy greedy run anew: chosen elements are kept within 1 + epsilon, and a repair may be spread over updates
 * Source  no paper: greedy of Nemhauser, Wolsey, Fisher 1978 and lazy bounds of Minoux 1978, kept by prefix
 *
 * Ratio               1 − e^(−1/(1 + epsilon)) of the optimum on certified rows (0.597 for 0.1), 1/(2 + epsilon) with a limit
 *                     for each category
 * Memory              O(n + k · state)
 * Queries per update  at most budgetCalls + randomRefill + 16 + 2k; with `exact`, as many as it takes
 * Objective class     monotone submodular
 * Assumes             nothing of the stream; rows may be chosen by an adversary who sees every answer
 */
import { integer, truth } from '../../src/options.js';
import { AnytimeGreedy } from './anytime-greedy.js';
import { type AtMost, atMostPerCategory } from './category-limit.js';
import {
  checkSeed,
  checkSummary,
  defineSubmodular,
  type RandomOptions,
  seedOption,
  summaryOptions,
} from './define-submodular.js';
import { coverage } from './objectives/coverage.js';
import { facilityLocation } from './objectives/facility-location.js';
import { logDeterminant } from './objectives/log-determinant.js';

export interface DynamicSubmodularOptions extends RandomOptions {
  /** How much more another element must gain to take a place, 0 … 1 (default 0.1). 0.3 … 0.5 for fewer changes. */
  readonly epsilon?: number;
  /** Repairs are always finished, so that every row is certified (default false). */
  readonly exact?: boolean;
  /** Oracle calls that a repair may make before it takes what it has, 0 … 1e9 (default 128). */
  readonly budgetCalls?: number;
  /** Random elements that are tried where the budget runs out, 0 … 1e6 (default 64). */
  readonly randomRefill?: number;
  /** At most so many of each `category`, for all or `{ category: number }` (default no limit). */
  readonly atMostPerCategory?: AtMost;
}

export const dynamicSubmodular = defineSubmodular({
  name: 'dynamicSubmodular',
  version: 2,
  summary: 'the best k of a changing set of elements, by greedy repaired where an update touches it',
  options: {
    ...summaryOptions,
    ...seedOption,
    epsilon: 'how much more another element must gain to take a place (default 0.1)',
    exact: 'whether repairs are always finished, every row certified (default false)',
    budgetCalls: 'oracle calls a repair (default 128)',
    randomRefill: 'random elements that are tried where the budget runs out (default 64)',
    atMostPerCategory: 'at most so many of each category (default no limit)',
  },
  check: (options: DynamicSubmodularOptions) => ({
    ...checkSummary(options, 0.1),
    seed: checkSeed(options),
    exact: truth({ exact: options.exact ?? false }),
    budgetCalls: integer({ budgetCalls: options.budgetCalls ?? 128 }, 0, 1e9),
    randomRefill: integer({ randomRefill: options.randomRefill ?? 64 }, 0, 1e6),
    atMostPerCategory:
      options.atMostPerCategory === undefined ? undefined : atMostPerCategory(options.atMostPerCategory),
  }),
  algorithm:
    ({ epsilon, exact, budgetCalls, randomRefill, seed }) =>
    (world) =>
      new AnytimeGreedy(world, {
        delta: epsilon,
        budgetCalls: exact ? Number.POSITIVE_INFINITY : budgetCalls,
        randomRefill,
        seed,
      }),
  examples: [
    { k: 6, objective: coverage({ maxItems: 100 }), emit: 'row', maxElements: 500 },
    {
      k: 5,
      objective: facilityLocation({ dim: 3, groundRows: 12 }),
      emit: 'row',
      maxElements: 500,
      budgetCalls: 8,
      randomRefill: 4,
      windowRows: 20,
    },
    {
      k: 4,
      objective: logDeterminant({ dim: 3, similarity: 'rbf', gamma: 0.5 }),
      emit: 'row',
      maxElements: 500,
      exact: true,
      atMostPerCategory: 1,
    },
  ],
});
