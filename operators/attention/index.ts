/**
 * Attention over streams: exact softmax attention in bounded memory, and its approximations.
 */
export { type HyperAttentionOptions, hyperAttention } from './hyper-attention.js';
export { type KernelizedAttentionOptions, kernelizedAttention } from './kernelized-attention.js';
export {
  type KernelizedColumns,
  type KernelizedSequenceOptions,
  kernelizedSequence,
} from './kernelized-sequence.js';
