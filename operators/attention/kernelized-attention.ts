/**
 * Kernelized attention with relative positions: weights that are a product of positive random features of query and
 * key, times e^b of their distance.
 *
 *   phi(x)_f = e^(w_f . x / |x|),  f = 1 … m;  on average over w, phi(q) . phi(k) ~ e^(cosine of q and k)
 *   o_i = sum over j of e^(b_(j-i)) phi(q_i) . phi(k_j) v_j / the same without v_j,  i - W <= j <= i
 *
 * In      q, k  FixedSizeList<Float32>[H*K]   v  [H*V]
 * Out     o     FixedSizeList<Float32>[H*V]   one row per input row, same order; 0 where all weights are 0
 * State   features and values of the last W rows, float32   256 H (m + V) (ceil(W / 64) + 1) bytes
 * Cost    O(T H (K m + W (m + V))) per batch, no growth with stream length
 * Error   vs naive (f64) with the same projections: relative RMSE <= 1e-6. Against weights e^(cosine): unbiased, their
 *         relative variance falls as 1 / m; nothing is promised of a single row
 * Nulls   an error that names the row; so are NaN and infinities
 * Differs rows beyond the window weigh nothing, where the paper has a bias for every distance. The factor
 *         e^(-1/2) / sqrt(m) of the features is left out: it cancels. The projections are orthogonal in groups of K
 * Source  Luo et al., Stable, Fast and Accurate: Kernelized Attention with Relative Positional Encoding, 2021,
 *         arXiv:2106.12566; features by Choromanski et al., Rethinking Attention with Performers, 2020, arXiv:2009.14794
 */
import { defineOperator } from '../../src/define-operator.js';
import { optionRange } from '../../src/errors.js';
import {
  distanceTable,
  kernelizedAttentionKernels,
  kernelizedScratch,
  ringBlocks,
} from '../../src/kernels/kernelized-attention.js';
import { f32, f64, i32 } from '../../src/layout.js';
import { integer, numbers, oneOf } from '../../src/options.js';
import { overflow } from './heads.js';
import { orthogonalNormals } from './normals.js';

export interface KernelizedAttentionOptions {
  /** Heads H, 1 … 1024 (default 1). Per-head vectors lie one behind the other in a column. */
  readonly heads?: number;
  /** Width K of a head's queries and keys, 1 … 1024. */
  readonly keyDim: number;
  /** Width V of a head's values, 1 … 4096. */
  readonly valueDim: number;
  /** Features m a head, 1 … 4096 (default 64). With the identity map there are K. */
  readonly features?: number;
  /** 'positive' (default): random features of q and k. 'identity': q and k are features already, none negative. */
  readonly featureMap?: 'positive' | 'identity';
  /** Biases b of the distances j − i = −W … W, for all heads [2W + 1] or for each [H, 2W + 1]. A stream reads −W … 0. */
  readonly rpe: ArrayLike<number>;
  /** How far a row looks back, W rows, 0 … 65536 (default: what makes rpe one list for all heads). */
  readonly windowRows?: number;
  /** Instead of drawn ones: the projections w, [m, K], none longer than 36. */
  readonly projections?: ArrayLike<number>;
  /** Decides the projections, a safe integer (default 0). */
  readonly seed?: number;
}

/** Biases may not lie further apart: e^b is a float32. */
const WIDEST_RPE = 60;
/** No projection may be longer: two features multiplied are then below e^72, and sums of them finite. */
const LONGEST_PROJECTION = 36;

