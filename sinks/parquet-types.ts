/**
 * Columns as Parquet can hold them: what it has no type for is converted where nothing is lost, and refused otherwise.
 */
import {
  Data,
  DataType,
  DateDay,
  DateUnit,
  Map_,
  type RecordBatch,
  Schema,
  TimeMillisecond,
  type Timestamp,
  TimestampMillisecond,
  TimeUnit,
} from 'apache-arrow';
import { withChildren } from '../sources/gather.js';
import { newBatch } from '../src/columns.js';
import { columnType, outOfDomain } from '../src/errors.js';
import { compact } from './compact-data.js';

const DAY_MS = 86_400_000;

/** The rows of a batch in columns that Parquet can hold, plain and compact. COLUMN_TYPE names one that it cannot. */
export function parquetBatch(who: string, batch: RecordBatch): RecordBatch {
  const { schema, numRows } = batch;
  if (schema.fields.length === 0) throw columnType(who, '*', 'at least one column', 'none');
  const children = batch.data.children.map((column, c) => {
    const name = String(schema.fields[c]!.name);
    refuse(who, name, column.type);
    return stored(who, name, compact(column));
  });
  const fields = schema.fields.map((field, c) => field.clone({ type: children[c]!.type }));
  return newBatch(new Schema(fields, schema.metadata), numRows, children);
}

function refuse(who: string, name: string, type: DataType): void {
  const expected = 'a type that Parquet can hold';
  const isEmpty = DataType.isStruct(type) && type.children.length === 0;
  if (isEmpty || DataType.isUnion(type) || DataType.isInterval(type)) {
    const got = isEmpty ? 'a struct without fields' : String(type);
    throw columnType(who, name, expected, got, 'Drop or convert the column first.');
  }
  if (DataType.isDuration(type)) {
    throw columnType(who, name, expected, String(type), 'Cast it to Int64 first.');
  }
  if (DataType.isDictionary(type)) refuse(who, name, type.dictionary);
  for (const child of type.children ?? []) refuse(who, `${name}.${child.name}`, child.type);
}

function stored(who: string, name: string, data: Data): Data {
  const { type } = data;
  if (DataType.isTimestamp(type) && type.unit === TimeUnit.SECOND) return milliseconds(who, name, data);
  if (DataType.isTime(type) && type.unit === TimeUnit.SECOND) {
    return withValues(
      data,
      new TimeMillisecond(),
      (data.values as Int32Array).map((seconds) => seconds * 1000),
    );
  }
  if (DataType.isDate(type) && type.unit === DateUnit.MILLISECOND) return days(who, name, data);
  if (data.children.length === 0) return data;
  const children = data.children.map((child, c) => stored(who, `${name}.${type.children[c]!.name}`, child));
  const { length, nullCount, valueOffsets, nullBitmap } = data;
  const buffers = [valueOffsets, undefined, nullBitmap] as never;
  return new Data(nestedType(type, children), 0, length, nullCount, buffers, children);
}

/** The type around its children's types. The entries of a map may not be null, whatever its field says. */
function nestedType(type: DataType, children: readonly Data[]): DataType {
  const nested = withChildren(type, children);
  if (!DataType.isMap(nested)) return nested;
  return new Map_(nested.children[0]!.clone({ nullable: false }), nested.keysSorted);
}

function milliseconds(who: string, name: string, data: Data): Data {
  const { timezone } = data.type as Timestamp;
  const values = (data.values as BigInt64Array).map((seconds, row) => {
    const count = seconds * 1000n;
    if (BigInt.asIntN(64, count) === count) return count;
    if (!data.getValid(row)) return 0n;
    throw outOfDomain(who, name, row, 'seconds that milliseconds can hold', `${seconds}`);
  });
  return withValues(data, new TimestampMillisecond(timezone), values);
}

function days(who: string, name: string, data: Data): Data {
  const from = data.values as BigInt64Array;
  const values = new Int32Array(data.length);
  for (let row = 0; row < data.length; row++) {
    if (!data.getValid(row)) continue;
    const count = Number(from[row]) / DAY_MS;
    if ((count | 0) !== count) throw outOfDomain(who, name, row, 'whole days', `${from[row]} ms`);
    values[row] = count;
  }
  return withValues(data, new DateDay(), values);
}

const withValues = (data: Data, type: DataType, values: unknown): Data =>
  new Data(type, 0, data.length, data.nullCount, [undefined, values, data.nullBitmap] as never);
