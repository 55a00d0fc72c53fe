/**
 * The recurrence of mLSTM in float64, a row at a time: options, columns as packed rows and slots to start from, to the
 * output column and the slots after the last row.
 */
import type { MlstmOptions } from './mlstm.js';
import type { MatrixColumns } from './naive.js';

/** Packed rows: q, k [T, H*K], v [T, H*V], i, f [T, H]. */
export interface MlstmColumns extends MatrixColumns {
  readonly i: ArrayLike<number>;
  readonly f: ArrayLike<number>;
}

export interface MlstmSlots {
  /** [H, K, V] */
  readonly S?: ArrayLike<number>;
  /** [H, K] */
  readonly n?: ArrayLike<number>;
  /** [H] */
  readonly m?: ArrayLike<number>;
  /** [H], the sum of all log sigmoid(f) */
  readonly logDecay?: ArrayLike<number>;
}

export interface MlstmResult {
  /** [T, H*V] */
  readonly o: Float64Array;
  readonly S: Float64Array;
  readonly n: Float64Array;
  readonly m: Float64Array;
  readonly logDecay: Float64Array;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const logSigmoid = (x: number) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x)));

export function mlstm(
  options: MlstmOptions,
  { q, k, v, i, f }: MlstmColumns,
  initial: MlstmSlots = {},
): MlstmResult {
  const { heads: H = 1, keyDim: K, valueDim: V, inputGate = 'exp', eps = 0, scale = K ** -0.5 } = options;
  const normalize = options.normalize ?? inputGate === 'exp';
  const T = q.length / (H * K);
  const S = initial.S ? Float64Array.from(initial.S) : new Float64Array(H * K * V);
  const n = initial.n ? Float64Array.from(initial.n) : new Float64Array(H * K);
  const m = initial.m ? Float64Array.from(initial.m) : new Float64Array(H).fill(-Infinity);
  const logDecay = initial.logDecay ? Float64Array.from(initial.logDecay) : new Float64Array(H);
  const o = new Float64Array(T * H * V);

  /** The row's factors on the memory and on what it writes, and the least divisor. */
  function gates(row: number, h: number): [number, number, number] {
    if (inputGate === 'sigmoid') return [sigmoid(f[row]!), sigmoid(i[row]!), 1];
    const faded = logSigmoid(f[row]!) + m[h]!;
    m[h] = Math.max(faded, i[row]!);
    return [Math.exp(faded - m[h]), Math.exp(i[row]! - m[h]), Math.exp(-m[h])];
  }

  for (let t = 0; t < T; t++) {
    for (let h = 0; h < H; h++) {
      const row = t * H + h;
      const [fade, write, least] = gates(row, h);
      let weight = 0;
      for (let x = 0; x < K; x++) {
        const query = q[row * K + x]! * scale;
        const key = k[row * K + x]! * write;
        n[h * K + x] = fade * n[h * K + x]! + key;
        weight += query * n[h * K + x]!;
        for (let j = 0; j < V; j++) {
          const s = (h * K + x) * V + j;
          S[s] = fade * S[s]! + key * v[row * V + j]!;
          o[row * V + j]! += query * S[s]!;
        }
      }
      const divisor = normalize ? Math.max(Math.abs(weight), least) + eps : 1;
      for (let j = 0; j < V; j++) o[row * V + j]! /= divisor;
      logDecay[h]! += logSigmoid(f[row]!);
    }
  }
  return { o, S, n, m, logDecay };
}
