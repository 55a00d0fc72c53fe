export * from './arithmetic-code.js';
export * from './arithmetic-decode.js';
export * from './compress.js';
export * from './decompress.js';
