/**
 * Arrow columns of every kind, and their values as plain data.
 */
import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  DateMillisecond,
  Decimal,
  Dictionary,
  DurationMicrosecond,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float16,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  List,
  type RecordBatch,
  Schema,
  Struct,
  StructRow,
  TimeMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
  Vector,
  vectorFromArray,
} from 'apache-arrow';
import fc from 'fast-check';
import { newBatch } from '../../src/columns.js';

/** A type, and what may stand in a row of it. */
interface Kind {
  readonly type: () => DataType;
  readonly values: fc.Arbitrary<unknown>;
}

const integer = (min: number, max: number) => fc.integer({ min, max });
const big = (bits: bigint) => fc.bigInt({ min: -(1n << bits), max: (1n << bits) - 1n });
const bytes = fc.uint8Array({ maxLength: 5 });
const text = fc.string({ maxLength: 5, unit: 'grapheme' });
const child = (name: string, type: DataType) => new Field(name, type, true);
const orNull = (values: fc.Arbitrary<unknown>) => fc.option(values, { freq: 5 });

const kinds: Readonly<Record<string, Kind>> = {
  int8: { type: () => new Int8(), values: integer(-128, 127) },
  int16: { type: () => new Int16(), values: integer(-32768, 32767) },
  int32: { type: () => new Int32(), values: integer(-(2 ** 31), 2 ** 31 - 1) },
  int64: { type: () => new Int64(), values: big(63n) },
  uint8: { type: () => new Uint8(), values: integer(0, 255) },
  uint16: { type: () => new Uint16(), values: integer(0, 65535) },
  uint32: { type: () => new Uint32(), values: integer(0, 2 ** 32 - 1) },
  uint64: { type: () => new Uint64(), values: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }) },
  float16: { type: () => new Float16(), values: integer(-2048, 2048) },
  float32: { type: () => new Float32(), values: fc.float() },
  float64: { type: () => new Float64(), values: fc.double() },
  bool: { type: () => new Bool(), values: fc.boolean() },
  utf8: { type: () => new Utf8(), values: text },
  binary: { type: () => new Binary(), values: bytes },
  fixedSizeBinary: {
    type: () => new FixedSizeBinary(3),
    values: fc.uint8Array({ minLength: 3, maxLength: 3 }),
  },
  decimal: {
    type: () => new Decimal(2, 30, 128),
    values: fc
      .array(integer(0, 2 ** 31), { minLength: 4, maxLength: 4 })
      .map((words) => Uint32Array.from(words)),
  },
  dateDay: { type: () => new DateDay(), values: integer(0, 20_000).map((day) => new Date(day * 86_400_000)) },
  dateMillisecond: {
    type: () => new DateMillisecond(),
    values: integer(0, 2 ** 31 - 1).map((ms) => new Date(ms)),
  },
  timeMicrosecond: {
    type: () => new TimeMicrosecond(),
    values: fc.bigInt({ min: 0n, max: 86_399_999_999n }),
  },
  timestampMillisecond: { type: () => new TimestampMillisecond('UTC'), values: integer(0, 2 ** 31 - 1) },
  timestampNanosecond: { type: () => new TimestampNanosecond(), values: integer(0, 2 ** 31 - 1) },
  duration: { type: () => new DurationMicrosecond(), values: fc.bigInt({ min: 0n, max: 1n << 40n }) },
  dictionary: {
    type: () => new Dictionary(new Utf8(), new Int32()),
    values: fc.constantFrom('red', 'green', 'blue', ''),
  },
  list: {
    type: () => new List(child('item', new Int32())),
    values: fc.array(orNull(integer(-9, 9)), { maxLength: 4 }),
  },
  listOfText: { type: () => new List(child('item', new Utf8())), values: fc.array(text, { maxLength: 3 }) },
  listOfTruths: {
    type: () => new List(child('item', new Bool())),
    values: fc.array(fc.boolean(), { maxLength: 9 }),
  },
  fixedSizeList: {
    type: () => new FixedSizeList(2, child('item', new Float32())),
    values: fc.array(fc.float(), { minLength: 2, maxLength: 2 }),
  },
  struct: {
    type: () => new Struct([child('a', new Int32()), child('b', new Utf8())]),
    values: fc.record({ a: orNull(integer(-9, 9)), b: text }),
  },
  listOfStructs: {
    type: () => new List(child('item', new Struct([child('a', new Float64()), child('b', new Bool())]))),
    values: fc.array(fc.record({ a: fc.double(), b: orNull(fc.boolean()) }), { maxLength: 3 }),
  },
};

export const kindNames = Object.keys(kinds);

/** A column by name: what it holds, row by row. */
export interface Column {
  readonly kind: string;
  readonly type: DataType;
  readonly values: readonly unknown[];
}

export const columnOf = (kind: string, numRows: number): fc.Arbitrary<Column> =>
  fc
    .array(orNull(kinds[kind]!.values), { minLength: numRows, maxLength: numRows })
    .map((values) => ({ kind, type: kinds[kind]!.type(), values }));

/** The columns' rows `from` … `to − 1`, built anew. */
export function builtBatch(columns: readonly Column[], from: number, to: number): RecordBatch {
  const fields = columns.map(({ kind, type }) => new Field(kind, type, true));
  const children = columns.map(({ type, values }) => vectorFromArray(values.slice(from, to), type).data[0]!);
  return newBatch(new Schema(fields), to - from, children);
}

/** All rows of some batches as plain data. */
export const plainRows = (batches: readonly RecordBatch[]): unknown[][] =>
  batches.flatMap((batch) => {
    const columns = batch.schema.fields.map((_, i) => Array.from(batch.getChildAt(i)!, plain));
    return Array.from({ length: batch.numRows }, (_, row) => columns.map((column) => column[row]));
  });

function plain(value: unknown): unknown {
  if (value instanceof Vector || Array.isArray(value)) return Array.from(value as Iterable<unknown>, plain);
  if (value instanceof StructRow)
    return Object.entries(value.toJSON()).map(([name, one]) => [name, plain(one)]);
  if (ArrayBuffer.isView(value)) return Array.from(value as Uint8Array);
  if (typeof value === 'bigint') return `${value}n`;
  return value;
}
