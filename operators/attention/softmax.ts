/**
 * Softmax: each row's vector of logits as probabilities. It never overflows, and takes e^x once for each number.
 *
 *   p_i = e^(x_i) / sum of e^(x_j)      lse = log of the sum
 *
 * A row is taken in segments of 4096: p relative to a segment's own maximum first, and rescaled to that of the row when
 * its sum is known, so that wide rows are read once and their probabilities touched twice.
 *
 * In      x  FixedSizeList<Float32>[n], or Float64, not rounded before use; -Infinity is the logit of what is left out
 * Out     p  FixedSizeList<Float32>[n]   with `lse` also lse Float32   one row per input row, same order
 * State   none
 * Cost    O(T n) per batch
 * Error   vs naive (f64): relative RMSE <= 1e-6; probabilities below 1e-30 of a segment's largest are 0
 * Nulls   an error that names the row; so are NaN and +Infinity
 * Differs a row of -Infinity alone gives zeros and lse = -Infinity, not NaN
 * Source  Milakov, Gimelshein, 2018, arXiv:1805.02867; Dukhan, Ablavatski, Two-Pass Softmax, 2020, arXiv:2001.04438
 */
import { defineOperator, type StepContext } from '../../src/define-operator.js';
import { log64 } from '../../src/kernels/log64.js';
import { exp64 } from '../../src/kernels/math.js';
import { softmaxKernels } from '../../src/kernels/softmax.js';
import {
  type ArrayType,
  checkedByStep,
  f32,
  f64,
  orMasked,
  unrounded,
  type Views,
} from '../../src/layout.js';
import { integer, truth } from '../../src/options.js';

export interface SoftmaxOptions {
  /** Numbers n of a row's vector, 1 … 2^28. */
  readonly dim: number;
  /** Whether to write lse, the logarithm of the sum (default false). */
  readonly lse?: boolean;
}

/** Numbers of a segment: two arrays of them stay in the first level cache. */
const SEGMENT = 4096;
/** Rows that are shorter pass together, as many as fill a segment. */
const rowsTogether = (dim: number) => Math.max(1, Math.floor(SEGMENT / dim));
const segmentsOf = (dim: number) => Math.ceil(dim / SEGMENT);

const scratch = ({ dim }: Required<SoftmaxOptions>) => {
  const segments = Math.max(rowsTogether(dim), segmentsOf(dim));
  return {
    x: f32(SEGMENT),
    p: f32(SEGMENT),
    maximum: f32(segments),
    sum: f32(segments),
    factor: f32(segments),
    /** What was taken from a segment's numbers before they were rounded, and the largest of them in all. */
    offset: f64(segments),
  };
};

type Scratch = Views<ReturnType<typeof scratch>>;
type Context = StepContext<
  Required<SoftmaxOptions>,
  unknown,
  unknown,
  Scratch,
  (typeof softmaxKernels)['twins']
>;
type Floats = Float32Array | Float64Array;

export const softmax = defineOperator({
  name: 'softmax',
  version: 1,
  summary: "each row's vector of logits as probabilities",
  kernels: softmaxKernels,
  passing: 'columns',
  options: {
    dim: "numbers of a row's vector, 1 … 2^28",
    lse: 'whether to write lse, the logarithm of the sum (default false)',
  },
  check: ({ dim, lse = false }: SoftmaxOptions) => ({
    dim: integer({ dim }, 1, 2 ** 28),
    lse: truth({ lse }),
  }),
  inputs: ({ dim }) => ({ x: checkedByStep(orMasked(unrounded(f32(dim)))) }),
  outputs: ({ dim, lse }) => ({
    p: f32(dim),
    ...((lse ? { lse: f32() } : {}) as { lse: ArrayType<'f32'> }),
  }),
  scratch,
  step(context, { numRows: T, x, p, lse }) {
    const { dim: n } = context.options;
    const together = rowsTogether(n);
    for (let t = 0; t < T; t += together) {
      const rows = Math.min(together, T - t);
      const finite =
        n <= SEGMENT ? shortRows(context, x, p, lse, t, rows, n) : longRow(context, x, p, lse, t, n);
      if (!finite) context.check('x');
    }
  },
  tolerance: 1e-6,
  examples: [{ dim: 1 }, { dim: 37, lse: true }, { dim: 5000, lse: true }],
});

