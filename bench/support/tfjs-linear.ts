/**
 * Linear attention in the operations of TensorFlow.js, on its WebAssembly backend with one thread: head by head and
 * chunk by chunk in matrix products.
 */
import { H, K, type Rule, type RuleRows, SCALE, V } from './linear-rules.js';
import type { Peer } from './peers.js';
import { openTfjs, type Tensor, type Tfjs } from './tfjs.js';

/** Among 32, 64, 128 and 256 rows the fastest. With a gate a key, longer ones would overflow: they divide by decays. */
const CHUNK_ROWS = 64;

/** What the gates of one chunk do; each part is 1 where it is absent. */
interface Decays {
  /** On scores [C, C]. */
  readonly among: Tensor;
  /** On queries and keys that meet within the chunk. */
  readonly query?: Tensor;
  readonly key?: Tensor;
  /** From the chunk's start to each row, from each row to the chunk's end, and over the whole chunk. */
  readonly before?: Tensor;
  readonly behind?: Tensor;
  readonly whole?: Tensor;
}

/** g: the chunk's log decays [C, 1] or [C, K]. */
function decaysOf(tf: Tfjs, { gate }: Rule, g: Tensor | undefined, causal: Tensor, C: number): Decays {
  if (g === undefined) return { among: causal };
  const width = gate === 'key' ? K : 1;
  const sums = tf.cumsum(g, 0);
  const total = tf.slice(sums, [C - 1, 0], [1, width]);
  const before = tf.exp(sums);
  const behind = tf.exp(tf.sub(total, sums));
  const whole = tf.exp(tf.reshape(total, [width, 1]));
  if (gate === 'key') {
    return { among: causal, query: before, key: tf.exp(tf.neg(sums)), before, behind, whole };
  }
  const apart = tf.minimum(tf.sub(sums, tf.reshape(sums, [1, C])), 0);
  return { among: tf.mul(causal, tf.exp(apart)), before, behind, whole };
}

const times = (tf: Tfjs, x: Tensor, factor: Tensor | undefined) =>
  factor === undefined ? x : tf.mul(x, factor);

/** One head's outputs in one chunk, and its state S behind it. */
function attendChunk(tf: Tfjs, q: Tensor, k: Tensor, v: Tensor, decays: Decays, S: Tensor) {
  const scores = tf.matMul(times(tf, q, decays.query), tf.transpose(times(tf, k, decays.key), [1, 0]));
  const within = tf.matMul(tf.mul(scores, decays.among), v);
  const across = tf.matMul(times(tf, q, decays.before), S);
  const written = tf.matMul(tf.transpose(times(tf, k, decays.behind), [1, 0]), v);
  return { o: tf.add(within, across), S: tf.add(times(tf, S, decays.whole), written) };
}

/** One chunk of all heads: its outputs [C, H V], and the states behind it. */
function attendHeads(
  tf: Tfjs,
  rule: Rule,
  rows: RuleRows,
  row: number,
  C: number,
  causal: Tensor,
  states: readonly Tensor[],
) {
  const byHead = (x: Float32Array, width: number) => {
    const part = x.subarray(row * H * width, (row + C) * H * width);
    return tf.unstack(tf.transpose(tf.tensor(part, [C, H, width]), [1, 0, 2]), 0);
  };
  const [q, k, v] = [byHead(rows.q, K), byHead(rows.k, K), byHead(rows.v, V)] as const;
  const g = rows.g && byHead(rows.g, rule.gate === 'key' ? K : 1);
  const heads = states.map((S, h) => {
    const decays = decaysOf(tf, rule, g?.[h], causal, C);
    return attendChunk(tf, q[h]!, k[h]!, v[h]!, decays, S);
  });
  const o = tf.stack(
    heads.map((head) => head.o),
    1,
  );
  return { o: tf.mul(o, SCALE), states: heads.map(({ S }) => S) };
}

/**
 * Steps through the rows again and again, its state going on; delta rules have no form in these operations. Whole
 * columns are never made tensors: a slice of one would copy all of it.
 */
export async function tfjsLinear(rule: Rule, rows: RuleRows, T: number): Promise<Peer | undefined> {
  if (rule.beta || rule.preactivations) return undefined;
  const tf = await openTfjs();
  if (tf === undefined) return undefined;
  const C = Math.min(T, CHUNK_ROWS);
  const mask = Float32Array.from({ length: C * C }, (_, at) => (at % C <= Math.floor(at / C) ? 1 : 0));
  const causal = tf.tensor(mask, [C, C]);
  let states = Array.from({ length: H }, () => tf.zeros([K, V]));
  return () => {
    const output = new Float32Array(T * H * V);
    for (let row = 0; row < T; row += C) {
      const next = tf.tidy(() => attendHeads(tf, rule, rows, row, C, causal, states));
      output.set(next.o.dataSync(), row * H * V);
      for (const spent of [next.o, ...states]) spent.dispose();
      states = next.states;
    }
    return output;
  };
}
