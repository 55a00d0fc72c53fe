/**
 * What the coder and the decoder of symbols have in common: their options and where frequencies come from.
 */
import { type ArrayType, i32 } from '../../src/layout.js';
import { integer, oneOf } from '../../src/options.js';

export interface ArithmeticCodeOptions {
  /** How many symbols there are, V: 1 … 32768. */
  readonly symbols: number;
  /**
   * Where probabilities come from. 'counted' (default): from how often each symbol was seen so far. 'given': row t of column
   * `cdf` has the cumulative frequencies of symbol t, from 0 to a total of at most 2^20; what has frequency 0 cannot be coded.
   */
  readonly frequencies?: 'counted' | 'given';
}

export const arithmeticOptions = {
  symbols: 'how many symbols there are, 1 … 32768',
  frequencies: "'counted' (default) from the symbols so far, or 'given' in a column cdf",
};

export const checkArithmetic = (options: ArithmeticCodeOptions) => ({
  symbols: integer({ symbols: options.symbols }, 1, 2 ** 15),
  frequencies: oneOf({ frequencies: options.frequencies ?? 'counted' }, ['counted', 'given'] as const),
});

/** The column of cumulative frequencies, where they are given. */
export const cdfColumn = ({ symbols, frequencies }: ReturnType<typeof checkArithmetic>) =>
  (frequencies === 'given' ? { cdf: i32(symbols + 1) } : {}) as { cdf: ArrayType<'i32'> };
