/**
 * HyperAttention: softmax attention of a whole sequence in near-linear time, by hashing and sampling.
 *
 *   h(x) = Gray code of the signs of P random projections of x; queries and keys are sorted by it
 *   A = e^(scale q_i . k_j) where i and j lie in the same block of `blockRows` rows, after sorting
 *     + n / s e^(scale q_i . k_j) for each of s sampled keys that lie in another block
 *   o_i = the weighted mean of the values v_j, lse_i = log of the sum of the weights
 *   causal: attention of both halves, and of the second half's queries to the first half's keys as above
 *
 * In      q, k  FixedSizeList<Float32>[H*K]   v  [H*V]
 * Out     o     FixedSizeList<Float32>[H*V]   lse  [H]   one row per input row, same order, in batches of their own
 * State   the rows so far, float32            4 maxRows H (2 K + V) bytes, whether filled or not
 * Cost    O(n H (P K + (blockRows + sampleRows) (K + V))); causal: times log2(n / exactRows), and n H exactRows (K + V)
 * Error   vs naive (f64) with the same hashes and samples: relative RMSE <= 1e-6. Against exact attention: numerator
 *         and denominator are unbiased over the samples, their variance falls as 1 / sampleRows, and neither is bounded
 *         for a single row. Exact where a sequence has at most `blockRows` rows
 * Nulls   an error that names the row; so are NaN and infinities
 * Differs a last block that is not full is shorter, where the published code fills it up with rows of zeros. As
 *         there, three in four neighbouring hashes differ in one sign, the others in more
 * Source  Han et al., HyperAttention: Long-context Attention in Near-Linear Time, 2023, arXiv:2310.05869
 */
import { defineOperator, type StepContext } from '../../src/define-operator.js';
import { optionRange } from '../../src/errors.js';
import { attendScratch } from '../../src/kernels/attend.js';
import { hyperAttentionKernels, MOST_PROJECTIONS } from '../../src/kernels/hyper-attention.js';
import { log32 } from '../../src/kernels/math.js';
import { f32, i32, type Views } from '../../src/layout.js';
import { finiteNumber, integer, numbers, oneOf, truth } from '../../src/options.js';
import { nextBelow } from '../../src/random.js';
import { collectRows, copyRows, type EmitAt } from './collected.js';
import { overflow } from './heads.js';
import { attendCausally, attendFully } from './hyper-blocks.js';
import { generatorOf, normals } from './normals.js';

export interface HyperAttentionOptions {
  /** Heads H, 1 … 1024 (default 1). Per-head vectors lie one behind the other in a column. */
  readonly heads?: number;
  /** Width K of a head's queries and keys, 1 … 4096. */
  readonly keyDim: number;
  /** Width V of a head's values, 1 … 4096. */
  readonly valueDim: number;
  /** The most rows of a sequence, 1 … 2^24. All of them are kept until it ends. */
  readonly maxRows: number;
  /** Whether a row attends only to itself and to rows before it (default false: to all). */
  readonly causal?: boolean;
  /** Factor on every logit (default keyDim^-1/2). */
  readonly scale?: number;
  /** Rows of a block, 1 … 65536 (default 256). */
  readonly blockRows?: number;
  /** Keys sampled for each head, 0 … 65536 (default 256). 0 leaves everything outside of the blocks out. */
  readonly sampleRows?: number;
  /** Projections P of the hash, 1 … 16 (default 7), drawn from the seed; or the projections themselves, [K, P]. */
  readonly projections?: number | ArrayLike<number>;
  /** Instead of drawn samples: positions among the keys sorted by hash, [H, sampleRows]. Not with `causal`. */
  readonly samples?: ArrayLike<number>;
  /** Up to so many rows under the causal mask (or fewer queries) attention is exact, 1 … 65536 (default blockRows). */
  readonly exactRows?: number;
  /** Decides projections and samples, a safe integer (default 0). */
  readonly seed?: number;
  /** 'end' (default): the stream is one sequence. 'full': every `maxRows` rows are one, answered as soon as they are there. */
  readonly emit?: EmitAt;
}

type Resolved = ReturnType<typeof check>;

