export * from './attention/index.js';
export * from './compression/index.js';
export * from './linear-attention/index.js';
