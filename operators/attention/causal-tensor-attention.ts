/**
 * Attention to pairs of earlier rows, row by row, by a polynomial: its state does not grow.
 *
 *   x_tjl = scale sum over a of q_t,a k1_j,a k2_l,a,   j, l <= t
 *   P(x) = 1 + x + x^2 / 2! + … + x^g / g!  in place of e^x, a sum of monomials in which j and l part
 *   o_t = sum of P(x_tjl) v1_j v2_l (elementwise) / sum of P(x_tjl)
 *
 * In      q, k1, k2  FixedSizeList<Float32>[H*K], no entry above `bound`   v1, v2  [H*V]
 * Out     o          FixedSizeList<Float32>[H*V]   one row per input row, same order
 * State   two sums [H, r, V + 1] float64, r = (K + g)! / (K! g!)   16 H r (V + 1) bytes
 * Cost    O(T H r V) per batch, no growth with stream length
 * Error   vs naive (f64) with the same polynomial: relative RMSE <= 1e-6. Against e^x a weight is off by at most
 *         error = X^(g+1) / (g+1)! e^X of itself, X = scale K bound^3 (`tensorAttentionError`), an output by
 *         2 error / (1 - error) of the largest product of values; degrees that promise nothing (error >= 1) are refused
 * Nulls   an error that names the row; so are NaN, infinities and entries above the bound
 * Differs the paper lets the degree grow with the rows; here it is fixed, and the error is what it says
 * Source  Alman, Song, How to Capture Higher-order Correlations? Generalizing Matrix Softmax Attention to Kronecker
 *         Computation, 2023, arXiv:2310.04064
 */
import { defineOperator } from '../../src/define-operator.js';
import { tensorAttentionKernels } from '../../src/kernels/tensor-attention.js';
import { f32 } from '../../src/layout.js';
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

export interface CausalTensorAttentionOptions extends TensorOptions {
  /** The polynomial in place of the exponential function, and the entries that it holds for. */
  readonly approximate: TensorPolynomial;
}

export const causalTensorAttention = defineOperator({
  name: 'causalTensorAttention',
  version: 1,
  summary: 'attention to pairs of earlier rows in constant state, for bounded entries',
  kernels: tensorAttentionKernels,
  options: { ...tensorOptions, approximate: '{ degree 1 … 16, bound on the entries of q, k1 and k2 }' },
  check(options: CausalTensorAttentionOptions) {
    const sizes = checkTensor(options);
    return { ...sizes, approximate: checkPolynomial(options.approximate, sizes) };
  },
  inputs: (options) => tensorColumns(options),
  outputs: ({ heads: H, valueDim: V }) => ({ o: f32(H * V) }),
  layout: (options) => momentSlots(options),
  constants: (options) => ({ ...polynomialOf(options) }),
  scratch: (options) => momentScratch(options),
  step({ options, state, constants, scratch: { monomials }, kernels }, { numRows, q, k1, k2, v1, v2, o }) {
    const { heads: H, keyDim: K, valueDim: V } = options;
    const { sums1, sums2 } = state;
    const { parents, variables, coefficients } = constants;
    const sizes = [1, H, K, V, momentsOf(options)] as const;
    for (let t = 0; t < numRows; t++) {
      const keyRow = (x: Float32Array) => x.subarray(t * H * K, (t + 1) * H * K);
      const valueRow = (x: Float32Array) => x.subarray(t * H * V, (t + 1) * H * V);
      const rows = [keyRow(k1), keyRow(k2), valueRow(v1), valueRow(v2)] as const;
      kernels.addPairMoments(sums1, sums2, ...rows, parents, variables, monomials, ...sizes);
      const out = valueRow(o);
      kernels.readPairMoments(
        sums1,
        sums2,
        keyRow(q),
        out,
        parents,
        variables,
        coefficients,
        monomials,
        ...sizes,
      );
    }
    if (kernels.firstNonFinite(o, numRows * H * V) >= 0) throw overflow('causalTensorAttention');
  },
  merge: (a, b) => ({ sums1: added(a.sums1, b.sums1), sums2: added(a.sums2, b.sums2) }),
  tolerance: 1e-6,
  examples: [
    { keyDim: 2, valueDim: 2, approximate: { degree: 3, bound: 1 } },
    { keyDim: 4, valueDim: 1, scale: 0.2, approximate: { degree: 3, bound: 1.1 } },
  ],
});

const added = (a: Float64Array, b: Float64Array) => a.map((x, i) => x + b[i]!);
