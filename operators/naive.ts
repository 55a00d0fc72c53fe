/**
 * Every operator's recurrence in float64, row by row: slow, short, and what the operators are held to.
 */
export * from './attention/naive.js';
export * from './attention/naive-approximate.js';
export * from './linear-attention/naive.js';
export * from './linear-attention/naive-delta.js';
export * from './linear-attention/naive-gated.js';
export * from './linear-attention/naive-mlstm.js';
export * from './linear-attention/naive-scan.js';
export * from './relational/naive.js';
/** Of the submodular algorithms over whole lists of elements: answers are ids, not columns of numbers. */
export * as submodular from './submodular/naive.js';
