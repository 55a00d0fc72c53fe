/**
 * Greedy from scratch for each answer: the measure of the dynamic algorithms, and the right choice where answers are rare.
 *
 *   s_q = argmax over live e of f(e | s_0 … s_(q-1)), of equal ones the newest
 *
 * In      op Int8 (1 insert, -1 delete; absent: all inserts)   id integer or text   what the objective reads
 * Out     selected List<id>   gains List<Float64>   value Float64   oracleCalls Int64   changed Int32   certified Bool
 * State   live elements: about 40 bytes each and what the objective reads
 * Cost    a call an insert; lazy greedy over all live elements an answer, O(n log n) and up to n k calls
 * Error   none: it equals its reference to the bit where the objective's arithmetic is exact
 * Nulls   an error that names the row; so are NaN and infinities
 * Differs `oracleCalls` depends on how many answers are asked for
 * Source  Nemhauser, Wolsey, Fisher, 1978; lazily: Minoux, 1978
 *
 * Ratio               1 − 1/e; 1/2 with a limit for each category
 * Memory              O(n)
 * Queries per update  1, and up to n k an answer
 * Objective class     monotone submodular
 * Assumes             nothing of the stream
 */
import { type AtMost, atMostPerCategory } from './category-limit.js';
import { checkSummary, defineSubmodular, type SummaryOptions, summaryOptions } from './define-submodular.js';
import { GreedyAnew } from './lazy-greedy.js';
import { coverage } from './objectives/coverage.js';
import { graphCut } from './objectives/graph-cut.js';

export interface GreedyOptions extends Omit<SummaryOptions, 'epsilon'> {
  /** At most so many of each `category`, for all or `{ category: number }` (default no limit). */
  readonly atMostPerCategory?: AtMost;
}

const { epsilon: _, ...options } = summaryOptions;

export const greedy = defineSubmodular({
  name: 'greedy',
  version: 1,
  summary: 'the best k of a changing set of elements, by greedy from scratch for each answer',
  options: { ...options, atMostPerCategory: 'at most so many of each category (default no limit)' },
  check(given: GreedyOptions) {
    const { epsilon: __, ...checked } = checkSummary(given, 0);
    return {
      ...checked,
      atMostPerCategory:
        given.atMostPerCategory === undefined ? undefined : atMostPerCategory(given.atMostPerCategory),
    };
  },
  algorithm: () => (world) => new GreedyAnew(world),
  examples: [
    { k: 6, objective: coverage({ maxItems: 100 }), emit: 'row', maxElements: 500 },
    {
      k: 4,
      objective: graphCut({ dim: 2, similarity: 'rbf', ground: [0, 0, 1, 0, 0, 1, 1, 1], lambda: 3 }),
      emit: 'row',
      maxElements: 500,
      atMostPerCategory: 2,
      windowRows: 25,
    },
  ],
});
