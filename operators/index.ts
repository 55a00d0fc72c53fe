export * from './linear-attention/index.js';