export function checkKernelized(options: KernelizedAttentionOptions) {
  const { rpe, featureMap = 'positive', windowRows = (rpe?.length - 1) / 2, projections } = options;
  const heads = integer({ heads: options.heads ?? 1 }, 1, 1024);
  const K = integer({ keyDim: options.keyDim }, 1, 1024);
  const W = integer({ windowRows }, 0, 65536);
  const map = oneOf<'positive' | 'identity'>({ featureMap }, ['positive', 'identity']);
  const seed = integer({ seed: options.seed ?? 0 }, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  const features =
    map === 'identity'
      ? integer({ features: options.features ?? K }, K, K)
      : integer({ features: options.features ?? 64 }, 1, 4096);
  return {
    heads,
    keyDim: K,
    valueDim: integer({ valueDim: options.valueDim }, 1, 4096),
    features,
    featureMap: map,
    rpe: checkRpe(rpe, heads, W),
    windowRows: W,
    projections: map === 'identity' ? undefined : checkProjections(projections, features, K, seed),
    seed,
  };
}

/** [H, 2W + 1] */
function checkRpe(rpe: ArrayLike<number>, heads: number, W: number): Float64Array {
  const width = 2 * W + 1;
  const shared = rpe?.length === width;
  const given = numbers({ rpe }, shared ? width : heads * width);
  const [least, most] = given.reduce(([a, b], x) => [Math.min(a, x), Math.max(b, x)], [Infinity, -Infinity]);
  if (most - least > WIDEST_RPE) {
    throw optionRange('', 'rpe', `biases at most ${WIDEST_RPE} apart`, most - least);
  }
  return shared ? Float64Array.from({ length: heads * width }, (_, i) => given[i % width]!) : given;
}

function checkProjections(
  projections: ArrayLike<number> | undefined,
  m: number,
  K: number,
  seed: number,
): Float64Array {
  const given = projections === undefined ? orthogonalNormals(m, K, seed) : numbers({ projections }, m * K);
  for (let f = 0; f < m; f++) {
    const length = Math.hypot(...given.subarray(f * K, (f + 1) * K));
    if (length > LONGEST_PROJECTION) {
      throw optionRange('', `projections[${f}]`, `a vector no longer than ${LONGEST_PROJECTION}`, length);
    }
  }
  return given;
}

export const kernelizedAttention = defineOperator({
  name: 'kernelizedAttention',
  version: 1,
  summary: 'attention over the last rows by positive random features, weighted by relative position',
  kernels: kernelizedAttentionKernels,
  options: {
    heads: 'heads H, 1 … 1024 (default 1)',
    keyDim: 'width K of queries and keys, 1 … 1024',
    valueDim: 'width V of values, 1 … 4096',
    features: 'features m a head, 1 … 4096 (default 64; the identity map has K)',
    featureMap: "'positive' (default): random features of q and k; 'identity': q and k are features already",
    rpe: 'biases of the distances −W … W, for all heads [2W + 1] or each [H, 2W + 1]',
    windowRows: 'how far a row looks back, W rows, 0 … 65536 (default from rpe)',
    projections: 'instead of drawn ones: the projections [m, K]',
    seed: 'decides the projections, a safe integer (default 0)',
  },
  check: checkKernelized,
  inputs: ({ heads: H, keyDim: K, valueDim: V }) => ({ q: f32(H * K), k: f32(H * K), v: f32(H * V) }),
  outputs: ({ heads: H, valueDim: V }) => ({ o: f32(H * V) }),
  layout: ({ heads: H, valueDim: V, features, windowRows }) => ({
    keys: f32(H, ringBlocks(windowRows), features, 64),
    values: f32(H, ringBlocks(windowRows), 64, V),
    rows: f64(1),
    position: i32(1),
  }),
  constants: ({ heads, keyDim, features: m, rpe, windowRows, projections }) => ({
    distances: distanceTable(rpe, heads, windowRows),
    projections: Float32Array.from({ length: projections === undefined ? 0 : m * keyDim }, (_, i) =>
      // [m, K] to [K, m]
      projections === undefined ? 0 : projections[(i % m) * keyDim + Math.floor(i / m)]!,
    ),
  }),
  scratch: ({ keyDim, features }) => ({ scratch: f32(kernelizedScratch(keyDim, features)) }),
  step({ options, state, constants, scratch: { scratch }, kernels }, { numRows: T, q, k, v, o }) {
    const { heads: H, keyDim: K, valueDim: V, features: m, windowRows: W, featureMap } = options;
    const { keys, values, rows, position } = state;
    const R = ringBlocks(W);
    const { distances, projections } = constants;
    const seen = Math.min(rows[0]!, W);
    const place = [position[0]!, seen, Number(featureMap === 'identity')] as const;
    kernels.kernelizedAttention(
      keys,
      values,
      distances,
      projections,
      q,
      k,
      v,
      o,
      scratch,
      T,
      H,
      K,
      V,
      m,
      R,
      W,
      ...place,
    );
    if (kernels.firstNonFinite(o, T * H * V) >= 0) throw overflow('kernelizedAttention');
    rows[0]! += T;
    position[0] = (position[0]! + T) % (64 * R);
  },
  tolerance: 1e-6,
  examples: [
    { heads: 2, keyDim: 6, valueDim: 5, features: 12, rpe: [-3, -2, -1, 0, -1, -2, -3], seed: 3 },
    {
      keyDim: 4,
      valueDim: 8,
      features: 9,
      rpe: Array.from({ length: 201 }, (_, i) => -Math.abs(i - 100) / 40),
    },
    { heads: 2, keyDim: 3, valueDim: 2, windowRows: 0, rpe: [0, 1] },
  ],
});
