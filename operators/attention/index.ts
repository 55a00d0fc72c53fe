/**
 * Attention over streams: exact softmax attention in bounded memory, and its approximations.
 */

export { type CausalTensorAttentionOptions, causalTensorAttention } from './causal-tensor-attention.js';
export { einsumPasses, type RankPasses } from './einsum-passes.js';
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
export { type TensorAttentionOptions, tensorAttention } from './tensor-attention.js';
export { type Polynomial, polynomialError } from './tensor-options.js';
