/**
 * Kimi Delta Attention (KDA): the delta rule with a memory whose key dimensions each fade by a gate of their own.
 *
 *   u_t = beta_t (v_t - (diag(e^(g_t)) S_(t-1))^T k_t)
 *   S_t = diag(e^(g_t)) S_(t-1) + k_t u_t^T
 *   o_t = scale S_t^T q_t
 *
 * In      q, k  FixedSizeList<Float32>[H*K], k of length 1   v  [H*V]   beta  [H] in 0 … 2
 *         g     [H*K] <= 0 (natural log of the decay)
 * Out     o     FixedSizeList<Float32>[H*V]   one row per input row, same order
 * State   S [H, K, V] float32   4 H K V bytes and 64
 * Cost    O(T H K V) per batch, no growth with stream length or strength of the gates
 * Error   vs naive (f64): relative RMSE <= 1e-6
 * Nulls   an error that names the row; so are NaN, infinities and g > 0
 * Differs decays below 2^-50 count as 0; keys are taken as they come, see deltaRule
 * Source  Kimi Team, Kimi Linear: An Expressive, Efficient Attention Architecture, 2025, arXiv:2510.26692
 */
import { defineOperator } from '../../src/define-operator.js';
import { deltaKernels, deltaScratch } from '../../src/kernels/delta.js';
import { atMost, f32 } from '../../src/layout.js';
import { checkMatrix } from './constant-decay.js';
import { advance, type DeltaOptions, deltaOptions, deltaOutput, fadingState } from './delta-memory.js';

export interface KimiDeltaAttentionOptions extends DeltaOptions {
  /** Factor on every output (default keyDim^-1/2). */
  readonly scale?: number;
}

export const kimiDeltaAttention = defineOperator({
  name: 'kimiDeltaAttention',
  version: 1,
  summary: 'the delta rule with a memory whose key dimensions each fade by a gate of their own',
  kernels: deltaKernels,
  options: deltaOptions,
  check: (options: KimiDeltaAttentionOptions) => checkMatrix(options, options.keyDim ** -0.5),
  inputs: ({ heads: H, keyDim: K, valueDim: V }) => ({
    q: f32(H * K),
    k: f32(H * K),
    v: f32(H * V),
    beta: f32(H),
    g: atMost(f32(H * K), 0),
  }),
  outputs: deltaOutput,
  layout: fadingState,
  scratch: ({ keyDim: K, chunkRows: C }) => ({ fading: f32(deltaScratch(C, K)) }),
  step({ options, state: { S, faded, position }, scratch, kernels }, { numRows: T, q, k, v, beta, g, o }) {
    const { heads: H, keyDim: K, valueDim: V, chunkRows: C, scale } = options;
    kernels.kimiDeltaAttention(
      S,
      faded,
      q,
      k,
      v,
      beta,
      g,
      o,
      scratch.fading,
      T,
      H,
      K,
      V,
      C,
      position[0]!,
      scale,
    );
    advance(position, T);
  },
  tolerance: 1e-6,
  examples: [
    { heads: 4, keyDim: 8, valueDim: 12 },
    { heads: 4, keyDim: 3, valueDim: 5, chunkRows: 32 },
    { heads: 3, keyDim: 17, valueDim: 9, scale: 1 },
    { heads: 8, keyDim: 1, valueDim: 1 },
  ],
});