function check(options: HyperAttentionOptions) {
  const { keyDim, blockRows = 256, projections = 7, samples, causal = false } = options;
  const heads = integer({ heads: options.heads ?? 1 }, 1, 1024);
  const K = integer({ keyDim }, 1, 4096);
  const seed = integer({ seed: options.seed ?? 0 }, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  const sampleRows = integer({ sampleRows: options.sampleRows ?? 256 }, 0, 65536);
  if (samples !== undefined && causal) throw optionRange('', 'samples', 'none with causal', samples);
  return {
    heads,
    keyDim: K,
    valueDim: integer({ valueDim: options.valueDim }, 1, 4096),
    maxRows: integer({ maxRows: options.maxRows }, 1, 2 ** 24),
    causal: truth({ causal }),
    scale: finiteNumber({ scale: options.scale ?? K ** -0.5 }),
    blockRows: integer({ blockRows }, 1, 65536),
    sampleRows,
    projections: checkProjections(projections, K, seed),
    samples: samples === undefined ? undefined : numbers({ samples }, heads * sampleRows),
    exactRows: integer({ exactRows: options.exactRows ?? blockRows }, 1, 65536),
    seed,
    emit: oneOf<EmitAt>({ emit: options.emit ?? 'end' }, ['end', 'full']),
  };
}

/** [K, P]: as given, or drawn. */
function checkProjections(projections: number | ArrayLike<number>, K: number, seed: number): Float64Array {
  if (typeof projections === 'object' && projections !== null) {
    const P = integer({ 'projections.length / keyDim': projections.length / K }, 1, MOST_PROJECTIONS);
    return numbers({ projections }, K * P);
  }
  return normals(K * integer({ projections }, 1, MOST_PROJECTIONS), seed);
}

const layout = ({ maxRows, heads: H, keyDim: K, valueDim: V }: Resolved) => ({
  q: f32(maxRows, H * K),
  k: f32(maxRows, H * K),
  v: f32(maxRows, H * V),
  rows: i32(1),
  sequence: i32(1),
});

const constants = (options: Resolved) => ({
  projections: widened(options.projections, projectionsOf(options)),
});

const scratch = (options: Resolved) => ({
  o: f32(options.maxRows, options.heads * options.valueDim),
  m: f32(options.maxRows, options.heads),
  l: f32(options.maxRows, options.heads),
  queryHashes: i32(options.maxRows),
  keyHashes: i32(options.maxRows),
  queryOrder: i32(options.maxRows),
  keyOrder: i32(options.maxRows),
  counts: i32(2 ** projectionsOf(options)),
  sampled: i32(options.sampleRows),
  gathered: f32(attendScratch(options.keyDim, options.valueDim)),
});

type Context = StepContext<
  Resolved,
  Views<ReturnType<typeof layout>>,
  ReturnType<typeof constants>,
  Views<ReturnType<typeof scratch>>,
  (typeof hyperAttentionKernels)['twins']
>;

const projectionsOf = ({ projections, keyDim }: Resolved) => projections.length / keyDim;

export const hyperAttention = defineOperator({
  name: 'hyperAttention',
  version: 1,
  summary: 'softmax attention of a whole sequence in near-linear time, by hashing and sampling',
  kernels: hyperAttentionKernels,
  options: {
    heads: 'heads H, 1 … 1024 (default 1)',
    keyDim: 'width K of queries and keys, 1 … 4096',
    valueDim: 'width V of values, 1 … 4096',
    maxRows: 'the most rows of a sequence, 1 … 2^24',
    causal: 'whether a row attends only to itself and to rows before it (default false)',
    scale: 'factor on every logit (default keyDim^-1/2)',
    blockRows: 'rows of a block, 1 … 65536 (default 256)',
    sampleRows: 'keys sampled for each head, 0 … 65536 (default 256)',
    projections: 'projections P of the hash, 1 … 16 (default 7), or the projections themselves [K, P]',
    samples: 'instead of drawn samples: positions among the keys sorted by hash, [H, sampleRows]',
    exactRows: 'rows up to which causal attention is exact, 1 … 65536 (default blockRows)',
    seed: 'decides projections and samples, a safe integer (default 0)',
    emit: "'end' (default): one sequence; 'full': every maxRows rows are one",
  },
  check,
  inputs: ({ heads: H, keyDim: K, valueDim: V }) => ({ q: f32(H * K), k: f32(H * K), v: f32(H * V) }),
  outputs: ({ heads: H, valueDim: V }) => ({ o: f32(H * V), lse: f32(H) }),
  layout,
  constants,
  scratch,
  emits: 'batches',
  step(context, { numRows, q, k, v }) {
    const { options, state } = context;
    const { rows, sequence, ...slots } = state;
    const { maxRows, emit } = options;
    const append = (from: number, count: number, before: number) =>
      copyRows({ q, k, v }, slots, maxRows, from, count, before);
    const answer = () => answerSequence(context);
    collectRows({ name: 'hyperAttention', rows, maxRows, emit, append, answer }, numRows);
  },
  flush(context) {
    if (context.state.rows[0]! > 0) answerSequence(context);
  },
  tolerance: 1e-6,
  examples: [
    { heads: 2, keyDim: 8, valueDim: 5, maxRows: 300, blockRows: 32, sampleRows: 16, emit: 'full' },
    {
      keyDim: 3,
      valueDim: 8,
      maxRows: 150,
      causal: true,
      blockRows: 16,
      sampleRows: 7,
      seed: 5,
      emit: 'full',
    },
    { keyDim: 4, valueDim: 4, maxRows: 100, causal: true, sampleRows: 0, emit: 'full' },
  ],
});

/** Emits the outputs of the rows that are there, and makes room for the next sequence. */
function answerSequence(context: Context): void {
  const { options, state, scratch, kernels, emit } = context;
  const { heads: H, valueDim: V } = options;
  const T = state.rows[0]!;
  const { m, l, o } = scratch;
  m.fill(Number.NEGATIVE_INFINITY);
  l.fill(0);
  o.fill(0);
  const random = generatorOf(options.seed, 1 + state.sequence[0]!);
  for (let head = 0; head < H; head++) attendHead(context, T, head, random);
  kernels.finishAttention(m, l, o, T, H, V);
  if (kernels.firstNonFinite(o, T * H * V) >= 0) throw overflow('hyperAttention');
  emit({ o: o.slice(0, T * H * V), lse: l.slice(0, T * H) }, T);
  state.rows[0] = 0;
  state.sequence[0]!++;
}

function attendHead(context: Context, T: number, head: number, random: Uint32Array): void {
  const { options, state, constants, scratch, kernels } = context;
  const { heads: H, keyDim: K, valueDim: V, scale, samples, sampleRows } = options;
  const P = projectionsOf(options);
  const { q, k, v } = state;
  const { m, l, o, gathered } = scratch;
  kernels.angularHashes(q, constants.projections, scratch.queryHashes, T, H, K, P, head);
  kernels.angularHashes(k, constants.projections, scratch.keyHashes, T, H, K, P, head);
  const division = {
    ...options,
    ...scratch,
    draw(positions: Int32Array, rows: number) {
      for (let i = 0; i < sampleRows; i++) {
        positions[i] = samples === undefined ? nextBelow(random, rows) : samples[head * sampleRows + i]!;
        if (positions[i]! >= rows) {
          throw optionRange('hyperAttention', 'samples', `positions below ${rows} rows`, positions[i]);
        }
      }
    },
    attend(queries: Int32Array, keys: Int32Array, weight: number, causal: boolean) {
      const sizes = [queries.length, keys.length, H, K, V, head] as const;
      const bias = log32(Math.fround(weight));
      kernels.attendRows(m, l, o, q, k, v, queries, keys, gathered, ...sizes, scale, bias, Number(causal));
    },
  };
  const all = { from: 0, to: T };
  if (options.causal) attendCausally(division, all);
  else attendFully(division, all, all);
}

/** [K, P] to [K, 16], zeros behind. */
function widened(x: Float64Array, P: number): Float64Array {
  const wide = new Float64Array((x.length / P) * MOST_PROJECTIONS);
  x.forEach((value, i) => {
    wide[Math.floor(i / P) * MOST_PROJECTIONS + (i % P)] = value;
  });
  return wide;
}
