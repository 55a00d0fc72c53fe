/**
 * HyperAttention's parts: the twins of `hyper-attention.c`.
 *
 * Shapes: q, k [T, H K] and v, o [T, H V] packed rows, m, l [T, H]. A call is for one of the H heads.
 */
import { attendListed } from './attend.js';
import { normalize } from './attention-block.js';
import { defineKernels } from './kernel.js';
import { firstAbove, firstNonFinite } from './math.js';
import { wasm } from './wasm/hyper-attention.js';

export const MOST_PROJECTIONS = 16;

/**
 * Each row's angular hash: the Gray code of the number whose bit p says whether x . projection p is positive. Sums
 * are float64, term after term.
 *
 * Shapes: x [T, H K], projections [K, 16], those from P on zeros; hashes [T].
 */
export function angularHashes(
  x: Float32Array,
  projections: Float64Array,
  hashes: Int32Array,
  T: number,
  H: number,
  K: number,
  P: number,
  head: number,
): void {
  for (let t = 0; t < T; t++) {
    const row = (t * H + head) * K;
    let code = 0;
    for (let p = 0; p < P; p++) {
      let sum = 0;
      for (let i = 0; i < K; i++) sum += x[row + i]! * projections[i * MOST_PROJECTIONS + p]!;
      code |= Number(sum > 0) << p;
    }
    hashes[t] = code ^ (code >> 1);
  }
}

/**
 * Adds what the listed keys give to the listed queries' rows of (m, l, o): logits are scale q . k + bias. With
 * `causal` (0 or 1) query number i sees the keys numbered 0 to i. m begins at -infinity, l and o at 0.
 */
export function attendRows(
  m: Float32Array,
  l: Float32Array,
  o: Float32Array,
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  queries: Int32Array,
  keys: Int32Array,
  scratch: Float32Array,
  queryCount: number,
  keyCount: number,
  H: number,
  K: number,
  V: number,
  head: number,
  scale: number,
  bias: number,
  causal: number,
): void {
  const of = { queryHeads: H, keyHeads: H, queryHead: head, keyHead: head };
  const streams = { m, l, o, q, k, v, ...of, K, V };
  const listed = { queries, queryCount, keys, keyCount };
  attendListed(streams, listed, scratch, scale, bias, causal !== 0);
}

/** o = o / l and l = m + log l, the log-sum-exp, for all rows and heads; 0 and -infinity where no key was seen. */
export function finishAttention(
  m: Float32Array,
  l: Float32Array,
  o: Float32Array,
  T: number,
  H: number,
  V: number,
): void {
  for (let t = 0; t < T * H; t++) l[t] = normalize(o, t * V, m[t]!, l[t]!, V);
}

export const hyperAttentionKernels = defineKernels('hyper-attention', wasm, {
  firstNonFinite,
  firstAbove,
  angularHashes,
  attendRows,
  finishAttention,
});
