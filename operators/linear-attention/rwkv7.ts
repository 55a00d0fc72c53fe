/**
 * RWKV-7: a memory that fades by a gate a key dimension, and that each row asks one thing to write the answer elsewhere.
 *
 *   S_t = diag(e^(g_t)) S_(t-1) + b_t (S_(t-1)^T a_t)^T + k_t v_t^T
 *   o_t = scale S_t^T r_t
 *
 * In the model a = -k', b = k' * rate with k' of length 1: what the memory holds at k' is taken out of it.
 *
 * In      r, k, a, b  FixedSizeList<Float32>[H*K]   v  [H*V]   g  [H*K] <= 0 (natural log of the decay)
 * Out     o     FixedSizeList<Float32>[H*V]   one row per input row, same order
 * State   S [H, K, V] float32   4 H K V bytes and 64
 * Cost    O(T H K V) per batch, no growth with stream length or strength of the gates
 * Error   vs naive (f64): relative RMSE <= 1e-6
 * Nulls   an error that names the row; so are NaN, infinities and g > 0
 * Differs decays below 2^-50 count as 0; a and b may be anything, and so the memory can grow without bound, in the end
 *         to NaN; the model's bonus r (r * u . k) v and its norm of o are left to the caller
 * Source  Peng et al., RWKV-7 "Goose", 2025, arXiv:2503.14456
 */
import { defineOperator } from '../../src/define-operator.js';
import { deltaKernels, deltaScratch } from '../../src/kernels/delta.js';
import { atMost, f32 } from '../../src/layout.js';
import { checkMatrix } from './constant-decay.js';
import { advance, type DeltaOptions, deltaOptions, deltaOutput, fadingState } from './delta-memory.js';

export interface Rwkv7Options extends DeltaOptions {
  /** Factor on every output (default 1). */
  readonly scale?: number;
}

export const rwkv7 = defineOperator({
  name: 'rwkv7',
  version: 1,
  summary: 'a fading memory that each row asks one thing, to write the answer elsewhere',
  kernels: deltaKernels,
  options: { ...deltaOptions, scale: 'factor on every output (default 1)' },
  check: (options: Rwkv7Options) => checkMatrix(options, 1),
  inputs: ({ heads: H, keyDim: K, valueDim: V }) => ({
    r: f32(H * K),
    k: f32(H * K),
    v: f32(H * V),
    g: atMost(f32(H * K), 0),
    a: f32(H * K),
    b: f32(H * K),
  }),
  outputs: deltaOutput,
  layout: fadingState,
  scratch: ({ keyDim: K, chunkRows: C }) => ({ fading: f32(deltaScratch(C, K)) }),
  step({ options, state: { S, faded, position }, scratch, kernels }, { numRows: T, r, k, v, g, a, b, o }) {
    const { heads: H, keyDim: K, valueDim: V, chunkRows: C, scale } = options;
    kernels.rwkv7(S, faded, r, k, v, g, a, b, o, scratch.fading, T, H, K, V, C, position[0]!, scale);
    advance(position, T);
  },
  tolerance: 1e-6,
  examples: [
    { heads: 4, keyDim: 8, valueDim: 12 },
    { heads: 4, keyDim: 3, valueDim: 5, chunkRows: 32 },
    { heads: 3, keyDim: 17, valueDim: 9, scale: 0.25 },
    { heads: 8, keyDim: 1, valueDim: 1 },
  ],
});
