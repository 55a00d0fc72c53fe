/**
 * Tensor attention of order three: every row attends to all pairs of rows of its sequence.
 *
 *   x_ijl = scale sum over a of q_i,a k1_j,a k2_l,a
 *   o_i = sum of e^(x_ijl) v1_j v2_l (elementwise) / sum of e^(x_ijl), over all rows j and l
 *   approximate: 1 + x + … + x^g / g! in place of e^x, a sum of monomials in which j and l part
 *
 * In      q, k1, k2  FixedSizeList<Float32>[H*K]   v1, v2  [H*V]
 * Out     o          FixedSizeList<Float32>[H*V]   one row per input row, same order, in batches of their own
 * State   exact: the rows so far, float32, 4 maxRows H (3 K + 2 V) bytes; approximate: the queries so far and two sums
 *         [H, r, V + 1] float64, 4 maxRows H K + 16 H r (V + 1) bytes, r = (K + g)! / (K! g!)
 * Cost    exact O(n^3 H (K + V)); approximate O(n H r V)
 * Error   vs naive (f64): relative RMSE <= 1e-6. Approximate, against e^x: a weight is off by at most error =
 *         X^(g+1) / (g+1)! e^X of itself, X = scale K bound^3 (`tensorAttentionError`), an output by 2 error / (1 - error)
 *         of the largest product of values; degrees that promise nothing (error >= 1) are refused
 * Nulls   an error that names the row; so are NaN, infinities and, where approximate, entries above the bound
 * Differs the paper lets the degree grow with the rows; here it is fixed, and the error is what it says
 * Source  Alman, Song, How to Capture Higher-order Correlations? Generalizing Matrix Softmax Attention to Kronecker
 *         Computation, 2023, arXiv:2310.04064
 */
import { defineOperator, type StepContext } from '../../src/define-operator.js';
import { tensorAttentionKernels, tensorScratch } from '../../src/kernels/tensor-attention.js';
import { f32, i32, type Views } from '../../src/layout.js';
import { integer, oneOf } from '../../src/options.js';
import { collectRows, copyRows, type EmitAt } from './collected.js';
import { overflow } from './heads.js';
import {
  checkPolynomial,
  checkTensor,
  momentScratch,
  momentSlots,
  momentsOf,
  polynomialOf,
  type TensorOptions,
  type TensorPolynomial,
  tensorColumns,
  tensorOptions,
} from './tensor-options.js';

export interface TensorAttentionOptions extends TensorOptions {
  /** The most rows of a sequence, 1 … 2^24. */
  readonly maxRows: number;
  /** A polynomial in place of the exponential function (default: none, exact). */
  readonly approximate?: TensorPolynomial;
  /** 'end' (default): the stream is one sequence. 'full': every `maxRows` rows are one, answered as soon as they are there. */
  readonly emit?: EmitAt;
}

type Resolved = ReturnType<typeof check>;

function check({ approximate, ...options }: TensorAttentionOptions) {
  const sizes = checkTensor(options);
  return {
    ...sizes,
    maxRows: integer({ maxRows: options.maxRows }, 1, 2 ** 24),
    approximate: approximate === undefined ? undefined : checkPolynomial(approximate, sizes),
    emit: oneOf<EmitAt>({ emit: options.emit ?? 'end' }, ['end', 'full']),
  };
}

/** Rows whose keys and values are kept: none where sums stand for them. */
const keptRows = ({ maxRows, approximate }: Resolved) => (approximate === undefined ? maxRows : 0);

const layout = (options: Resolved) => {
  const { heads: H, keyDim: K, valueDim: V } = options;
  const rows = keptRows(options);
  return {
    q: f32(options.maxRows, H * K),
    k1: f32(rows, H * K),
    k2: f32(rows, H * K),
    v1: f32(rows, H * V),
    v2: f32(rows, H * V),
    ...momentSlots(options),
    rows: i32(1),
  };
};

const constants = (options: Resolved) => ({
  ...polynomialOf(options),
  numbers: Int32Array.from({ length: keptRows(options) }, (_, row) => row),
});

const scratch = (options: Resolved) => ({
  o: f32(options.maxRows, options.heads * options.valueDim),
  inner: f32(tensorScratch(keptRows(options), options.keyDim, options.valueDim)),
  ...momentScratch(options),
});

