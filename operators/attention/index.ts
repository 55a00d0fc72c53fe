/**
 * Attention over streams: exact softmax attention in bounded memory, and its approximations.
 */
export { type HyperAttentionOptions, hyperAttention } from './hyper-attention.js';
