/**
 * Which operator, opened how, makes which golden set.
 */
import {
  deltaRule,
  gatedDeltaRule,
  gatedLinearAttention,
  h3,
  hgrn,
  hyperAttention,
  kernelizedAttention,
  kimiDeltaAttention,
  lightningAttention,
  linearAttention,
  mlstm,
  retention,
  rwkv6,
  rwkv7,
  selectiveScan,
  simpleGla,
  stateSpaceDuality,
  tensorAttention,
} from '../../operators/index.js';
import type { OperatorMaker } from '../../src/define-operator.js';
import type { Golden } from '../support/golden.js';

/** Arrays are named as their roles and slots unless said otherwise. */
export interface GoldenCase {
  readonly set: string;
  readonly operator: { readonly definition: OperatorMaker<never>['definition'] };
  options(set: Golden, stream: number): object;
  /** The axes of its rows, where the manifest names them in other words. */
  readonly layout?: string;
  /** Roles whose arrays have another name in the set. */
  readonly arrays?: Readonly<Record<string, string>>;
  /** A role's rows, where the set only has what they are made from. */
  rows?(set: Golden, role: string, stream: number): Float64Array;
  /** Roles that the set has, where it lacks some. */
  readonly outputs?: readonly string[];
  /** What the set has of an output, where that is not the output itself. */
  read?(set: Golden, output: Float64Array): Float64Array;
  /** Slots that the set has values of (or that have one value throughout), before the first row and after the last. */
  readonly initial?: Readonly<Record<string, string | number>>;
  readonly final?: Readonly<Record<string, string>>;
  /** The set's states are [H, V, K]. */
  readonly transposed?: boolean;
}

const widths = { heads: 3, keyDim: 8, valueDim: 12 };
const channels = { dim: 6, stateDim: 4 };
const states = { initial: { S: 'h0' }, final: { S: 'hT' } };

/** Each row of x times W^T, plus b. */
function projected(x: Float64Array, W: Float64Array, b: Float64Array): Float64Array {
  const width = W.length / b.length;
  return Float64Array.from({ length: (x.length / width) * b.length }, (_, at) => {
    const [row, out] = [Math.floor(at / b.length), at % b.length];
    let sum = b[out]!;
    for (let i = 0; i < width; i++) sum += W[out * width + i]! * x[row * width + i]!;
    return sum;
  });
}

