/**
 * ThreeSieves: a single sieve, which lowers its guess of the optimum whenever too many elements in a row were too light. A
 * baseline for streams that only insert, in the least memory and time.
 *
 *   v = k m, m the largest f({e});   after `patienceRows` refusals in a row  v = the next lower (1 + epsilon)^j
 *   keep e  if  f(e | S) >= (v/2 − f(S)) / (k − |S|)
 *
 * In      op Int8 (1 insert, -1 delete; absent: all inserts)   id integer or text   what the objective reads
 * Out     selected List<id>   gains List<Float64>   value Float64   oracleCalls Int64   changed Int32   certified Bool
 * State   live elements, and at most k kept ones
 * Cost    a call an insert, two where `singletonMax` is not known; a deletion of a kept element runs it over all live ones
 * Error   none: it equals its reference to the bit where the objective's arithmetic is exact
 * Nulls   an error that names the row; so are NaN and infinities
 * Differs where m is not known it is the largest seen, and the guess begins again at k m when it grows
 * Source  Buschjäger, Honysz, Pfahler, Morik, Very Fast Streaming Submodular Function Maximization, 2021, arXiv:2010.10059
 *
 * Ratio               (1 − epsilon)(1 − 1/e) with probability (1 − α)^k, patienceRows = −ln(α) / τ: `certified` is false
 * Memory              O(k) beside the live elements, which only deletions need
 * Queries per update  1 or 2 an insert; O(n) a deletion
 * Objective class     monotone submodular
 * Assumes             elements come independently of each other; few deletions
 */
import { integer } from '../../src/options.js';
import { checkSieve, defineSubmodular, type SieveOptions, sieveOptions } from './define-submodular.js';
import { LoweringSieve } from './lowering-sieve.js';
import { coverage } from './objectives/coverage.js';

export interface ThreeSievesOptions extends SieveOptions {
  /** Elements in a row that are let go before the guess comes down, 1 … 1e9 (default 500). */
  readonly patienceRows?: number;
}

export const threeSieves = defineSubmodular({
  name: 'threeSieves',
  version: 1,
  summary: 'the best k of a stream of inserts, by one sieve that comes down when nothing fits',
  options: {
    ...sieveOptions,
    patienceRows: 'elements in a row that are let go before the guess comes down (default 500)',
  },
  check: (options: ThreeSievesOptions) => ({
    ...checkSieve(options),
    patienceRows: integer({ patienceRows: options.patienceRows ?? 500 }, 1, 1e9),
  }),
  algorithm: (options) => (world) => new LoweringSieve(world, options),
  examples: [
    { k: 5, objective: coverage({ maxItems: 100 }), emit: 'row', maxElements: 500, patienceRows: 7 },
  ],
});
