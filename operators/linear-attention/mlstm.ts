/**
 * mLSTM (xLSTM's matrix memory): each row decides how much of the memory to keep and how strongly to write.
 *
 *   m_t = max(log sigmoid(f_t) + m_(t-1), i_t)
 *   S_t = F_t S_(t-1) + I_t k_t v_t^T,   n_t = F_t n_(t-1) + I_t k_t,   F_t = sigmoid(f_t) e^(m_(t-1) - m_t),  I_t = e^(i_t - m_t)
 *   o_t = scale q_t^T S_t / (max(|scale q_t^T n_t|, e^-m_t) + eps)
 *
 * With inputGate 'sigmoid': F_t = sigmoid(f_t), I_t = sigmoid(i_t), no m; o_t = scale q_t^T S_t, and with `normalize`
 * divided by max(|scale q_t^T n_t|, 1) + eps.
 *
 * In      q, k  FixedSizeList<Float32>[H*K]   v  [H*V]   i, f  [H] pre-activations of the gates, any finite number
 * Out     o     FixedSizeList<Float32>[H*V]   one row per input row, same order
 * State   S [H, K, V] float32, n [H, K], m [H] float64, and the open chunk   about 4 H (K V + 2 K + C (K + V)) bytes
 * Cost    O(T H (K V + C (K + V))) per batch, no growth with stream length
 * Error   vs naive (f64): relative RMSE <= 1e-6, where the divisor is no difference of much larger terms
 * Nulls   an error that names the row; so are NaN and infinities
 * Differs the stream starts from m = -infinity, not 0: with eps = 0 the outputs are the same; weights below 1e-30 of
 *         the largest one count as 0
 * Source  Beck et al., xLSTM, 2024, arXiv:2405.04517; Beck et al., Tiled Flash Linear Attention, 2025, arXiv:2503.14376
 */
import { defineOperator } from '../../src/define-operator.js';
import { optionRange } from '../../src/errors.js';
import { exp64 } from '../../src/kernels/math.js';
import { mlstmGates, mlstmKernels, mlstmScratch } from '../../src/kernels/mlstm.js';
import { type ArrayType, f32, f64, i32, startingAt } from '../../src/layout.js';
import { finiteNumber, oneOf, truth } from '../../src/options.js';
import { advance, checkMatrix, type MatrixOptions, matrixOptions } from './constant-decay.js';

export interface MlstmOptions extends MatrixOptions {
  /** What i goes through: 'exp' (default), kept in range by a running maximum, or 'sigmoid'. */
  readonly inputGate?: 'exp' | 'sigmoid';
  /** Divide by what the keys weigh together: always with 'exp'; default false with 'sigmoid'. */
  readonly normalize?: boolean;
  /** Added to the divisor, 0 … 1 (default 0). Above 0, outputs depend a little on what the stream started from. */
  readonly eps?: number;
  /** Factor on every output (default keyDim^-1/2). */
  readonly scale?: number;
}

type Mlstm = Required<MlstmOptions>;

const hasMaximum = ({ inputGate }: Pick<Mlstm, 'inputGate'>) => inputGate === 'exp';

/** S as of the start of the open chunk, n and m as of the newest row, and the rows of that chunk with their weights. */
const layout = (options: Mlstm) => {
  const { heads: H, keyDim: K, valueDim: V, chunkRows: C, normalize } = options;
  return {
    S: f32(H, K, V),
    ...((normalize ? { n: f64(H, K) } : {}) as { n: ArrayType<'f64'> }),
    ...((hasMaximum(options) ? { m: startingAt(f64(H), -Infinity) } : {}) as { m: ArrayType<'f64'> }),
    logDecay: f64(H),
    keys: f32(H, K, C),
    values: f32(H, C, V),
    weights: f64(H, C),
    carry: startingAt(f64(H), 1),
    rows: f64(1),
    position: i32(1),
  };
};

function check(options: MlstmOptions): Mlstm {
  const inputGate = oneOf({ inputGate: options.inputGate ?? 'exp' }, ['exp', 'sigmoid']);
  const normalize = truth({ normalize: options.normalize ?? inputGate === 'exp' });
  if (inputGate === 'exp' && !normalize) {
    throw optionRange('', 'normalize', "true with inputGate 'exp'", normalize);
  }
  const eps = finiteNumber({ eps: options.eps ?? 0 }, 0, 1);
  return { ...checkMatrix(options, options.keyDim ** -0.5), inputGate, normalize, eps };
}