/** Rows that fit into a segment. Gives false where a number is NaN or +Infinity. */
function shortRows(
  { scratch, kernels }: Context,
  x: Floats,
  p: Float32Array,
  lse: Float32Array | undefined,
  first: number,
  rows: number,
  n: number,
): boolean {
  const { maximum, sum, factor, offset } = scratch;
  if (x instanceof Float32Array) {
    scratch.x.set(x.subarray(first * n, (first + rows) * n));
    offset.fill(0, 0, rows);
  } else for (let row = 0; row < rows; row++) load(scratch, row * n, x, (first + row) * n, n, row);
  kernels.softmaxSegments(scratch.x, scratch.p, maximum, sum, rows, n);
  for (let row = 0; row < rows; row++) {
    factor[row] = sum[row] === 0 ? 0 : 1 / sum[row]!;
    if (lse !== undefined) lse[first + row] = logSum(maximum[row]! + offset[row]!, sum[row]!);
  }
  kernels.scaleSegments(scratch.p, factor, rows, n);
  p.set(scratch.p.subarray(0, rows * n), first * n);
  return !sum.subarray(0, rows).some(Number.isNaN);
}

/** A row of many segments. */
function longRow(
  { scratch, kernels }: Context,
  x: Floats,
  p: Float32Array,
  lse: Float32Array | undefined,
  row: number,
  n: number,
): boolean {
  const { maximum, sum, factor, offset } = scratch;
  const segments = segmentsOf(n);
  const end = (row + 1) * n;
  let highest = -Infinity;
  for (let i = 0, at = row * n; i < segments; i++, at += SEGMENT) {
    const length = Math.min(SEGMENT, end - at);
    load(scratch, 0, x, at, length, i);
    kernels.softmaxSegments(scratch.x, scratch.p, maximum.subarray(i), sum.subarray(i), 1, length);
    p.set(scratch.p.subarray(0, length), at);
    offset[i] = offset[i]! + maximum[i]!;
    highest = Math.max(highest, offset[i]!);
  }
  let total = 0;
  for (let i = 0; i < segments; i++) total += sum[i]! * powerFrom(highest, offset[i]!);
  for (let i = 0, at = row * n; i < segments && total > 0; i++, at += SEGMENT) {
    const length = Math.min(SEGMENT, end - at);
    scratch.p.set(p.subarray(at, at + length));
    factor[0] = powerFrom(highest, offset[i]!) / total;
    kernels.scaleSegments(scratch.p, factor, 1, length);
    p.set(scratch.p.subarray(0, length), at);
  }
  if (lse !== undefined) lse[row] = logSum(highest, total);
  return !Number.isNaN(total);
}

/** Copies n numbers of x to scratch; float64 numbers less their largest, so that rounding does not cost digits. */
function load(
  { x: target, offset }: Scratch,
  at: number,
  x: Floats,
  from: number,
  n: number,
  segment: number,
): void {
  offset[segment] = 0;
  if (x instanceof Float32Array) {
    target.set(x.subarray(from, from + n), at);
    return;
  }
  let highest = -Infinity;
  for (let i = from; i < from + n; i++) if (x[i]! > highest) highest = x[i]!;
  if (Number.isFinite(highest)) offset[segment] = highest;
  for (let i = 0; i < n; i++) target[at + i] = x[from + i]! - offset[segment]!;
}

const powerFrom = (highest: number, x: number) => (x === -Infinity ? 0 : exp64(x - highest));
const logSum = (highest: number, sum: number) => (sum === 0 ? -Infinity : highest + log64(sum));
