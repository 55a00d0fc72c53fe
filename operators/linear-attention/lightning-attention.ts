/**
 * Lightning Attention: linear attention whose memory fades at a fixed rate per head, so that recent rows weigh more.
 *
 *   lambda_h = exp(-s_h)
 *   S_t = lambda S_(t-1) + k_t v_t^T
 *   o_t = scale q_t^T S_t
 *
 * In      q, k  FixedSizeList<Float32>[H*K]   v  [H*V]
 * Out     o     FixedSizeList<Float32>[H*V]   one row per input row, same order
 * State   S [H, K, V] and the open chunk, float32   about 4 H (K V + C (K + V)) bytes
 * Cost    O(T H (K V + C (K + V))) per batch, no growth with stream length
 * Error   vs naive (f64): relative RMSE <= 1e-6
 * Nulls   an error that names the row; so are NaN and infinities
 * Differs the model's layer-dependent factor on the slopes and its norm of o are left to the caller
 * Source  Qin et al., Lightning Attention-2, 2024, arXiv:2401.04658; slopes: Press, Smith, Lewis, 2021, arXiv:2108.12409
 */

import { optionRange } from '../../src/errors.js';
import { exp64 } from '../../src/kernels/math.js';
import { numbers } from '../../src/options.js';
import { checkMatrix, defineConstantDecay, type MatrixOptions, matrixOptions } from './constant-decay.js';

export interface LightningAttentionOptions extends MatrixOptions {
  /** Decay rates s_h >= 0 a row, one a head (default: the ALiBi slopes, 2^(-8h/H) for a power of two). */
  readonly slopes?: Float32Array | readonly number[];
  /** Factor on every output (default 1). */
  readonly scale?: number;
}

export const lightningAttention = defineConstantDecay({
  name: 'lightningAttention',
  version: 1,
  summary: 'linear attention whose memory fades at a fixed rate per head',
  options: {
    ...matrixOptions,
    scale: 'factor on every output (default 1)',
    slopes: 'decay rates >= 0 a row, one a head (default: the ALiBi slopes)',
  },
  check(options: LightningAttentionOptions) {
    const matrix = checkMatrix(options, 1);
    const slopes = numbers({ slopes: options.slopes ?? alibiSlopes(matrix.heads) }, matrix.heads);
    const negative = slopes.findIndex((slope) => slope < 0);
    if (negative >= 0) throw optionRange('', `slopes[${negative}]`, 'a rate >= 0', slopes[negative]);
    return { ...matrix, slopes };
  },
  lambdas: ({ slopes }) => Array.from(slopes, (slope) => exp64(-slope)),
  examples: [
    { heads: 4, keyDim: 8, valueDim: 12 },
    { heads: 3, keyDim: 5, valueDim: 3, slopes: [0, 0.7, 90] },
    { keyDim: 1, valueDim: 1, chunkRows: 32 },
  ],
});

/**
 * The slopes of ALiBi for `heads` heads, as float32: 2^(-8h/n), h = 1 … n, for a power of two n; otherwise those of the
 * largest power of two below, then every other one of twice that power.
 */
export function alibiSlopes(heads: number): Float32Array {
  const n = 2 ** Math.floor(Math.log2(heads));
  const geometric = (count: number, h: number) => exp64((-8 * h * Math.LN2) / count);
  return Float32Array.from({ length: heads }, (_, i) =>
    i < n ? geometric(n, i + 1) : geometric(2 * n, 2 * (i - n) + 1),
  );
}
