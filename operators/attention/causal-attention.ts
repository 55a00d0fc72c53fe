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
import { attentionKernels } from '../../src/kernels/attention.js';
import { BLOCK_KEYS } from '../../src/kernels/attention-block.js';
import { causalScratch, ringPosition } from '../../src/kernels/causal-attention.js';
import { type ArrayType, atMost, f32, f64, type Views } from '../../src/layout.js';
import { integer, numbers, truth } from '../../src/options.js';
import { alibi, fillFactors } from './bias.js';
import {
  type AttentionOptions,
  attentionOptions,
  checkAttention,
  evenShares,
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

/** Rows a call: threads meet after each, so that several take more where rows are narrow (a megabyte of them). */
function blockRows({ heads: H, kvHeads, keyDim: K, valueDim: V, threads }: Causal): number {
  if (threads === 1) return BLOCK_KEYS;
  const blockFloats = BLOCK_KEYS * (H + kvHeads) * (K + V);
  return BLOCK_KEYS * Math.max(1, Math.min(16, Math.floor(2 ** 18 / blockFloats)));
}

const scratch = (options: Causal) => {
  const shape = ringShape(options);
  const factors = f32(blockRows(options), shape.heads, shape.rank);
  return {
    phiQ: factors,
    phiK: factors,
    rates: f32(blockRows(options), shape.heads),
    scores: f32(options.threads, causalScratch(shape)),
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
  inputs: ({ heads: H, kvHeads, keyDim: K, valueDim: V, forget }) => ({
    q: f32(H * K),
    k: f32(kvHeads * K),
    v: f32(kvHeads * V),
    ...((forget ? { g: atMost(f32(H), 0) } : {}) as { g: ArrayType<'f32'> }),
  }),
  outputs: ({ heads: H, valueDim: V }) => ({ o: f32(H * V) }),
  layout: (options: Causal) => layout(options),
  constants,
  scratch,
  threads: ({ threads }) => threads,
  blockRows: (options: Causal) => blockRows(options),
  step(context, { numRows: T, q, k, v, g, o }) {
    const { options, state, constants, scratch, kernels, together } = context;
    const { keys, values, phi, decay, total, rows, skipped } = state;
    const { maxRows, kvHeads, threads } = options;
    if (maxRows !== undefined && rows[0]! + T > maxRows) {
      throw limitExceeded(NAME, 'maxRows', maxRows, 'Raise it, or give windowRows.');
    }
    const { phiQ, phiK, scores } = scratch;
    const { bias, heads } = factorsOf(options);
    fillFactors('phiQ', bias, heads, rows[0]!, T, phiQ);
    fillFactors('phiK', bias, heads, rows[0]!, T, phiK);
    const { shape, sinkBias } = constants;
    const rates = logDecays(context, T, g);
    const position = ringPosition(rows[0]!, ringShape(options));
    const threadFloats = scores.length / threads;
    const state4 = [keys, values, phi, decay, total] as const;
    const shares = evenShares(kvHeads, threads).map(([from, to], i) => {
      const own = scores.subarray(i * threadFloats);
      return [...state4, q, k, v, rates, phiQ, phiK, sinkBias, o, own, shape, T, position, from, to] as const;
    });
    for (const kept of together('causalAttention', shares)) skipped[0]! += kept;
    if (kernels.firstNonFinite(o, T * heads * options.valueDim) >= 0) throw overflow(NAME);
    rows[0]! += T;
  },
  tolerance: 2e-6,
  examples: [
    { heads: 3, keyDim: 5, valueDim: 6, windowRows: 70 },
    { heads: 4, kvHeads: 2, keyDim: 8, valueDim: 4, windowRows: 17, sinkRows: 5, sinkBias: [1, -1, 0, 3] },
    { heads: 2, keyDim: 6, valueDim: 9, windowRows: 130, sinkRows: 66, forget: true, threads: 2 },
    { heads: 2, keyDim: 4, valueDim: 4, windowRows: 64, bias: alibi([0.5, 0.125]), rescale: 'deferred' },
  ],
});

/** Each row's log decays: its own gates, and what a bias of distances takes from each step back. */
function logDecays(
  { options, scratch: { rates } }: Context,
  T: number,
  g: Float32Array | undefined,
): Float32Array {
  const slopes = options.bias?.slopes;
  if (slopes === undefined) return g ?? rates;
  const H = options.heads;
  for (let i = 0; i < T * H; i++) rates[i] = (g?.[i] ?? 0) - slopes[i % H]!;
  return rates;
}
