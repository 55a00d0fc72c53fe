export { alibiSlopes, type LightningAttentionOptions, lightningAttention } from './lightning-attention.js';
export { type LinearAttentionOptions, linearAttention } from './linear-attention.js';
export { type MlstmOptions, mlstm } from './mlstm.js';
export { type RetentionOptions, retention } from './retention.js';
