/**
 * Causal attention: each row attends to the rows before it and to itself, all of them or those in a sliding window.
 *
 *   s_ij = scale q_i . k_j + bias_ij + g_(j+1) + … + g_i
 *   o_i = sum of e^(s_ij) v_j / (sum of e^(s_ij) + e^sinkBias),  j <= i in the window or among the sinks
 *
 * In      q  FixedSizeList<Float32>[H*K]   k  [Hkv*K]   v  [Hkv*V]   with `forget` g [H] <= 0 (natural log)
 * Out     o  FixedSizeList<Float32>[H*V]   one row per input row, same order
 * State   a ring of key blocks, float32: about 4 Hkv (K + V) (windowRows + sinkRows + 192) bytes
 * Cost    O(T H (K + V) window) per batch, no growth with stream length
 * Error   exact attention; vs naive (f64): relative RMSE <= 2e-6
 * Nulls   an error that names the row; so are NaN and infinities
 * Differs rotary positions are left to the caller
 * Source  Dao et al., FlashAttention, 2022, arXiv:2205.14135; sinks: Xiao et al., StreamingLLM, 2023, arXiv:2309.17453;
 *         sink bias: OpenAI, gpt-oss, 2025, arXiv:2508.10925; forgetting: Lin et al., Forgetting Transformer, 2025,
 *         arXiv:2503.02130; grouped queries: Ainslie et al., 2023, arXiv:2305.13245
 */
import { defineOperator, type StepContext } from '../../src/define-operator.js';
import { limitExceeded, optionRange } from '../../src/errors.js';
import { attentionKernels, tilesOf } from '../../src/kernels/attention.js';
import { BLOCK_KEYS, TILE_ROWS } from '../../src/kernels/attention-block.js';
import { ringPosition } from '../../src/kernels/causal-attention.js';
import { type ArrayType, atMost, checkedByStep, f32, f64, type Views } from '../../src/layout.js';
import { integer, numbers, truth } from '../../src/options.js';
import { alibi, fillFactors } from './bias.js';
import {
  type AttentionOptions,
  attentionOptions,
  checkAttention,
  evenShares,
  mostShares,
  overflow,
  packedShape,
  shapeOf,
} from './heads.js';

export interface CausalAttentionOptions extends AttentionOptions {
  /** Rows that each row sees, itself among them, 1 … 2^24. Either this or `maxRows`. */
  readonly windowRows?: number;
  /** Rows that the stream may have, all of which are kept and seen, 1 … 2^24; more are an error. */
  readonly maxRows?: number;
  /** First rows of the stream that never leave the window, 0 … 65536 (default 0). */
  readonly sinkRows?: number;
  /** One more logit for each head [H] that takes weight and gives no value (default none). */
  readonly sinkBias?: Float32Array | readonly number[];
  /** Reads log decays g [H] a row: what is before a row counts e^g times as much (default false). */
  readonly forget?: boolean;
}

const MOST_ROWS = 2 ** 24;

function check(options: CausalAttentionOptions) {
  const attention = checkAttention(options);
  const { windowRows, maxRows, sinkBias } = options;
  if ((windowRows === undefined) === (maxRows === undefined)) {
    throw optionRange('', 'windowRows', 'either windowRows or maxRows', windowRows ?? 'neither');
  }
  return {
    ...attention,
    windowRows: windowRows === undefined ? undefined : integer({ windowRows }, 1, MOST_ROWS),
    maxRows: maxRows === undefined ? undefined : integer({ maxRows }, 1, MOST_ROWS),
    sinkRows: integer({ sinkRows: options.sinkRows ?? 0 }, 0, 65536),
    sinkBias: sinkBias === undefined ? undefined : Array.from(numbers({ sinkBias }, attention.heads)),
    forget: truth({ forget: options.forget ?? false }),
  };
}

type Causal = ReturnType<typeof check>;

const isDecaying = ({ forget, bias }: Causal) => forget || bias?.slopes !== undefined;

/** A bias of distances alone is a decay by a constant: no factors are needed for it. */
const factorsOf = (options: Causal): Causal =>
  options.bias?.slopes === undefined ? options : { ...options, bias: undefined };