export const mlstm = defineOperator({
  name: 'mlstm',
  version: 1,
  summary: 'a memory of key-value pairs with a forget and an input gate in every row',
  kernels: mlstmKernels,
  options: {
    ...matrixOptions,
    inputGate: "what i goes through: 'exp' (default) or 'sigmoid'",
    normalize: "divide by the weight of the keys (always with 'exp', default false with 'sigmoid')",
    eps: 'added to the divisor, 0 … 1 (default 0)',
  },
  check,
  inputs: ({ heads: H, keyDim: K, valueDim: V }) => ({
    q: f32(H * K),
    k: f32(H * K),
    v: f32(H * V),
    i: f64(H),
    f: f64(H),
  }),
  outputs: ({ heads: H, valueDim: V }) => ({ o: f32(H * V) }),
  layout,
  scratch: ({ chunkRows: C }) => ({ scratch: f32(mlstmScratch(C)), gates: f64(mlstmGates(C)) }),
  step({ options, state, scratch: { scratch, gates }, kernels }, { numRows: T, q, k, v, i, f, o }) {
    const { heads: H, keyDim: K, valueDim: V, chunkRows: C, scale, eps, normalize } = options;
    const { S, n, m, logDecay, keys, values, weights, carry } = state;
    const chunk = [logDecay, keys, values, weights, carry] as const;
    const rows = [q, k, v, i, f, o, scratch, gates, T, H, K, V, C, state.position[0]!, scale] as const;
    if (hasMaximum(options)) kernels.mlstm(S, n, m, ...chunk, ...rows, eps);
    else if (normalize) kernels.normalizedSigmoidMlstm(S, n, ...chunk, ...rows, eps);
    else kernels.sigmoidMlstm(S, ...chunk, ...rows);
    advance(state, T);
  },
  settle({ options, state, scratch: { scratch }, kernels }) {
    const { heads: H, keyDim: K, valueDim: V, chunkRows: C } = options;
    const { S, keys, values, weights, carry } = state;
    kernels.settleMlstm(S, keys, values, weights, carry, scratch, H, K, V, C, state.position[0]!);
  },
  merge(a, b, options) {
    const logs = b.logDecay.map((logDecay, h) => logDecay + (hasMaximum(options) ? a.m[h]! : 0));
    const m = hasMaximum(options) ? logs.map((log, h) => Math.max(log, b.m[h]!)) : undefined;
    const before = logs.map((log, h) => relative(log, m?.[h] ?? 0));
    const behind = logs.map((_, h) => relative(m ? b.m[h]! : 0, m?.[h] ?? 0));
    return {
      S: weighted(before, a.S, behind, b.S),
      ...(options.normalize && { n: weighted(before, a.n, behind, b.n) }),
      ...(m && { m }),
      logDecay: b.logDecay.map((logDecay, h) => logDecay + a.logDecay[h]!),
      rows: [a.rows[0]! + b.rows[0]!],
    };
  },
  tolerance: 1e-6,
  examples: [
    { heads: 2, keyDim: 8, valueDim: 12 },
    { keyDim: 3, valueDim: 5, eps: 1e-6, chunkRows: 32 },
    { heads: 3, keyDim: 5, valueDim: 3, inputGate: 'sigmoid' },
    { heads: 2, keyDim: 4, valueDim: 7, inputGate: 'sigmoid', normalize: true },
  ],
});

/** e^(log - m); a state of no rows weighs nothing. */
const relative = (log: number, m: number) => (log === -Infinity ? 0 : exp64(log - m));

type Factors = ArrayLike<number>;
type Floats = Float32Array | Float64Array;

/** aFactor a + bFactor b, head by head. */
function weighted(aFactors: Factors, a: Floats, bFactors: Factors, b: Floats): Float64Array {
  const ofHead = a.length / aFactors.length;
  return Float64Array.from(a, (value, i) => {
    const h = Math.floor(i / ofHead);
    return aFactors[h]! * value + bFactors[h]! * b[i]!;
  });
}
