export { alibi, type Bias, type Factor, type SquaredDistance, squaredDistance } from './bias.js';
export { type CausalAttentionOptions, causalAttention } from './causal-attention.js';
export { type CrossAttentionOptions, crossAttention } from './cross-attention.js';
export { type DecodeAttentionOptions, decodeAttention, tilesOfThreads } from './decode-attention.js';
export type { AttentionOptions, Rescale } from './heads.js';
export { type LowRankBias, type LowRankBiasOptions, lowRankBias } from './low-rank-bias.js';
export { mergeAttention, type PartialAttention } from './merge-attention.js';
export { type OnlineSoftmaxOptions, onlineSoftmax } from './online-softmax.js';
export { type SoftmaxOptions, softmax } from './softmax.js';
