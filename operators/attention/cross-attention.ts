/**
 * Cross attention: given queries attend over all keys and values that stream past, in memory that does not grow.
 *
 *   s_ij = scale q_i . k_j + bias_ij
 *   o_i = sum over j of e^(s_ij) v_j / sum over j of e^(s_ij)      lse_i = log of the sum
 *
 * In      k  FixedSizeList<Float32>[Hkv*K]   v  [Hkv*V]
 * Out     o  FixedSizeList<Float32>[H*V]   lse  [H]   one row a query, at the end of the stream or of each batch
 * State   m, l [N, H] and o [N, H, V], float32, and the open block of 64 keys; read from outside, l = 1 and m = lse
 * Cost    O(T N H (K + V)) per batch, no growth with stream length
 * Error   exact attention; vs naive (f64): relative RMSE <= 2e-6
 * Nulls   an error that names the row; so are NaN and infinities
 * Differs no keys at all give o = 0 and lse = -Infinity, not NaN
 * Source  Dao et al., FlashAttention, 2022, arXiv:2205.14135; Milakov, Gimelshein, 2018, arXiv:1805.02867
 */
import { defineOperator, type StepContext } from '../../src/define-operator.js';
import { optionRange } from '../../src/errors.js';
import { attentionKernels, mergeSoftmax, settleSoftmax, tilesOf } from '../../src/kernels/attention.js';
import { BLOCK_KEYS, TILE_ROWS } from '../../src/kernels/attention-block.js';
import { checkedByStep, f32, f64, i32, startingAt, type Views } from '../../src/layout.js';
import { numbers, oneOf } from '../../src/options.js';
import { fillFactors } from './bias.js';
import {
  type AttentionOptions,
  attentionOptions,
  checkAttention,
  evenShares,
  mostShares,
  overflow,
  packedShape,
  rankOf,
} from './heads.js';
import { packedQueries } from './packed-queries.js';

export interface CrossAttentionOptions extends AttentionOptions {
  /** The queries [N, H*K], packed row by row. */
  readonly queries: Float32Array | readonly number[];
  /** When the outputs are emitted: at the end of the stream (default), or also after each batch, of the keys so far. */
  readonly emit?: 'end' | 'batch';
}

type Cross = ReturnType<typeof check>;

const countOf = ({ queries, heads, keyDim }: Cross) => queries.length / (heads * keyDim);

function check(options: CrossAttentionOptions) {
  const attention = checkAttention(options);
  const { heads, keyDim } = attention;
  const length = options.queries?.length;
  if (typeof length !== 'number' || length === 0 || length % (heads * keyDim) !== 0) {
    const expected = `a multiple of heads * keyDim = ${heads * keyDim} numbers`;
    throw optionRange('', 'queries', expected, length ?? options.queries);
  }
  return {
    ...attention,
    queries: numbers({ queries: options.queries }, length),
    emit: oneOf({ emit: options.emit ?? 'end' }, ['end', 'batch']),
  };
}

const softmaxSlots = (N: number, { heads: H, valueDim: V }: Cross) => ({
  m: startingAt(f32(N, H), -Infinity),
  l: f32(N, H),
  o: f32(N, H, V),
});

const layout = (options: Cross) => {
  const { heads: H, kvHeads, keyDim: K, valueDim: V } = options;
  return {
    ...softmaxSlots(countOf(options), options),
    keys: f32(kvHeads, K, BLOCK_KEYS),
    values: f32(kvHeads, BLOCK_KEYS, V),
    phi: f32(H, rankOf(options), BLOCK_KEYS),
    rows: f64(1),
    /** How often a block was taken in without rescaling a query's sums. */
    skipped: f64(1),
    /** Keys in the open block. */
    position: i32(1),
  };
};

/** Blocks of keys that are copied into the arena and shared out at a time: half a megabyte, which stays in the second level cache. */
function blocksTogether({ kvHeads, keyDim: K, valueDim: V }: Cross): number {
  const blockFloats = BLOCK_KEYS * kvHeads * (K + V);
  return Math.max(1, Math.min(16, Math.floor(2 ** 17 / blockFloats)));
}

const scratch = (options: Cross) => {
  const { heads: H, kvHeads, keyDim: K, valueDim: V, threads } = options;
  const [B, R] = [blocksTogether(options), rankOf(options)];
  return {
    ...softmaxSlots(countOf(options), options),
    k: f32(B, BLOCK_KEYS, kvHeads, K),
    v: f32(B, BLOCK_KEYS, kvHeads, V),
    phiK: f32(B, BLOCK_KEYS, H, R),
    keys: f32(kvHeads, B, K, BLOCK_KEYS),
    values: f32(kvHeads, B, BLOCK_KEYS, V),
    phi: f32(H, B, R, BLOCK_KEYS),
    scores: f32(mostShares(threads), TILE_ROWS, BLOCK_KEYS),
  };
};

