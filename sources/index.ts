/**
 * Where batches come from: one connector a file, with the name of what it touches.
 */
export { type ArrowFileOptions, arrowFile } from './arrow-file.js';
export { type ArrowStreamOptions, arrowStream } from './arrow-stream.js';
export type { ByteInput } from './byte-input.js';
export { type BytesFileOptions, bytesFile } from './bytes-file.js';
export type { ColumnType, ColumnTypes } from './column-type.js';
export { type CsvFileOptions, csvFile } from './csv-file.js';
export { type FromTableOptions, fromTable } from './from-table.js';
export { jsonLines } from './json-lines.js';
export { type ParquetFileOptions, parquetFile } from './parquet-file.js';
export type { TextInput } from './text-input.js';
export type { TextRowsOptions } from './text-rows.js';
