/**
 * Delta rule (DeltaNet): a memory of key-value pairs in which a new value for a key replaces the old one, by the part
 * beta, instead of being added to it.
 *
 *   u_t = beta_t (v_t - S_(t-1)^T k_t)
 *   S_t = S_(t-1) + k_t u_t^T
 *   o_t = scale S_t^T q_t
 *
 * In      q, k  FixedSizeList<Float32>[H*K], k of length 1   v  [H*V]   beta  [H] in 0 … 2
 * Out     o     FixedSizeList<Float32>[H*V]   one row per input row, same order
 * State   S [H, K, V] float32   4 H K V bytes and 64
 * Cost    O(T H K V) per batch, no growth with stream length
 * Error   vs naive (f64): relative RMSE <= 1e-6
 * Nulls   an error that names the row; so are NaN and infinities
 * Differs keys are taken as they come; where beta |k|^2 stays above 2 the memory grows without bound, in the end to NaN
 * Source  Schlag, Irie, Schmidhuber, 2021, arXiv:2102.11174; Yang et al., Parallelizing Linear Transformers with the
 *         Delta Rule, 2024, arXiv:2406.06484
 */
import { defineOperator } from '../../src/define-operator.js';
import { deltaKernels } from '../../src/kernels/delta.js';
import { f32 } from '../../src/layout.js';
import { checkMatrix } from './constant-decay.js';
import { advance, type DeltaOptions, deltaOptions, deltaOutput, deltaState } from './delta-memory.js';

export interface DeltaRuleOptions extends DeltaOptions {
  /** Factor on every output (default keyDim^-1/2). */
  readonly scale?: number;
}

export const deltaRule = defineOperator({
  name: 'deltaRule',
  version: 1,
  summary: 'a memory in which a new value for a key replaces the old one',
  kernels: deltaKernels,
  options: deltaOptions,
  check: (options: DeltaRuleOptions) => checkMatrix(options, options.keyDim ** -0.5),
  inputs: ({ heads: H, keyDim: K, valueDim: V }) => ({
    q: f32(H * K),
    k: f32(H * K),
    v: f32(H * V),
    beta: f32(H),
  }),
  outputs: deltaOutput,
  layout: deltaState,
  step({ options, state: { S, position }, kernels }, { numRows: T, q, k, v, beta, o }) {
    const { heads: H, keyDim: K, valueDim: V, chunkRows: C, scale } = options;
    kernels.deltaRule(S, q, k, v, beta, o, T, H, K, V, C, position[0]!, scale);
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