export const cases: readonly GoldenCase[] = [
  {
    set: 'hyperattention_blockdiag',
    operator: hyperAttention,
    layout: 'B,H,T,D',
    options: (set) => ({
      heads: 2,
      keyDim: 16,
      valueDim: 16,
      maxRows: 256,
      blockRows: set.params.block_size,
      sampleRows: 0,
      projections: set.whole('proj_dir'),
    }),
  },
  {
    set: 'kernelized_attention_rpe',
    operator: kernelizedAttention,
    layout: 'T,D',
    options: (set) => ({ keyDim: 5, valueDim: 6, featureMap: 'identity', rpe: set.whole('b') }),
    arrays: { q: 'phi_q', k: 'phi_k', o: 'o_causal' },
  },
  {
    set: 'tensor_attention_3way',
    operator: tensorAttention,
    layout: 'T,D',
    options: () => ({ order: 3, keyDim: 4, valueDim: 4, maxRows: 9 }),
  },
  {
    set: 'linear_attn',
    operator: linearAttention,
    options: () => widths,
    initial: { S: 'h0' },
    final: { S: 'hT' },
  },
  {
    set: 'linear_attn_normalized_elu1',
    operator: linearAttention,
    // The set holds q and k behind the feature map.
    options: () => ({ ...widths, normalize: true, featureMap: 'identity' }),
    final: { S: 'hT', z: 'zT' },
  },
  { set: 'retention', operator: retention, options: () => widths },
  {
    set: 'lightning_attn_h4',
    operator: lightningAttention,
    options: () => ({ ...widths, heads: 4 }),
  },
  {
    set: 'lightning_attn_h4',
    operator: lightningAttention,
    options: (set) => ({ ...widths, heads: 4, slopes: set.whole('slopes') }),
  },
  {
    set: 'lightning_attn_nodecay',
    operator: lightningAttention,
    options: () => ({ ...widths, heads: 6, slopes: new Array<number>(6).fill(0) }),
  },
  { set: 'simple_gla', operator: simpleGla, options: () => widths, initial: { S: 'h0' }, final: { S: 'hT' } },
  {
    set: 'mamba2_ssd',
    operator: stateSpaceDuality,
    options: () => ({ heads: 3, keyDim: 4, valueDim: 6, scale: 1 }),
    arrays: { q: 'C', k: 'B', v: 'X', g: 'A', o: 'Y' },
    initial: { S: 's0' },
    final: { S: 'final_state' },
    transposed: true,
  },
  {
    set: 'gla',
    operator: gatedLinearAttention,
    options: () => widths,
    arrays: { g: 'gk' },
    initial: { S: 'h0' },
    final: { S: 'hT' },
  },
  {
    set: 'rwkv6',
    operator: rwkv6,
    options: (set) => ({ ...widths, bonus: set.whole('u') }),
    arrays: { g: 'w' },
    initial: { S: 'h0' },
    final: { S: 'hT' },
  },
  { set: 'delta_rule', operator: deltaRule, options: () => widths, ...states },
  { set: 'gated_delta_rule', operator: gatedDeltaRule, options: () => widths, ...states },
  { set: 'kda', operator: kimiDeltaAttention, options: () => widths, ...states },
  {
    set: 'rwkv7_dplr',
    operator: rwkv7,
    options: () => ({ ...widths, scale: widths.keyDim ** -0.5 }),
    arrays: { g: 'w' },
    ...states,
  },
  // Its states were made from m = 0, its outputs hold for any start, but for what eps changes.
  { set: 'mlstm_exp', operator: mlstm, options: () => widths, arrays: { o: 'h_parallel' } },
  ...['mlstm_exp', 'mlstm_exp_tiny_gate'].map((set) => ({
    set,
    operator: mlstm,
    options: () => widths,
    arrays: { o: 'h' },
    initial: { m: 0 },
    final: { S: 'C', n: 'n', m: 'm' },
  })),
  { set: 'mlstm_exp_tiny_gate', operator: mlstm, options: () => widths, arrays: { o: 'h_parallel' } },
  {
    set: 'mlstm_exp_eps',
    operator: mlstm,
    options: (set) => ({ ...widths, eps: set.params.eps }),
    arrays: { o: 'h' },
    initial: { m: 0 },
    final: { S: 'C', n: 'n', m: 'm' },
  },
  {
    set: 'mlstm_exp_eps',
    operator: mlstm,
    options: (set) => ({ ...widths, eps: set.params.eps }),
    arrays: { o: 'h_parallel' },
  },
  {
    set: 'mlstm_sig',
    operator: mlstm,
    options: () => ({ ...widths, inputGate: 'sigmoid' }),
    arrays: { o: 'h' },
  },
  {
    set: 'mlstm_sig_normalized',
    operator: mlstm,
    options: () => ({ ...widths, inputGate: 'sigmoid', normalize: true }),
    arrays: { o: 'h' },
  },
  { set: 'hgrn', operator: hgrn, options: () => ({ dim: 16 }), initial: { h: 'h0' }, final: { h: 'hT' } },
  {
    set: 'mamba_selective_scan',
    operator: selectiveScan,
    layout: 'B,D,T',
    arrays: { dt: 'delta', y: 'out' },
    options: (set) => ({
      ...channels,
      A: set.whole('A'),
      D: set.whole('D'),
      dtBias: set.whole('delta_bias'),
      softplus: true,
    }),
    final: { x: 'last_state' },
  },
  {
    set: 'mamba_selective_scan_plain',
    operator: selectiveScan,
    layout: 'B,D,T',
    arrays: { dt: 'delta', y: 'out' },
    options: (set) => ({ ...channels, A: set.whole('A'), gate: false }),
    final: { x: 'last_state' },
  },
  {
    set: 'mamba_selective_scan_complex',
    operator: selectiveScan,
    layout: 'B,D,T',
    arrays: { dt: 'delta', y: 'out' },
    options: (set) => ({
      ...channels,
      A: set.whole('A'),
      B: set.whole('B'),
      C: set.whole('C'),
      D: set.whole('D'),
      gate: false,
      complex: true,
    }),
    final: { x: 'last_state' },
  },
  {
    set: 'h3_head1',
    operator: h3,
    layout: 'B,T,D',
    options: (set) => ({
      dim: 6,
      stateDim: 8,
      shift: { C: set.whole('shift_C'), D: set.whole('shift_D') },
      diagonal: {
        dt: set.whole('diag_dt'),
        A: set.whole('diag_A'),
        B: set.whole('diag_B'),
        C: set.whole('diag_C'),
        D: set.whole('diag_D'),
      },
    }),
    rows: (set, role, stream) =>
      role === 'y'
        ? set.rows('y', stream)
        : projected(set.rows('u', stream), set.whole(`W${role}`), set.whole(`b${role}`)),
    read: (set, y) => projected(y, set.whole('Wo'), set.whole('bo')),
  },
];
