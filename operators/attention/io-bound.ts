/**
 * How many numbers attention has to move between a memory of any size and a cache of M numbers, and how many the tiles
 * of a loop do move.
 */
import { optionRange } from '../../src/errors.js';
import { checked, finiteNumber, integer, oneOf } from '../../src/options.js';

export interface IoBoundOptions {
  /** Queries, and keys: N, 1 … 2^40. */
  readonly N: number;
  /** Width of a head: d, 1 … 2^20. */
  readonly d: number;
  /** Numbers that the cache holds, at least d^2. */
  readonly M: number;
}

/**
 * N^2 d^2 / M numbers: no algorithm that multiplies matrices in the usual way moves fewer than a constant share of it
 * when M >= d^2, and FlashAttention's loop moves a constant times it. Below d^2 another bound holds, and this refuses
 * with OPTION_RANGE.
 *
 * Source  Saha, Ye, The I/O Complexity of Attention, or How Optimal is FlashAttention?, 2024, arXiv:2402.07443
 */
export function ioBound(options: IoBoundOptions): number {
  const { N, d, M } = checked('ioBound', options, [], () => ({
    N: integer({ N: options.N }, 1, 2 ** 40),
    d: integer({ d: options.d }, 1, 2 ** 20),
    M: finiteNumber({ M: options.M }, 1),
  }));
  if (M < d * d) {
    const advice = 'A smaller cache has another bound, N^2 d / sqrt(M).';
    throw optionRange('ioBound', 'M', `at least d^2 = ${d * d}`, M, advice);
  }
  return (N * N * d * d) / M;
}

export interface TrafficOptions {
  readonly N: number;
  readonly d: number;
  /** Rows of keys and values that stay in the cache while queries pass, 1 … 2^20 (default 64). */
  readonly keyRows?: number;
  /** Rows of queries that are worked on together, 1 … 2^20 (default 4). */
  readonly queryRows?: number;
  /** What stays while the other passes: 'keys' (default), a block of keys and values, or 'queries', a tile of queries. */
  readonly keeps?: 'keys' | 'queries';
}

export interface Traffic {
  /** Numbers read and written. */
  readonly numbers: number;
  /** Numbers that the cache has to hold at a time. */
  readonly cacheNumbers: number;
  /** The bound for a cache of that size, undefined where it is below d^2. */
  readonly bound: number | undefined;
  /** How many times the bound is moved. */
  readonly ratio: number | undefined;
}

/**
 * The traffic of exact attention of N queries to N keys of width d, counted tile by tile. A kept block of keys sees all
 * queries pass, each with its running maximum, sum and output, which are read and written; a kept tile of queries sees
 * all keys and values pass.
 */
export function attentionTraffic(options: TrafficOptions): Traffic {
  const { N, d, keyRows, queryRows, keeps } = checked('attentionTraffic', options, [], () => ({
    N: integer({ N: options.N }, 1, 2 ** 40),
    d: integer({ d: options.d }, 1, 2 ** 20),
    keyRows: integer({ keyRows: options.keyRows ?? 64 }, 1, 2 ** 20),
    queryRows: integer({ queryRows: options.queryRows ?? 4 }, 1, 2 ** 20),
    keeps: oneOf<'keys' | 'queries'>({ keeps: options.keeps ?? 'keys' }, ['keys', 'queries']),
  }));
  const softmax = d + 2;
  const kept = keeps === 'keys' ? { rows: keyRows, width: 2 * d } : { rows: queryRows, width: d + softmax };
  const passing =
    keeps === 'keys' ? { rows: queryRows, width: d + 2 * softmax } : { rows: keyRows, width: 2 * d };
  const blocks = Math.ceil(N / kept.rows);
  const numbers = N * kept.width + blocks * N * passing.width;
  const passingNow = passing.rows * (keeps === 'keys' ? d + softmax : 2 * d);
  const cacheNumbers = kept.rows * kept.width + passingNow + keyRows * queryRows;
  const bound = cacheNumbers >= d * d ? ioBound({ N, d, M: cacheNumbers }) : undefined;
  return { numbers, cacheNumbers, bound, ratio: bound && numbers / bound };
}
