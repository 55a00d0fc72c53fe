/**
 * Where batches come from: one connector a file, with the name of what it touches.
 */
export { type ArrowFileOptions, arrowFile } from './arrow-file.js';
export { type ArrowStreamOptions, arrowStream } from './arrow-stream.js';
export type { ByteInput } from './byte-input.js';
export { type FromTableOptions, fromTable } from './from-table.js';
