export { type DeltaRuleOptions, deltaRule } from './delta-rule.js';
export { type GatedDeltaRuleOptions, gatedDeltaRule } from './gated-delta-rule.js';
export { type KimiDeltaAttentionOptions, kimiDeltaAttention } from './kimi-delta-attention.js';
export { alibiSlopes, type LightningAttentionOptions, lightningAttention } from './lightning-attention.js';
export { type LinearAttentionOptions, linearAttention } from './linear-attention.js';
export { type RetentionOptions, retention } from './retention.js';
export { type Rwkv7Options, rwkv7 } from './rwkv7.js';
