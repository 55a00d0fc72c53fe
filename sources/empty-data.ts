/**
 * Columns of no rows that every reader and writer takes: offsets that begin with 0, children that are there.
 */
import { Data, DataType, makeData, type RecordBatch, type Schema } from 'apache-arrow';
import { newBatch } from '../src/columns.js';

export function emptyData(type: DataType): Data {
  if (DataType.isDictionary(type)) return makeData({ type, length: 0, nullCount: 0 });
  const hasOffsets =
    DataType.isUtf8(type) || DataType.isBinary(type) || DataType.isList(type) || DataType.isMap(type);
  const hasLargeOffsets =
    DataType.isLargeUtf8(type) || DataType.isLargeBinary(type) || DataType.isLargeList(type);
  const offsets = hasOffsets ? new Int32Array(1) : hasLargeOffsets ? new BigInt64Array(1) : new Int32Array(0);
  const isNested = (type.children?.length ?? 0) > 0;
  const values = isNested || DataType.isNull(type) ? undefined : new type.ArrayType(0);
  const typeIds = DataType.isUnion(type) ? new Int8Array(0) : undefined;
  const children = (type.children ?? []).map((field) => emptyData(field.type));
  return new Data(type, 0, 0, 0, [offsets, values, new Uint8Array(0), typeIds] as never, children);
}

/** A batch of no rows. */
export const emptyBatch = (schema: Schema): RecordBatch =>
  newBatch(
    schema,
    0,
    schema.fields.map((field) => emptyData(field.type)),
  );