const constants = (options: Cross) => ({
  queries: packedQueries(options, options.queries),
  /** Of the open block, and of the blocks that are taken in together. */
  openShape: packedShape(options),
  shape: packedShape(options, { ringBlocks: blocksTogether(options) }),
});

type Softmax = Views<ReturnType<typeof softmaxSlots>>;
type Context = StepContext<
  Cross,
  Views<ReturnType<typeof layout>>,
  ReturnType<typeof constants>,
  Views<ReturnType<typeof scratch>>,
  (typeof attentionKernels)['twins']
>;

const NAME = 'crossAttention';

export const crossAttention = defineOperator({
  name: NAME,
  version: 1,
  summary: 'given queries attend over all keys and values that stream past',
  kernels: attentionKernels,
  options: {
    ...attentionOptions,
    queries: 'the queries [N, H*K], packed row by row',
    emit: "when the outputs are emitted: 'end' (default) or 'batch'",
  },
  check,
  passing: 'columns',
  inputs: ({ kvHeads, keyDim: K, valueDim: V }) => ({
    k: checkedByStep(f32(kvHeads * K)),
    v: checkedByStep(f32(kvHeads * V)),
  }),
  outputs: ({ heads: H, valueDim: V }) => ({ o: f32(H * V), lse: f32(H) }),
  layout: (options: Cross) => layout(options),
  constants,
  scratch,
  threads: ({ threads }) => threads,
  emits: 'batches',
  step(context, { numRows: T, k, v }) {
    const { position, rows } = context.state;
    const start = rows[0]!;
    const copy = (piece: Piece) => copyRows(context, { k, v }, piece, start + piece.at);
    let piece = pieceAt(context, 0, T, position[0]!);
    if (piece !== undefined) copy(piece);
    while (piece !== undefined) {
      const { at, count, whole }: Piece = piece;
      const next = pieceAt(context, at + count, T, (position[0]! + count) % BLOCK_KEYS);
      const meanwhile = () => next && copy(next);
      if (whole) takeWhole(context, count, meanwhile);
      else takeOpen(context, count, meanwhile);
      rows[0]! += count;
      piece = next;
    }
  },
  endBatch(context) {
    if (context.options.emit === 'batch') emitSofar(context);
  },
  flush(context) {
    if (context.options.emit === 'end') emitSofar(context);
  },
  settle(context) {
    const { state, options, kernels } = context;
    takeBlocks(context, state, state, state.position[0]!);
    kernels.settleSoftmax(state.m, state.l, state.o, state.m.length, options.valueDim);
  },
  merge(a, b, { valueDim: V }) {
    const [m, l, o] = [a.m.slice(), a.l.slice(), a.o.slice()];
    mergeSoftmax(m, l, o, b.m, b.l, b.o, m.length, V);
    settleSoftmax(m, l, o, m.length, V);
    return { m, l, o, rows: [a.rows[0]! + b.rows[0]!], skipped: [a.skipped[0]! + b.skipped[0]!] };
  },
  tolerance: 2e-6,
  examples: [
    { heads: 2, keyDim: 5, valueDim: 6, queries: sampleQueries(5, 2 * 5) },
    { heads: 4, kvHeads: 2, keyDim: 8, valueDim: 3, queries: sampleQueries(3, 4 * 8), threads: 2 },
    { keyDim: 4, valueDim: 9, queries: sampleQueries(4, 4), scale: 1 },
  ],
});

interface Columns {
  readonly k: Float32Array;
  readonly v: Float32Array;
}

/** Rows of a batch that are taken in together: whole blocks, or what the open one still has room for. */
interface Piece {
  readonly at: number;
  readonly count: number;
  readonly whole: boolean;
}

/** The piece that begins with row `at` of T, when the open block has `open` keys; undefined behind the last. */
function pieceAt({ options }: Context, at: number, T: number, open: number): Piece | undefined {
  const left = T - at;
  if (left === 0) return undefined;
  // The last whole block passes through the open one, whose bytes are then the same however the rows are cut.
  const most = BLOCK_KEYS * blocksTogether(options);
  const whole = open > 0 ? 0 : Math.max(0, Math.min(left - (left % BLOCK_KEYS) - BLOCK_KEYS, most));
  return { at, count: whole || Math.min(BLOCK_KEYS - open, left), whole: whole > 0 };
}

