/**
 * Kernelized attention of a whole sequence, every row over every other within the window, by Fourier transforms.
 *
 *   o_i = phi(q_i) . sum over j of e^(b_(j-i)) phi(k_j) v_j^T / the same without v_j,  -W <= j - i <= W
 *
 * The sum over j is the product of one Toeplitz matrix with m (V + 1) columns: O(n log n H m V) operations in
 * float64, whatever W is. A stream's outputs are those of `causal: true`.
 *
 * Source  Luo et al., Stable, Fast and Accurate: Kernelized Attention with Relative Positional Encoding, 2021,
 *         arXiv:2106.12566
 */
import { optionRange } from '../../src/errors.js';
import { exp64 } from '../../src/kernels/math.js';
import { COLUMNS, LANES, toeplitz } from '../../src/kernels/toeplitz.js';
import { checked, truth } from '../../src/options.js';
import { checkKernelized, type KernelizedAttentionOptions } from './kernelized-attention.js';

export interface KernelizedSequenceOptions extends KernelizedAttentionOptions {
  /** Whether a row attends only to itself and to rows before it (default false). */
  readonly causal?: boolean;
}

/** Packed rows: q, k [n, H*K], v [n, H*V]. */
export interface KernelizedColumns {
  readonly q: ArrayLike<number>;
  readonly k: ArrayLike<number>;
  readonly v: ArrayLike<number>;
}

const WHO = 'kernelizedSequence';

/** o [n, H*V] in float64; 0 where all weights are 0. Throws OPTION_RANGE for options and for columns of other lengths. */
export function kernelizedSequence(
  options: KernelizedSequenceOptions,
  columns: KernelizedColumns,
): Float64Array {
  const { causal, ...resolved } = checked(WHO, options, [], () => ({
    ...checkKernelized(options),
    causal: truth({ causal: options.causal ?? false }),
  }));
  const { heads: H, valueDim: V, windowRows: W, rpe } = resolved;
  const n = lengthOf(resolved, columns);
  const o = new Float64Array(n * H * V);
  for (let head = 0; head < H && n > 0; head++) {
    const biases = rpe.subarray(head * (2 * W + 1), (head + 1) * (2 * W + 1));
    const visible = causal ? biases.subarray(0, W + 1) : biases;
    const most = visible.reduce((a, b) => Math.max(a, b));
    const weights = biases.map((b, i) => (i < visible.length ? exp64(b - most) : 0));
    attendHead(weights, featuresOf(resolved, columns.q, head, n), featuresOf(resolved, columns.k, head, n), {
      v: columns.v,
      o,
      head,
      H,
      V,
      n,
    });
  }
  return o;
}

type Resolved = ReturnType<typeof checkKernelized>;

function lengthOf({ heads: H, keyDim: K, valueDim: V }: Resolved, { q, k, v }: KernelizedColumns): number {
  const n = v.length / (H * V);
  for (const [name, values, width] of [
    ['v', v, H * V],
    ['q', q, H * K],
    ['k', k, H * K],
  ] as const) {
    if (values.length !== Math.floor(n) * width) {
      throw optionRange(WHO, `column ${name}`, `rows of ${width} numbers, as many as v has`, values.length);
    }
  }
  return n;
}

/** phi [m, n], a feature's values one behind the other. */
function featuresOf(
  { heads: H, keyDim: K, features: m, projections }: Resolved,
  x: ArrayLike<number>,
  head: number,
  n: number,
): Float64Array {
  const phi = new Float64Array(m * n);
  for (let i = 0; i < n; i++) {
    const row = (i * H + head) * K;
    let square = 0;
    for (let c = 0; c < K; c++) square += x[row + c]! ** 2;
    const length = square > 0 ? Math.sqrt(square) : 1;
    for (let f = 0; f < m; f++) {
      let sum = 0;
      if (projections !== undefined) for (let c = 0; c < K; c++) sum += projections[f * K + c]! * x[row + c]!;
      phi[f * n + i] = projections === undefined ? x[row + f]! : exp64(sum / length);
    }
  }
  return phi;
}

interface HeadRows {
  readonly v: ArrayLike<number>;
  readonly o: Float64Array;
  readonly head: number;
  readonly H: number;
  readonly V: number;
  readonly n: number;
}

/** Some columns of phi(k) (v, 1)^T at a time. */
function attendHead(weights: Float64Array, phiQ: Float64Array, phiK: Float64Array, rows: HeadRows): void {
  const { V, n } = rows;
  const matrix = toeplitz(weights, n);
  const values = valuesOf(rows);
  const sums = new Float64Array(values.length);
  const columns = (phiK.length / n) * (V + 1);
  for (let from = 0; from < columns; from += COLUMNS) {
    matrix.first.fill(0);
    matrix.second.fill(0);
    const places = Array.from({ length: Math.min(COLUMNS, columns - from) }, (_, i) => ({
      part: i < LANES ? matrix.first : matrix.second,
      lane: i % LANES,
      feature: Math.floor((from + i) / (V + 1)) * n,
      value: ((from + i) % (V + 1)) * n,
    }));
    for (const { part, lane, feature, value } of places) {
      for (let j = 0; j < n; j++) part[j * LANES + lane] = phiK[feature + j]! * values[value + j]!;
    }
    matrix.multiply();
    for (const { part, lane, feature, value } of places) {
      for (let i = 0; i < n; i++) sums[value + i]! += phiQ[feature + i]! * part[i * LANES + lane]!;
    }
  }
  divideInto(rows, sums);
}

/** [V + 1, n]: a head's values, one behind the other, and ones. */
function valuesOf({ v, head, H, V, n }: HeadRows): Float64Array {
  const values = new Float64Array((V + 1) * n).fill(1);
  for (let j = 0; j < n; j++) {
    for (let c = 0; c < V; c++) values[c * n + j] = v[(j * H + head) * V + c]!;
  }
  return values;
}

/** o = the sums of the values over those of the ones. */
function divideInto({ o, head, H, V, n }: HeadRows, sums: Float64Array): void {
  for (let i = 0; i < n; i++) {
    const total = sums[V * n + i]!;
    for (let c = 0; c < V; c++) o[(i * H + head) * V + c] = total > 0 ? sums[c * n + i]! / total : 0;
  }
}
