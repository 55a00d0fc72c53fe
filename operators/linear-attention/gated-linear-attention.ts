/**
 * Gated linear attention (GLA): a memory of key-value pairs of which each row lets every key fade as far as it says.
 *
 *   S_t = diag(e^(g_t)) S_(t-1) + k_t v_t^T
 *   o_t = scale q_t^T S_t
 *
 * In      q, k  FixedSizeList<Float32>[H*K]   v  [H*V]   g  [H*K] <= 0 (natural log of the decays)
 * Out     o     FixedSizeList<Float32>[H*V]   one row per input row, same order
 * State   S [H, K, V], decay [H, K] and the open chunk, float32   about 4 H (K V + C (K + V) + 7 K) bytes
 * Cost    O(T H (K V + C (K + V))) per batch, no growth with stream length or strength of the gates
 * Error   vs naive (f64): relative RMSE <= 1e-6
 * Nulls   an error that names the row; so are NaN, infinities and g > 0
 * Differs decays below 2^-50 within a chunk and decayed keys below 2^-70 count as 0; the model's projections, norm and
 *         output gate are left to the caller
 * Source  Yang, Wang, Shen, Panda, Kim, Gated Linear Attention Transformers, 2023, arXiv:2312.06635
 */
import { defineOperator } from '../../src/define-operator.js';
import { diagonalGateKernels, diagonalGateScratch } from '../../src/kernels/diagonal-gate.js';
import { atMost, f32 } from '../../src/layout.js';
import { advance, checkMatrix, type MatrixOptions, matrixOptions } from './constant-decay.js';
import { diagonalGateLayout, settleDiagonal } from './diagonal-gate.js';
import { mergeGated } from './gated-state.js';

export interface GatedLinearAttentionOptions extends MatrixOptions {
  /** Factor on every output (default keyDim^-1/2). */
  readonly scale?: number;
}

export const gatedLinearAttention = defineOperator({
  name: 'gatedLinearAttention',
  version: 1,
  summary: 'linear attention of whose memory each row lets every key fade by a gate of its own',
  kernels: diagonalGateKernels,
  options: matrixOptions,
  check: (options: GatedLinearAttentionOptions) => checkMatrix(options, options.keyDim ** -0.5),
  inputs: ({ heads: H, keyDim: K, valueDim: V }) => ({
    q: f32(H * K),
    k: f32(H * K),
    v: f32(H * V),
    g: atMost(f32(H * K), 0),
  }),
  outputs: ({ heads: H, valueDim: V }) => ({ o: f32(H * V) }),
  layout: (options) => diagonalGateLayout(options),
  scratch: ({ keyDim: K, chunkRows: C }) => ({ scores: f32(diagonalGateScratch(K, C)) }),
  step({ options, state, scratch: { scores }, kernels }, { numRows: T, q, k, v, g, o }) {
    const { heads: H, keyDim: K, valueDim: V, chunkRows: C, scale } = options;
    const { S, keys, values, groupKeys, groupDecay, chunkDecay, decay } = state;
    const slots = [S, keys, values, groupKeys, groupDecay, chunkDecay, decay] as const;
    kernels.diagonalGate(...slots, q, k, v, g, o, scores, T, H, K, V, C, state.position[0]!, scale);
    advance(state, T);
  },
  settle: (context) => settleDiagonal(context),
  merge: (a, b) => mergeGated(a, b),
  tolerance: 1e-6,
  examples: [
    { heads: 4, keyDim: 8, valueDim: 12 },
    { heads: 4, keyDim: 3, valueDim: 5, scale: 1 },
    { heads: 3, keyDim: 5, valueDim: 3, chunkRows: 32 },
    { heads: 8, keyDim: 1, valueDim: 1 },
    { heads: 3, keyDim: 22, valueDim: 17 },
  ],
});
