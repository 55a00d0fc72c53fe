export { type GatedLinearAttentionOptions, gatedLinearAttention } from './gated-linear-attention.js';
export { alibiSlopes, type LightningAttentionOptions, lightningAttention } from './lightning-attention.js';
export { type LinearAttentionOptions, linearAttention } from './linear-attention.js';
export { type RetentionOptions, retention } from './retention.js';
export { type Rwkv6Options, rwkv6 } from './rwkv6.js';
export { type SimpleGlaOptions, simpleGla, stateSpaceDuality } from './simple-gla.js';
