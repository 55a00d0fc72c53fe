export * from './compress.js';
export * from './decompress.js';
