/**
 * Which attention operator, opened how, makes which golden set.
 */
import { causalAttention, crossAttention, lowRankBias } from '../../operators/index.js';
import type { Golden } from '../support/golden.js';
import type { GoldenCase } from './cases.js';

const crossed = { heads: 3, keyDim: 8, valueDim: 12 };
const grouped = { heads: 6, kvHeads: 3, keyDim: 8, valueDim: 8 };
const queries = (set: Golden, stream: number) => Array.from(set.rows('q', stream));

/** The whole bias matrix as factors: its rank is that of any 67 rows. */
const biasOf = (set: Golden) =>
  lowRankBias({ matrix: set.whole('bias'), queries: 67, keys: 131, heads: crossed.heads, error: 1e-14 });

export const attentionCases: readonly GoldenCase[] = [
  {
    set: 'attention_cross',
    operator: crossAttention,
    options: (set, stream) => ({ ...crossed, queries: queries(set, stream) }),
  },
  {
    set: 'attention_bias',
    operator: crossAttention,
    options: (set, stream) => ({ ...crossed, queries: queries(set, stream), bias: biasOf(set) }),
  },
  ...(['always', 'deferred', { threshold: 1 }] as const).map(
    (rescale): GoldenCase => ({
      set: 'fla_attn_full',
      operator: crossAttention,
      options: (set, stream) => ({ ...grouped, rescale, queries: queries(set, stream) }),
      outputs: ['o'],
    }),
  ),
  { set: 'fla_attn_causal', operator: causalAttention, options: () => ({ ...grouped, maxRows: 67 }) },
  { set: 'fla_attn_causal', operator: causalAttention, options: () => ({ ...grouped, windowRows: 67 }) },
  { set: 'fla_attn_window17', operator: causalAttention, options: () => ({ ...grouped, windowRows: 17 }) },
  {
    set: 'fla_attn_forget_gate',
    operator: causalAttention,
    options: () => ({ ...grouped, maxRows: 100, forget: true }),
  },
];
