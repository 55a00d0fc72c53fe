/**
 * Exact softmax attention in float64, a row at a time and with all scores at once. Each function takes the operator's
 * options, its columns as packed rows, and slots to start from; it gives the output columns and the slots it knows.
 */
import { type Bias, factorRows } from './bias.js';
import type { CausalAttentionOptions } from './causal-attention.js';
import type { CrossAttentionOptions } from './cross-attention.js';
import type { DecodeAttentionOptions } from './decode-attention.js';
import type { SoftmaxOptions } from './softmax.js';

type Numbers = ArrayLike<number>;

/** e^x / sum of e^x, and its logarithm's base: zeros and -infinity where all of x is -infinity. */
function distribution(x: Numbers): { p: Float64Array; lse: number } {
  const logits = Float64Array.from(x);
  const highest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  if (highest === -Infinity) return { p: logits.fill(0), lse: -Infinity };
  const powers = logits.map((logit) => Math.exp(logit - highest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return { p: powers.map((power) => power / sum), lse: highest + Math.log(sum) };
}

/** p, lse: each row's probabilities [n] and log sum. */
export function softmax({ dim }: SoftmaxOptions, { x }: { readonly x: Numbers }) {
  const rows = Array.from({ length: x.length / dim }, (_, t) =>
    distribution(Array.prototype.slice.call(x, t * dim, (t + 1) * dim)),
  );
  return {
    p: Float64Array.from(rows.flatMap(({ p }) => Array.from(p))),
    lse: Float64Array.from(rows, ({ lse }) => lse),
  };
}

/** Each row's share of the sum so far, and that sum's logarithm. */
export function onlineSoftmax(
  _options: object,
  { x }: { readonly x: Numbers },
  initial: { readonly m?: Numbers; readonly l?: Numbers } = {},
) {
  const weight = new Float64Array(x.length);
  const lse = new Float64Array(x.length);
  let m = initial.m?.[0] ?? -Infinity;
  let l = initial.l?.[0] ?? 0;
  for (let t = 0; t < x.length; t++) {
    const before = m;
    m = Math.max(m, x[t]!);
    if (m > -Infinity) l = l * Math.exp(before - m) + Math.exp(x[t]! - m);
    weight[t] = l === 0 ? 0 : Math.exp(x[t]! - m) / l;
    lse[t] = m + Math.log(l);
  }
  return { weight, lse, m: Float64Array.of(m), l: Float64Array.of(l) };
}

interface Heads {
  readonly heads: number;
  readonly kvHeads: number;
  readonly keyDim: number;
  readonly valueDim: number;
  readonly scale: number;
}

const headsOf = (options: {
  readonly heads?: number;
  readonly kvHeads?: number;
  readonly keyDim: number;
  readonly valueDim: number;
  readonly scale?: number;
}): Heads => {
  const { heads = 1, kvHeads = heads, keyDim, valueDim, scale = keyDim ** -0.5 } = options;
  return { heads, kvHeads, keyDim, valueDim, scale };
};

/** q . k of one head, scaled; rows of q and k as given. */
function logit(
  { heads, kvHeads, keyDim: K, scale }: Heads,
  h: number,
  q: Numbers,
  i: number,
  k: Numbers,
  j: number,
) {
  const kvHead = Math.floor((h * kvHeads) / heads);
  let sum = 0;
  for (let c = 0; c < K; c++) sum += q[(i * heads + h) * K + c]! * k[(j * kvHeads + kvHead) * K + c]!;
  return sum * scale;
}

/** The mean of one head's values, weighted. `rows` are those that the weights belong to. */
function mean(
  { heads, kvHeads, valueDim: V }: Heads,
  h: number,
  p: Numbers,
  v: Numbers,
  rows: readonly number[],
) {
  const kvHead = Math.floor((h * kvHeads) / heads);
  return Array.from({ length: V }, (_, c) =>
    rows.reduce((sum, row, at) => sum + p[at]! * v[(row * kvHeads + kvHead) * V + c]!, 0),
  );
}

/** phiQ . phiK of a bias, for query i and key j of a head. */
function biasOf(bias: Bias | undefined, heads: number) {
  if (bias === undefined) return () => 0;
  const q = factorRows('phiQ', bias.phiQ, heads, bias.rank);
  const k = factorRows('phiK', bias.phiK, heads, bias.rank);
  return (i: number, j: number, h: number) => {
    const [a, b] = [q(i, h), k(j, h)];
    return a.reduce((sum, x, r) => sum + x * b[r]!, 0);
  };
}

export function crossAttention(
  options: CrossAttentionOptions,
  { k, v }: { readonly k: Numbers; readonly v: Numbers },
  initial: { readonly m?: Numbers; readonly l?: Numbers; readonly o?: Numbers; readonly rows?: Numbers } = {},
) {
  const shape = headsOf(options);
  const { heads: H, kvHeads, keyDim: K, valueDim: V } = shape;
  const N = options.queries.length / (H * K);
  const bias = biasOf(options.bias, H);
  const before = initial.rows?.[0] ?? 0;
  const rows = Array.from({ length: k.length / (kvHeads * K) }, (_, j) => j);
  const o = new Float64Array(N * H * V);
  const lse = new Float64Array(N * H);
  for (let i = 0; i < N; i++) {
    for (let h = 0; h < H; h++) {
      const at = i * H + h;
      const logits = rows.map((j) => logit(shape, h, options.queries, i, k, j) + bias(i, before + j, h));
      // What was before counts as one more key: its logit is the log sum, its value the mean.
      const known = initial.l?.[at] ? initial.m![at]! + Math.log(initial.l[at]!) : -Infinity;
      const all = distribution([...logits, known]);
      lse[at] = all.lse;
      mean(shape, h, all.p, v, rows).forEach((x, c) => {
        const earlier = known === -Infinity ? 0 : (all.p.at(-1)! * initial.o![at * V + c]!) / initial.l![at]!;
        o[at * V + c] = x + earlier;
      });
    }
  }
  const l = lse.map((x) => (x === -Infinity ? 0 : 1));
  return { o, lse, m: lse, l, rows: Float64Array.of(before + rows.length) };
}

export function causalAttention(
  options: CausalAttentionOptions,
  { q, k, v, g }: { readonly q: Numbers; readonly k: Numbers; readonly v: Numbers; readonly g?: Numbers },
) {
  const shape = headsOf(options);
  const { heads: H, keyDim: K, valueDim: V } = shape;
  const { windowRows = Infinity, sinkRows = 0, sinkBias } = options;
  const bias = biasOf(options.bias, H);
  const T = q.length / (H * K);
  const o = new Float64Array(T * H * V);
  for (let i = 0; i < T; i++) {
    const rows = Array.from({ length: i + 1 }, (_, j) => j).filter((j) => j > i - windowRows || j < sinkRows);
    for (let h = 0; h < H; h++) {
      const logits = rows.map((j) => {
        let decay = 0;
        for (let r = j + 1; r <= i && g !== undefined; r++) decay += g[r * H + h]!;
        return logit(shape, h, q, i, k, j) + bias(i, j, h) + decay;
      });
      const { p } = distribution(sinkBias === undefined ? logits : [...logits, sinkBias[h]!]);
      o.set(mean(shape, h, p, v, rows), (i * H + h) * V);
    }
  }
  return { o };
}

/** Lists as the engine has them: the elements of row t are offsets[t] to below offsets[t + 1]. */
interface Lists {
  readonly offsets: Numbers;
  readonly values: Numbers;
}

export function decodeAttention(
  options: DecodeAttentionOptions,
  { q, k, v }: { readonly q: Numbers; readonly k: Lists; readonly v: Lists },
) {
  const shape = headsOf(options);
  const { heads: H, kvHeads, keyDim: K, valueDim: V } = shape;
  const rowsOf = (lists: Lists, t: number, width: number): Numbers =>
    Array.prototype.slice.call(lists.values, lists.offsets[t]! * width, lists.offsets[t + 1]! * width);
  const T = q.length / (H * K);
  const o = new Float64Array(T * H * V);
  const lse = new Float64Array(T * H);
  for (let t = 0; t < T; t++) {
    const keys = rowsOf(k, t, kvHeads * K);
    const last = keys.length / (kvHeads * K) - 1;
    const queries = { ...options, queries: Array.prototype.slice.call(q, t * H * K, (t + 1) * H * K) };
    const bias = options.bias && { ...options.bias, phiQ: lastFactor(options, last) };
    const own = crossAttention(
      { ...queries, ...(bias && { bias }) },
      { k: keys, v: rowsOf(v, t, kvHeads * V) },
    );
    o.set(own.o, t * H * V);
    lse.set(own.lse, t * H);
  }
  return { o, lse };
}

/** The query of a row stands where its last key does. */
const lastFactor =
  ({ bias, heads = 1 }: DecodeAttentionOptions, last: number) =>
  (_: number, head: number) =>
    factorRows('phiQ', bias!.phiQ, heads, bias!.rank)(last, head);