type Context = StepContext<
  Resolved,
  Views<ReturnType<typeof layout>>,
  ReturnType<typeof constants>,
  Views<ReturnType<typeof scratch>>,
  (typeof tensorAttentionKernels)['twins']
>;

export const tensorAttention = defineOperator({
  name: 'tensorAttention',
  version: 1,
  summary: 'attention of every row to all pairs of rows of its sequence',
  kernels: tensorAttentionKernels,
  options: {
    ...tensorOptions,
    maxRows: 'the most rows of a sequence, 1 … 2^24',
    approximate: '{ degree 1 … 16, bound on the entries of q, k1 and k2 } (default: exact)',
    emit: "'end' (default): one sequence; 'full': every maxRows rows are one",
  },
  check,
  inputs: (options) => tensorColumns(options),
  outputs: ({ heads: H, valueDim: V }) => ({ o: f32(H * V) }),
  layout,
  constants,
  scratch,
  emits: 'batches',
  step(context, { numRows, ...columns }) {
    const { options, state } = context;
    const { maxRows, emit } = options;
    const append = (from: number, count: number, before: number) =>
      keepRows(context, columns, from, count, before);
    const answer = () => answerSequence(context);
    collectRows({ name: 'tensorAttention', rows: state.rows, maxRows, emit, append, answer }, numRows);
  },
  flush(context) {
    if (context.state.rows[0]! > 0) answerSequence(context);
  },
  tolerance: 1e-6,
  examples: [
    { heads: 2, keyDim: 3, valueDim: 4, maxRows: 20, emit: 'full' },
    { keyDim: 5, valueDim: 3, scale: 0.5, maxRows: 35, emit: 'full' },
    { heads: 2, keyDim: 3, valueDim: 3, maxRows: 90, approximate: { degree: 4, bound: 1 }, emit: 'full' },
  ],
});

type Role = 'q' | 'k1' | 'k2' | 'v1' | 'v2';

/** Keeps rows, or the query of each and what the sums gain from it. */
function keepRows(
  { options, state, constants, scratch, kernels }: Context,
  columns: Readonly<Record<Role, Float32Array>>,
  from: number,
  count: number,
  before: number,
): void {
  const { maxRows, approximate, heads: H, keyDim: K, valueDim: V } = options;
  const { q, k1, k2, v1, v2, sums1, sums2 } = state;
  if (approximate === undefined) {
    copyRows(columns, { q, k1, k2, v1, v2 }, maxRows, from, count, before);
    return;
  }
  copyRows(columns, { q }, maxRows, from, count, before);
  const { parents, variables } = constants;
  kernels.addPairMoments(
    sums1,
    sums2,
    columns.k1.subarray(from * H * K),
    columns.k2.subarray(from * H * K),
    columns.v1.subarray(from * H * V),
    columns.v2.subarray(from * H * V),
    parents,
    variables,
    scratch.monomials,
    count,
    H,
    K,
    V,
    momentsOf(options),
  );
}

/** Emits the outputs of the rows that are there, and makes room for the next sequence. */
function answerSequence(context: Context): void {
  const { options, state, constants, scratch, kernels, emit } = context;
  const { approximate, heads: H, keyDim: K, valueDim: V, scale } = options;
  const { q, k1, k2, v1, v2, sums1, sums2, rows } = state;
  const { parents, variables, coefficients, numbers } = constants;
  const { o, monomials, inner } = scratch;
  const T = rows[0]!;
  if (approximate !== undefined) {
    const sizes = [T, H, K, V, momentsOf(options)] as const;
    kernels.readPairMoments(sums1, sums2, q, o, parents, variables, coefficients, monomials, ...sizes);
  }
  for (let i = 0; i < T && approximate === undefined; i++) {
    const query = q.subarray(i * H * K);
    kernels.attendToPairs(query, k1, k2, v1, v2, o.subarray(i * H * V), numbers, inner, T, H, K, V, scale);
  }
  if (kernels.firstNonFinite(o, T * H * V) >= 0) throw overflow('tensorAttention');
  emit({ o: o.slice(0, T * H * V) }, T);
  sums1.fill(0);
  sums2.fill(0);
  rows[0] = 0;
}
