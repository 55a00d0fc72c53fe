export { type GatedLinearAttentionOptions, gatedLinearAttention } from './gated-linear-attention.js';
export { type H3Options, h3 } from './h3.js';
export { type HgrnOptions, hgrn } from './hgrn.js';
export { alibiSlopes, type LightningAttentionOptions, lightningAttention } from './lightning-attention.js';
export { type LinearAttentionOptions, linearAttention } from './linear-attention.js';
export { type RetentionOptions, retention } from './retention.js';
export { type Rwkv6Options, rwkv6 } from './rwkv6.js';
export { type SelectiveScanOptions, selectiveScan } from './selective-scan.js';
export { type SimpleGlaOptions, simpleGla, stateSpaceDuality } from './simple-gla.js';
