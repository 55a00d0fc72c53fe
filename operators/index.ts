export * from './linear-attention/index.js';
export * from './submodular/index.js';
