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
import { defineOperator } from '../../src/define-operator.js';
import { optionRange } from '../../src/errors.js';
import { attentionKernels, mergeSoftmax, tilesOf } from '../../src/kernels/attention.js';
import { BLOCK_KEYS, packQuery, TILE_ROWS } from '../../src/kernels/attention-block.js';
import { f32, f64, i32, startingAt } from '../../src/layout.js';
import { numbers, oneOf } from '../../src/options.js';
import { fillFactors } from './bias.js';
import {
  type Attention,
  type AttentionOptions,
  attentionOptions,
  checkAttention,
  packedShape,
  rankOf,
  shapeOf,
} from './heads.js';

export interface CrossAttentionOptions extends AttentionOptions {
  /** The queries [N, H*K], packed row by row. */
  readonly queries: Float32Array | readonly number[];
  /** When the outputs are emitted: at the end of the stream (default), or also after each batch, of the keys so far. */
  readonly emit?: 'end' | 'batch';
}

interface Cross extends Attention {
  readonly queries: Float64Array;
}

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

/** Queries [H, N, K + R], scaled, each head's behind each other. */
function packQueries(options: Cross): Float32Array {
  const { queries, heads: H, keyDim: K, bias } = options;
  const [N, R] = [countOf(options), rankOf(options)];
  const shape = shapeOf(options);
  const packed = new Float32Array(H * N * (K + R));
  const phiQ = new Float32Array(N * H * R);
  fillFactors('phiQ', bias, H, 0, N, phiQ);
  const q = Float32Array.from(queries);
  for (let i = 0; i < N; i++) {
    for (let h = 0; h < H; h++) {
      const at = i * H + h;
      packQuery(q, at * K, phiQ, at * R, { ...shape, scale: Math.fround(shape.scale) }, packed, (h * N + i) * (K + R));
    }
  }
  return packed;
}

const softmaxSlots = (N: number, { heads: H, valueDim: V }: Attention) => ({
  m: startingAt(f32(N, H), -Infinity),
  l: f32(N, H),
  o: f32(N, H, V),
});

export const crossAttention = defineOperator({
  name: 'crossAttention',
  version: 1,
  summary: 'given queries attend over all keys and values that stream past',
  kernels: attentionKernels,
  options: {
    ...attentionOptions,
    queries: 'the queries [N, H*K], packed row by row',
    emit: "when the outputs are emitted: 'end' (default) or 'batch'",
  },
  check,
  inputs: ({ kvHeads, keyDim: K, valueDim: V }) => ({ k: f32(kvHeads * K), v: f32(kvHeads * V) }),
  outputs: ({ heads: H, valueDim: V }) => ({ o: f32(H * V), lse: f32(H) }),
  layout: (options: ReturnType<typeof check>) => {
    const { heads: H, kvHeads, keyDim: K, valueDim: V } = options;
    return {
      ...softmaxSlots(countOf(options), options),
      keys: f32(kvHeads, K, BLOCK_KEYS),
      values: f32(kvHeads, BLOCK_KEYS, V),
      phi: f32(H, rankOf(options), BLOCK_KEYS),
      rows: f64(1),
      /** Block steps of a query's head in which the running sums were not rescaled. */
      skipped: f64(1),
      position: i32(1),
    };
  },
  constants: (options) => ({ queries: packQueries(options), shape: packedShape(options) }),
  scratch: (options) => ({
    ...softmaxSlots(countOf(options), options),
    scores: f32(options.threads, TILE_ROWS, BLOCK_KEYS),
    phiK: f32(BLOCK_KEYS, options.heads, rankOf(options)),
  }),
  emits: 'batches',
  step({ options, state, constants, scratch: { scores, phiK }, kernels }, { numRows: T, k, v }) {
    const { heads: H, kvHeads, keyDim: K, valueDim: V, bias } = options;
    const { m, l, o, keys, values, phi, rows, skipped, position } = state;
    const { queries, shape } = constants;
    const N = countOf(options);
    fillFactors('phiK', bias, H, rows[0]!, T, phiK);
    for (let t = 0; t < T; ) {
      const first = position[0]!;
      const count = Math.min(BLOCK_KEYS - first, T - t);
      const from = (x: Float32Array, width: number) => x.subarray(t * width);
      const phiRows = from(phiK, H * rankOf(options));
      kernels.keepBlockKeys(
        keys,
        values,
        phi,
        from(k, kvHeads * K),
        from(v, kvHeads * V),
        phiRows,
        shape,
        first,
        count,
      );
      if (first + count === BLOCK_KEYS) {
        const tiles = tilesOf(H, N);
        skipped[0]! += kernels.attendBlock(
          queries,
          keys,
          values,
          phi,
          m,
          l,
          o,
          scores,
          shape,
          N,
          BLOCK_KEYS,
          0,
          tiles,
        );
      }
      position[0] = (first + count) % BLOCK_KEYS;
      t += count;
    }
    rows[0]! += T;
  },
  tolerance: 2e-6,
  examples: [],
});
