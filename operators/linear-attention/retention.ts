/**
 * Retention (RetNet): linear attention whose heads forget at the fixed rates 1/32, 1/64, 1/128, …
 *
 *   gamma_h = 1 - 2^(-5-h),  h = 0 … H-1
 *   S_t = gamma S_(t-1) + k_t v_t^T
 *   o_t = scale q_t^T S_t
 *
 * In      q, k  FixedSizeList<Float32>[H*K]   v  [H*V]
 * Out     o     FixedSizeList<Float32>[H*V]   one row per input row, same order
 * State   S [H, K, V] and the open chunk, float32   about 4 H (K V + C (K + V)) bytes
 * Cost    O(T H (K V + C (K + V))) per batch, no growth with stream length
 * Error   vs naive (f64): relative RMSE <= 1e-6
 * Nulls   an error that names the row; so are NaN and infinities
 * Differs the model's rotary positions, gate and group norm are left to the caller
 * Source  Sun et al., Retentive Network, 2023, arXiv:2307.08621
 */
import { checkMatrix, defineConstantDecay, type MatrixOptions, matrixOptions } from './constant-decay.js';

export interface RetentionOptions extends MatrixOptions {
  /** Factor on every output (default keyDim^-1/2). */
  readonly scale?: number;
}

export const retention = defineConstantDecay({
  name: 'retention',
  version: 1,
  summary: 'linear attention whose heads forget at the rates 1/32, 1/64, 1/128, …',
  options: matrixOptions,
  check: (options: RetentionOptions) => checkMatrix(options, options.keyDim ** -0.5),
  lambdas: ({ heads }) => Array.from({ length: heads }, (_, h) => 1 - 2 ** (-5 - h)),
  examples: [
    { heads: 3, keyDim: 8, valueDim: 12 },
    { heads: 2, keyDim: 3, valueDim: 5, chunkRows: 32 },
  ],
});
