/**
 * Linear attention: a memory of key-value pairs that every row adds to and asks, nothing ever fades.
 *
 *   S_t = S_(t-1) + phi(k_t) v_t^T
 *   o_t = scale phi(q_t)^T S_t,   normalized: divided by scale phi(q_t)^T z_t + 1e-10,  z_t = z_(t-1) + phi(k_t)
 *
 * In      q, k  FixedSizeList<Float32>[H*K]   v  [H*V]
 * Out     o     FixedSizeList<Float32>[H*V]   one row per input row, same order
 * State   S [H, K, V] (normalized: z [H, K]) and the open chunk, float32   about 4 H (K V + C (K + V)) bytes
 * Cost    O(T H (K V + C (K + V))) per batch, no growth with stream length
 * Error   vs naive (f64): relative RMSE <= 1e-6
 * Nulls   an error that names the row; so are NaN and infinities
 * Differs the whole stream is one causal sequence; no known difference otherwise
 * Source  Katharopoulos, Vyas, Pappas, Fleuret, Transformers are RNNs, 2020, arXiv:2006.16236
 */
import { oneOf, truth } from '../../src/options.js';
import { checkMatrix, defineConstantDecay, type MatrixOptions, matrixOptions } from './constant-decay.js';

export interface LinearAttentionOptions extends MatrixOptions {
  /** phi: 'identity' (default), 'elu1' (elu + 1), 'relu' or 'exp', applied to queries and keys. */
  readonly featureMap?: 'identity' | 'elu1' | 'relu' | 'exp';
  /** Divide by the sum of the weights (default false). */
  readonly normalize?: boolean;
  /** Factor on every output (default keyDim^-1/2). */
  readonly scale?: number;
}

export const linearAttention = defineConstantDecay({
  name: 'linearAttention',
  version: 1,
  summary: 'adds every key-value pair to a memory and reads it with each query',
  options: {
    ...matrixOptions,
    featureMap: 'applied to queries and keys: identity (default), elu1, relu or exp',
    normalize: 'divide by the sum of the weights (default false)',
  },
  check: (options: LinearAttentionOptions) => ({
    ...checkMatrix(options, options.keyDim ** -0.5),
    featureMap: oneOf({ featureMap: options.featureMap ?? 'identity' }, ['identity', 'elu1', 'relu', 'exp']),
    normalize: truth({ normalize: options.normalize ?? false }),
  }),
  lambdas: ({ heads }) => new Array<number>(heads).fill(1),
  prepare(kernels, q, k, T, { heads: H, keyDim: K, featureMap }) {
    const n = T * H * K;
    for (const x of [q, k]) {
      if (featureMap === 'exp') kernels.expF32(x, x, n);
      else if (featureMap !== 'identity') kernels[featureMap](x, n);
    }
  },
  examples: [
    { heads: 2, keyDim: 8, valueDim: 12 },
    { keyDim: 3, valueDim: 5, featureMap: 'elu1', normalize: true },
    { heads: 3, keyDim: 4, valueDim: 8, featureMap: 'relu', chunkRows: 32 },
    { keyDim: 5, valueDim: 3, featureMap: 'exp', normalize: true },
  ],
});
