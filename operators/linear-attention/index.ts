export { type H3Options, h3 } from './h3.js';
export { type HgrnOptions, hgrn } from './hgrn.js';
export { alibiSlopes, type LightningAttentionOptions, lightningAttention } from './lightning-attention.js';
export { type LinearAttentionOptions, linearAttention } from './linear-attention.js';
export { type RetentionOptions, retention } from './retention.js';
export { type SelectiveScanOptions, selectiveScan } from './selective-scan.js';