/** Copies a piece, whose first row is row `position` of the stream, to the front of the scratch. */
function copyRows(context: Context, { k, v }: Columns, { at, count }: Piece, position: number): void {
  const { options, scratch } = context;
  const { heads, kvHeads, keyDim, valueDim, bias } = options;
  const [keyFloats, valueFloats] = [kvHeads * keyDim, kvHeads * valueDim];
  scratch.k.set(k.subarray(at * keyFloats, (at + count) * keyFloats));
  scratch.v.set(v.subarray(at * valueFloats, (at + count) * valueFloats));
  fillFactors('phiK', bias, heads, position, count, scratch.phiK);
}

/** Appends the copied rows to the open block, and takes it in once it is full; `meanwhile` the next ones are copied. */
function takeOpen(context: Context, count: number, meanwhile: () => void): void {
  const { state, constants, scratch, kernels } = context;
  const { keys, values, phi, position, skipped } = state;
  const { k, v, phiK } = scratch;
  const first = position[0]!;
  const kept = kernels.keepBlockKeys(keys, values, phi, k, v, phiK, constants.openShape, first, count);
  if (kept < count) refuse(context);
  if (first + count === BLOCK_KEYS) skipped[0]! += takeBlocks(context, state, state, BLOCK_KEYS, meanwhile);
  else meanwhile();
  position[0] = (first + count) % BLOCK_KEYS;
}

/** Takes in the copied rows, which are whole blocks: threads share out the blocks first, then the queries. */
function takeWhole(context: Context, count: number, meanwhile: () => void): void {
  const { options, state, constants, scratch, together } = context;
  const { heads: H, kvHeads, keyDim, valueDim, threads } = options;
  const { keys, values, phi, k, v, phiK } = scratch;
  const shares = evenShares(count / BLOCK_KEYS, threads).map(([from, to]) => {
    const [first, rows] = [from * BLOCK_KEYS, (to - from) * BLOCK_KEYS];
    const own = [
      k.subarray(first * kvHeads * keyDim),
      v.subarray(first * kvHeads * valueDim),
      phiK.subarray(first * H * rankOf(options)),
    ] as const;
    return [keys, values, phi, ...own, constants.shape, first, rows] as const;
  });
  if (sum(together('keepBlockKeys', shares)) < count) refuse(context);
  state.skipped[0]! += takeBlocks(context, scratch, state, count, meanwhile);
}

/** The error of rows among the copied ones that are not finite. */
function refuse(context: Context): void {
  context.check('k');
  context.check('v');
}

interface Blocks {
  readonly keys: Float32Array;
  readonly values: Float32Array;
  readonly phi: Float32Array;
}

/** Takes the first `count` keys of the open block, or of those in scratch, into a running softmax; threads share the queries. */
function takeBlocks(
  context: Context,
  blocks: Blocks,
  softmax: Softmax,
  count: number,
  meanwhile?: () => void,
): number {
  const { options, state, constants, scratch, together } = context;
  const { queries } = constants;
  const shape = blocks === state ? constants.openShape : constants.shape;
  const { keys, values, phi } = blocks;
  const { m, l, o } = softmax;
  const N = countOf(options);
  const shares = evenShares(tilesOf(options.heads, N), options.threads).map(([from, to], i) => {
    const scores = scratch.scores.subarray(i * TILE_ROWS * BLOCK_KEYS);
    return [queries, keys, values, phi, m, l, o, scores, shape, N, count, from, to] as const;
  });
  return sum(together('attendBlocks', shares, meanwhile));
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

/** Emits what the queries make of the keys so far; the state stays as it is. */
function emitSofar(context: Context): void {
  const { options, state, scratch, kernels } = context;
  const { m, l, o } = scratch;
  m.set(state.m);
  l.set(state.l);
  o.set(state.o);
  takeBlocks(context, state, scratch, state.position[0]!);
  kernels.settleSoftmax(m, l, o, m.length, options.valueDim);
  if (kernels.firstNonFinite(o, o.length) >= 0) throw overflow(NAME);
  context.emit({ o: o.slice(), lse: m.slice() }, countOf(options));
}

/** Queries for the examples, which need some. */
function sampleQueries(rows: number, width: number): number[] {
  return Array.from({ length: rows * width }, (_, i) => ((i * 37) % 29) / 14 - 1);
}
