export * from './attention/index.js';
export * from './compression/index.js';
export * from './linear-attention/index.js';
export * from './relational/index.js';
export * from './submodular/index.js';