function ringShape(options: Causal) {
  const { maxRows, windowRows, sinkRows } = options;
  const all = maxRows ?? 0;
  const sinkBlocks = Math.ceil((maxRows === undefined ? sinkRows : 0) / BLOCK_KEYS);
  const windowBlocks =
    windowRows === undefined ? Math.ceil(all / BLOCK_KEYS) : Math.ceil((windowRows - 1) / BLOCK_KEYS) + 1;
  return shapeOf(factorsOf(options), {
    ringBlocks: sinkBlocks + windowBlocks,
    sinkBlocks,
    windowRows: windowRows ?? all,
    sinkRows: sinkBlocks === 0 ? 0 : sinkRows,
    decays: isDecaying(options) ? 1 : 0,
  });
}

const layout = (options: Causal) => {
  const { heads: H, kvHeads, keyDim: K, valueDim: V, rank: R, ringBlocks, decays } = ringShape(options);
  return {
    keys: f32(kvHeads, ringBlocks, K, BLOCK_KEYS),
    values: f32(kvHeads, ringBlocks, BLOCK_KEYS, V),
    phi: f32(H, ringBlocks, R, BLOCK_KEYS),
    /** Sums of all log decays up to each row, and up to the last. */
    decay: f64(H, decays * ringBlocks, BLOCK_KEYS),
    total: f64(H),
    rows: f64(1),
    /** How often a block was taken in without rescaling a row's sums. */
    skipped: f64(1),
  };
};

const constants = (options: Causal) => ({
  shape: packedShape(factorsOf(options), ringShape(options)),
  ...((options.sinkBias && { sinkBias: Float32Array.from(options.sinkBias) }) as { sinkBias?: Float32Array }),
});

const scratch = (options: Causal) => {
  const { heads: H, kvHeads, keyDim: K, valueDim: V, rank: R } = ringShape(options);
  const shares = mostShares(options.threads);
  return {
    /** Rows of one block: of what threads work on while others are copied there are two. */
    q: f32(2, BLOCK_KEYS, H, K),
    phiQ: f32(2, BLOCK_KEYS, H, R),
    o: f32(2, BLOCK_KEYS, H, V),
    k: f32(BLOCK_KEYS, kvHeads, K),
    v: f32(BLOCK_KEYS, kvHeads, V),
    phiK: f32(BLOCK_KEYS, H, R),
    g: f32(BLOCK_KEYS, H),
    m: f32(H, BLOCK_KEYS),
    l: f32(H, BLOCK_KEYS),
    packed: f32(H, BLOCK_KEYS, K + R),
    scores: f32(shares, TILE_ROWS, BLOCK_KEYS),
  };
};

type Context = StepContext<
  Causal,
  Views<ReturnType<typeof layout>>,
  ReturnType<typeof constants>,
  Views<ReturnType<typeof scratch>>,
  (typeof attentionKernels)['twins']
>;

const NAME = 'causalAttention';

export const causalAttention = defineOperator({
  name: NAME,
  version: 1,
  summary: 'each row attends to the rows before it, all of them or those in a sliding window',
  kernels: attentionKernels,
  options: {
    ...attentionOptions,
    windowRows: 'rows that each row sees, itself among them, 1 … 2^24; either this or maxRows',
    maxRows: 'rows that the stream may have, all of them seen, 1 … 2^24',
    sinkRows: 'first rows that never leave the window, 0 … 65536 (default 0)',
    sinkBias: 'one more logit per head that takes weight and gives no value (default none)',
    forget: 'reads log decays g [H] a row (default false)',
  },
  check,
  passing: 'columns',
  inputs: ({ heads: H, kvHeads, keyDim: K, valueDim: V, forget }) => ({
    q: checkedByStep(f32(H * K)),
    k: checkedByStep(f32(kvHeads * K)),
    v: checkedByStep(f32(kvHeads * V)),
    ...((forget ? { g: atMost(f32(H), 0) } : {}) as { g: ArrayType<'f32'> }),
  }),
  outputs: ({ heads: H, valueDim: V }) => ({ o: f32(H * V) }),
  layout: (options: Causal) => layout(options),
  constants,
  scratch,
  threads: ({ threads }) => threads,
  step(context, { numRows: T, ...columns }) {
    const { maxRows } = context.options;
    const start = context.state.rows[0]!;
    if (maxRows !== undefined && start + T > maxRows) {
      throw limitExceeded(NAME, 'maxRows', maxRows, 'Raise it, or give windowRows.');
    }
    const partAt = (at: number, half: 0 | 1): Part => {
      const count = Math.min(T - at, BLOCK_KEYS - ((start + at) % BLOCK_KEYS));
      return { at, count, position: start + at, half };
    };
    let before: Part | undefined;
    let part = partAt(0, 0);
    copyIn(context, columns, part);
    while (part.count > 0) {
      const next = partAt(part.at + part.count, part.half === 0 ? 1 : 0);
      attend(context, part, () => {
        if (before !== undefined) copyOut(context, columns.o, before);
        copyIn(context, columns, next);
      });
      before = part;
      part = next;
    }
    if (before !== undefined) copyOut(context, columns.o, before);
  },
  tolerance: 2e-6,
  examples: [
    { heads: 3, keyDim: 5, valueDim: 6, windowRows: 70 },
    { heads: 4, kvHeads: 2, keyDim: 8, valueDim: 4, windowRows: 17, sinkRows: 5, sinkBias: [1, -1, 0, 3] },
    { heads: 2, keyDim: 6, valueDim: 9, windowRows: 130, sinkRows: 66, forget: true, threads: 2 },
    { heads: 2, keyDim: 4, valueDim: 4, windowRows: 64, bias: alibi([0.5, 0.125]), rescale: 'deferred' },
  ],
});

