/**
 * Attention over streams: exact softmax attention in bounded memory, and its approximations.
 */

export { alibi, type Bias, type Factor, type SquaredDistance, squaredDistance } from './bias.js';
export { type CausalAttentionOptions, causalAttention } from './causal-attention.js';
export { type CausalTensorAttentionOptions, causalTensorAttention } from './causal-tensor-attention.js';
export { type CrossAttentionOptions, crossAttention } from './cross-attention.js';
export { type DecodeAttentionOptions, decodeAttention, tilesOfThreads } from './decode-attention.js';
export { einsumPasses, type RankPasses } from './einsum-passes.js';
export type { AttentionOptions, Rescale } from './heads.js';
export { type HyperAttentionOptions, hyperAttention } from './hyper-attention.js';
export {
  attentionTraffic,
  type IoBoundOptions,
  ioBound,
  type Traffic,
  type TrafficOptions,
} from './io-bound.js';
export { type KernelizedAttentionOptions, kernelizedAttention } from './kernelized-attention.js';
export {
  type KernelizedColumns,
  type KernelizedSequenceOptions,
  kernelizedSequence,
} from './kernelized-sequence.js';
export { type LowRankBias, type LowRankBiasOptions, lowRankBias } from './low-rank-bias.js';
export { mergeAttention, type PartialAttention } from './merge-attention.js';
export { type OnlineSoftmaxOptions, onlineSoftmax } from './online-softmax.js';
export { type SoftmaxOptions, softmax } from './softmax.js';
export { type TensorAttentionOptions, tensorAttention } from './tensor-attention.js';
export { type TensorPolynomial, tensorAttentionError } from './tensor-options.js';
