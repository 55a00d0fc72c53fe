/**
 * Simple gated linear attention: a memory of key-value pairs that each row lets fade as far as it says. Under the name
 * of state-space duality (Mamba-2): q = C, k = B, v = X (times dt), g = dt A, scale 1.
 *
 *   S_t = e^(g_t) S_(t-1) + k_t v_t^T
 *   o_t = scale q_t^T S_t
 *
 * In      q, k  FixedSizeList<Float32>[H*K]   v  [H*V]   g  [H] <= 0 (natural log of the decay)
 * Out     o     FixedSizeList<Float32>[H*V]   one row per input row, same order
 * State   S [H, K, V], decay [H] and the open chunk, float32   about 4 H (K V + C (K + V + 1)) bytes
 * Cost    O(T H (K V + C (K + V))) per batch, no growth with stream length or strength of the gates
 * Error   vs naive (f64): relative RMSE <= 1e-6
 * Nulls   an error that names the row; so are NaN, infinities and g > 0
 * Differs decays below 2^-50 within a chunk count as 0; the models' convolution, norm and skip are left to the caller
 * Source  Yang et al., Gated Linear Attention, 2023, arXiv:2312.06635; Dao, Gu, Transformers are SSMs, 2024,
 *         arXiv:2405.21060
 */
import { defineOperator } from '../../src/define-operator.js';
import { scalarGateKernels, scalarGateScratch } from '../../src/kernels/scalar-gate.js';
import { atMost, f32, f64, i32, startingAt } from '../../src/layout.js';
import { advance, checkMatrix, type MatrixOptions, matrixOptions } from './constant-decay.js';
import { mergeGated } from './gated-state.js';

export interface SimpleGlaOptions extends MatrixOptions {
  /** Factor on every output (default keyDim^-1/2; state-space duality has 1). */
  readonly scale?: number;
}

export const simpleGla = defineOperator({
  name: 'simpleGla',
  version: 1,
  summary: 'linear attention whose memory each row lets fade, by one gate a head; also Mamba-2 (SSD)',
  kernels: scalarGateKernels,
  options: matrixOptions,
  check: (options: SimpleGlaOptions) => checkMatrix(options, options.keyDim ** -0.5),
  inputs: ({ heads: H, keyDim: K, valueDim: V }) => ({
    q: f32(H * K),
    k: f32(H * K),
    v: f32(H * V),
    g: atMost(f32(H), 0),
  }),
  outputs: ({ heads: H, valueDim: V }) => ({ o: f32(H * V) }),
  layout: ({ heads: H, keyDim: K, valueDim: V, chunkRows: C }) => ({
    S: f32(H, K, V),
    decay: startingAt(f32(H), 1),
    keys: f32(H, K, C),
    values: f32(H, C, V),
    fades: f32(H, C),
    carry: startingAt(f32(H), 1),
    rows: f64(1),
    position: i32(1),
  }),
  scratch: ({ chunkRows: C }) => ({ scores: f32(scalarGateScratch(C)) }),
  step({ options, state, scratch: { scores }, kernels }, { numRows: T, q, k, v, g, o }) {
    const { heads: H, keyDim: K, valueDim: V, chunkRows: C, scale } = options;
    const { S, keys, values, fades, carry, decay } = state;
    const sizes = [T, H, K, V, C, state.position[0]!, scale] as const;
    kernels.scalarGate(S, keys, values, fades, carry, decay, q, k, v, g, o, scores, ...sizes);
    advance(state, T);
  },
  settle({ options: { heads: H, keyDim: K, valueDim: V, chunkRows: C }, state, kernels }) {
    const { S, keys, values, fades, carry, decay, position } = state;
    kernels.settleScalarGate(S, keys, values, fades, carry, decay, H, K, V, C, position[0]!);
  },
  merge: (a, b) => mergeGated(a, b),
  tolerance: 1e-6,
  examples: [
    { heads: 4, keyDim: 8, valueDim: 12 },
    { heads: 4, keyDim: 3, valueDim: 5, scale: 1, chunkRows: 32 },
    { heads: 8, keyDim: 1, valueDim: 1 },
    { heads: 3, keyDim: 17, valueDim: 9 },
  ],
});

/** Mamba-2's name for it. */
export { simpleGla as stateSpaceDuality };
