/**
 * Any file, from the bytes of a column: what `bytesFile` read, or what a codec made.
 */
import { type Data, DataType, type RecordBatch } from 'apache-arrow';
import { columnMissing, columnType, notFinite } from '../src/errors.js';
import { checked, text } from '../src/options.js';
import type { Sink } from '../src/sink.js';
import { compact } from './compact-data.js';
import { type EncodedFileOptions, encodedFileSink, fileOptions } from './encoded-file-sink.js';

export interface BytesFileSinkOptions extends EncodedFileOptions {
  /** The Binary or Utf8 column to write. Default: the only column there is of these types. */
  readonly column?: string;
}

/**
 * Writes the values of one column end to end, compressed only where option `compression` says so. A null is an error
 * (NOT_FINITE): it has no bytes.
 */
export function bytesFileSink(path: string, options: BytesFileSinkOptions = {}): Sink<'exactly once'> {
  const { column, ...file } = checked('bytesFileSink', options, [], () => ({
    ...fileOptions(path, options, 'none'),
    column: options.column === undefined ? undefined : text({ column: options.column }),
  }));
  return encodedFileSink('bytesFileSink', path, file, (who) => (batch) => {
    const index = columnIndex(who, batch, column);
    return allBytes(who, String(batch.schema.fields[index]!.name), compact(batch.data.children[index]!));
  });
}

function columnIndex(who: string, { schema }: RecordBatch, column: string | undefined): number {
  const names = schema.fields.map(({ name }) => name);
  if (column !== undefined) {
    if (!names.includes(column)) throw columnMissing(who, 'column', column, names);
    return names.indexOf(column);
  }
  const candidates = schema.fields.filter(({ type }) => holdsBytes(type));
  if (candidates.length === 1) return schema.fields.indexOf(candidates[0]!);
  const advice = 'Name it with option column.';
  throw columnType(who, '*', 'exactly one Binary or Utf8 column', `${candidates.length}`, advice);
}

function holdsBytes(type: DataType): boolean {
  if (DataType.isDictionary(type)) return holdsBytes(type.dictionary);
  const isText = DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isUtf8View(type);
  return isText || DataType.isBinary(type) || DataType.isLargeBinary(type) || DataType.isBinaryView(type);
}

function allBytes(who: string, name: string, data: Data): Uint8Array {
  if (!holdsBytes(data.type)) throw columnType(who, name, 'Binary or Utf8', String(data.type));
  for (let row = 0; data.nullCount > 0; row++) {
    if (!data.getValid(row)) throw notFinite(who, name, row, 'null');
  }
  const { values, valueOffsets, length } = data as Data & { values: Uint8Array };
  return values.subarray(Number(valueOffsets[0]), Number(valueOffsets[length]));
}