interface Columns {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly g: Float32Array | undefined;
}

/** Rows of a batch that lie in one block. */
interface Part {
  /** Where they begin in the batch, and in the stream. */
  readonly at: number;
  readonly count: number;
  readonly position: number;
  /** Which half of the scratch is theirs. */
  readonly half: 0 | 1;
}

const halfOf = (both: Float32Array, half: 0 | 1) =>
  both.subarray((half * both.length) / 2, ((half + 1) * both.length) / 2);

/** Copies a part's rows to scratch; refuses numbers that are not finite. */
function copyIn(context: Context, columns: Columns, { at, count, position, half }: Part): void {
  const { options, scratch, kernels } = context;
  const { bias, heads: H } = factorsOf(options);
  const targets = { q: halfOf(scratch.q, half), k: scratch.k, v: scratch.v };
  for (const role of ['q', 'k', 'v'] as const) {
    const width = scratch[role].length / (role === 'q' ? 2 : 1) / BLOCK_KEYS;
    targets[role].set(columns[role].subarray(at * width, (at + count) * width));
    if (kernels.firstNonFinite(targets[role], count * width) >= 0) context.check(role);
  }
  fillFactors('phiQ', bias, H, position, count, halfOf(scratch.phiQ, half));
  fillFactors('phiK', bias, H, position, count, scratch.phiK);
  const slopes = options.bias?.slopes;
  const { g } = columns;
  for (let i = 0; i < count * H && (g ?? slopes) !== undefined; i++) {
    scratch.g[i] = (g?.[at * H + i] ?? 0) - (slopes?.[i % H] ?? 0);
  }
}

/** Appends a part's rows to the rings, then takes their outputs; `meanwhile` rows are copied. */
function attend(context: Context, { count, position, half }: Part, meanwhile: () => void): void {
  const { options, state, constants, scratch, together } = context;
  const { heads, kvHeads, threads } = options;
  const { keys, values, phi, decay, total, rows, skipped } = state;
  const { k, v, g, phiK, m, l, packed } = scratch;
  const { shape, sinkBias } = constants;
  const own = [shape, count, ringPosition(position, ringShape(options))] as const;
  const kept = evenShares(kvHeads, threads).map(
    ([from, to]) => [keys, values, phi, decay, total, k, v, g, phiK, ...own, from, to] as const,
  );
  together('keepRing', kept);
  const [q, phiQ, o] = [halfOf(scratch.q, half), halfOf(scratch.phiQ, half), halfOf(scratch.o, half)];
  const rings = [keys, values, phi, decay] as const;
  const shares = evenShares(tilesOf(heads, count), threads).map(([from, to], i) => {
    const scores = scratch.scores.subarray(i * TILE_ROWS * BLOCK_KEYS);
    return [...rings, q, phiQ, sinkBias, o, m, l, packed, scores, ...own, from, to] as const;
  });
  for (const share of together('attendRing', shares, meanwhile)) skipped[0]! += share;
  rows[0]! += count;
}

/** Copies a part's outputs from scratch. */
function copyOut({ options, scratch, kernels }: Context, o: Float32Array, { at, count, half }: Part): void {
  const width = options.heads * options.valueDim;
  const own = halfOf(scratch.o, half).subarray(0, count * width);
  if (kernels.firstNonFinite(own, own.length) >= 0) throw overflow(NAME);
  o.set(own, at * width);
}
