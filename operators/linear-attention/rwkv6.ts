/**
 * RWKV-6 (Finch): a row reads the memory as the rows before left it, and itself through a bonus; then every key fades by
 * a gate of its own.
 *
 *   o_t = scale r_t^T (S_(t-1) + diag(u) k_t v_t^T)
 *   S_t = diag(e^(g_t)) S_(t-1) + k_t v_t^T
 *
 * In      r, k  FixedSizeList<Float32>[H*K]   v  [H*V]   g  [H*K] <= 0 (natural log of the decays)
 * Out     o     FixedSizeList<Float32>[H*V]   one row per input row, same order
 * State   S [H, K, V], decay [H, K] and the open chunk, float32   about 4 H (K V + C (K + V) + 7 K) bytes
 * Cost    O(T H (K V + C (K + V))) per batch, no growth with stream length or strength of the gates
 * Error   vs naive (f64): relative RMSE <= 1e-6
 * Nulls   an error that names the row; so are NaN, infinities and g > 0
 * Differs decays below 2^-50 within a chunk and decayed keys below 2^-70 count as 0; token shift, norm and output gate
 *         are left to the caller
 * Source  Peng et al., Eagle and Finch: RWKV with Matrix-Valued States, 2024, arXiv:2404.05892
 */
import { defineOperator } from '../../src/define-operator.js';
import { diagonalGateKernels, diagonalGateScratch } from '../../src/kernels/diagonal-gate.js';
import { atMost, f32 } from '../../src/layout.js';
import { numbers } from '../../src/options.js';
import { advance, checkMatrix, type MatrixOptions, matrixOptions } from './constant-decay.js';
import { diagonalGateLayout, settleDiagonal } from './diagonal-gate.js';
import { mergeGated } from './gated-state.js';

export interface Rwkv6Options extends MatrixOptions {
  /** u [H, K], by which a row's own key is multiplied when it is read (default 0: a row does not read itself). */
  readonly bonus?: Float32Array | Float64Array | readonly number[];
  /** Factor on every output (default 1). */
  readonly scale?: number;
}

export const rwkv6 = defineOperator({
  name: 'rwkv6',
  version: 1,
  summary:
    'reads the memory before writing to it, its own row by a bonus; every key fades by a gate of its own',
  kernels: diagonalGateKernels,
  options: {
    ...matrixOptions,
    scale: 'factor on every output (default 1)',
    bonus: 'u [heads * keyDim], multiplies a row’s own key when it is read (default 0)',
  },
  check(options: Rwkv6Options) {
    const matrix = checkMatrix(options, 1);
    const length = matrix.heads * matrix.keyDim;
    return { ...matrix, bonus: numbers({ bonus: options.bonus ?? new Float64Array(length) }, length) };
  },
  inputs: ({ heads: H, keyDim: K, valueDim: V }) => ({
    r: f32(H * K),
    k: f32(H * K),
    v: f32(H * V),
    g: atMost(f32(H * K), 0),
  }),
  outputs: ({ heads: H, valueDim: V }) => ({ o: f32(H * V) }),
  constants: ({ bonus }) => ({ u: Float32Array.from(bonus) }),
  layout: (options) => diagonalGateLayout(options),
  scratch: ({ keyDim: K, chunkRows: C }) => ({ scores: f32(diagonalGateScratch(K, C)) }),
  step({ options, state, constants: { u }, scratch: { scores }, kernels }, { numRows: T, r, k, v, g, o }) {
    const { heads: H, keyDim: K, valueDim: V, chunkRows: C, scale } = options;
    const { S, keys, values, groupKeys, groupDecay, chunkDecay, decay } = state;
    const slots = [S, keys, values, groupKeys, groupDecay, chunkDecay, decay] as const;
    kernels.bonusDiagonalGate(...slots, u, r, k, v, g, o, scores, T, H, K, V, C, state.position[0]!, scale);
    advance(state, T);
  },
  settle: (context) => settleDiagonal(context),
  merge: (a, b) => mergeGated(a, b),
  tolerance: 1e-6,
  examples: [
    { heads: 3, keyDim: 4, valueDim: 12, bonus: [0.5, -1, 0, 2, 1, 0.25, -0.5, 3, 1, 1, 1, 1] },
    {
      heads: 4,
      keyDim: 3,
      valueDim: 5,
      bonus: [1, 2, 3, 0.1, 0.2, 0.3, -1, 1, 0, 1, 1, 1],
      scale: 0.5,
      chunkRows: 32,
    },
    { heads: 8, keyDim: 1, valueDim: 1, bonus: [1.5, -1, 1, 2, 0.5, 1, -2, 1] },
    { heads: 3, keyDim: 9, valueDim: 7 },
  ],
});
