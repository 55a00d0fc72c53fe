/**
 * Standardise: numbers as multiples of the standard deviation around the mean, of all rows so far.
 *
 *   n_t = n_{t-1} + 1
 *   mean_t = mean_{t-1} + (x_t - mean_{t-1}) / n_t
 *   M_t = M_{t-1} + (x_t - mean_{t-1}) (x_t - mean_t)
 *   z_t = (x_t - mean_t) / sqrt(M_t / n_t)          0 where M_t = 0, and in the first `warmupRows` rows
 *
 * Row t is among the rows that it is standardised by, and no row behind it is.
 *
 * In      x  Float64, or FixedSizeList<Float64>[dim]; or the columns that `of` names, each Float64
 * Out     z  Float32, or FixedSizeList<Float32>[dim]; or a Float64 column `<name>_z` for each
 * State   count [1], mean [dim], M [dim] float64   16 dim + 8 bytes; states merge (Chan, Golub and LeVeque)
 * Cost    O(dim) a row, no growth with stream length
 * Error   vs naive (two passes over the rows so far, float64): relative RMSE <= 1e-6, the rounding of z to float32
 * Nulls   refused, as NaN and infinity are
 * Differs divides by n, as scikit-learn's StandardScaler does, and not by n - 1
 * Source  Welford, Note on a Method for Calculating Corrected Sums of Squares and Products, 1962; Chan, Golub and LeVeque,
 *         Updating Formulae and a Pairwise Algorithm for Computing Sample Variances, 1979
 */
import { defineOperator } from '../../src/define-operator.js';
import { optionRange } from '../../src/errors.js';
import { type ArrayType, f32, f64 } from '../../src/layout.js';
import { integer } from '../../src/options.js';
import { names } from './columns.js';

export interface StandardizeOptions {
  /** Columns of one number a row, each standardised by itself. Either these, or a column `x`. */
  readonly of?: readonly string[];
  /** The length of the vectors in column `x`, 1 … 65,536; 1 is a column of numbers too. Default 1 without `of`. */
  readonly dim?: number;
  /** The first so many rows give 0, 0 … 2^53 (default 1): there is no deviation to speak of yet. */
  readonly warmupRows?: number;
}

interface Checked {
  readonly of: readonly string[] | undefined;
  readonly dim: number;
  readonly warmupRows: number;
}

/** Standardises columns by the rows so far. Errors: OPTION_RANGE, and those of reading a column. */
export const standardize = defineOperator({
  name: 'standardize',
  version: 1,
  summary: 'numbers as deviations from the mean of the rows so far, in standard deviations',
  options: {
    of: 'columns of one number a row, each by itself; otherwise column x is read',
    dim: 'the length of the vectors in x, 1 … 65,536 (default 1, a column of numbers)',
    warmupRows: 'the first so many rows give 0 (default 1)',
  },
  check({ of, dim, warmupRows = 1 }: StandardizeOptions): Checked {
    if (of !== undefined && dim !== undefined)
      throw optionRange('', 'of or dim', 'at most one of them', { of, dim });
    const rows = integer({ warmupRows }, 0, 2 ** 53 - 1);
    return of === undefined
      ? { of, dim: integer({ dim: dim ?? 1 }, 1, 65_536), warmupRows: rows }
      : { of: names({ of }), dim: of.length, warmupRows: rows };
  },
  inputs: ({ of, dim }): Record<string, ArrayType<'f64'>> =>
    of ? Object.fromEntries(of.map((name) => [name, f64()])) : { x: dim === 1 ? f64() : f64(dim) },
  outputs: ({ of, dim }): Record<string, ArrayType<'f32' | 'f64'>> =>
    of ? Object.fromEntries(of.map((name) => [`${name}_z`, f64()])) : { z: dim === 1 ? f32() : f32(dim) },
  layout: ({ dim }) => ({ count: f64(1), mean: f64(dim), M: f64(dim) }),
  step({ options: { of, dim, warmupRows }, state: { count, mean, M } }, rows) {
    const columns = rows as unknown as Readonly<Record<string, Float64Array>> & { numRows: number };
    const first = count[0]!;
    if (of === undefined)
      advance(first, mean, M, columns.x!, columns.z!, 0, columns.numRows, dim, warmupRows);
    else {
      for (const [i, name] of of.entries()) {
        const z = columns[`${name}_z`]!;
        advance(first, mean, M, columns[name]!, z, i, columns.numRows, 1, warmupRows);
      }
    }
    count[0] = first + columns.numRows;
  },
  merge(a, b) {
    const count = a.count[0]! + b.count[0]!;
    const share = count === 0 ? 0 : b.count[0]! / count;
    const mean = a.mean.map((own, i) => own + (b.mean[i]! - own) * share);
    const M = a.M.map((own, i) => own + b.M[i]! + (b.mean[i]! - a.mean[i]!) ** 2 * a.count[0]! * share);
    return { count: [count], mean, M };
  },
  tolerance: 1e-6,
  examples: [{}, { dim: 3, warmupRows: 10 }, { of: ['height', 'weight'] }],
});

/** mean [.., dim], M [.., dim] from `at` on, x [T, dim] -> z [T, dim]; `count` rows were seen before. */
function advance(
  count: number,
  mean: Float64Array,
  M: Float64Array,
  x: Float64Array,
  z: Float64Array | Float32Array,
  at: number,
  T: number,
  dim: number,
  warmupRows: number,
): void {
  for (let t = 0; t < T; t++) {
    const n = count + t + 1;
    for (let i = 0; i < dim; i++) {
      const value = x[t * dim + i]!;
      const before = value - mean[at + i]!;
      mean[at + i]! += before / n;
      const behind = value - mean[at + i]!;
      M[at + i]! += before * behind;
      const deviation = Math.sqrt(M[at + i]! / n);
      z[t * dim + i] = n <= warmupRows || deviation === 0 ? 0 : behind / deviation;
    }
  }
}
