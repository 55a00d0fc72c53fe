/**
 * The types that a column read from text can have, by name.
 */
import {
  Binary,
  Bool,
  DataType,
  DateDay,
  DateUnit,
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  List,
  Precision,
  Schema,
  TimestampMillisecond,
  TimeUnit,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
} from 'apache-arrow';
import { optionRange } from '../src/errors.js';

const arrowTypes = {
  bool: () => new Bool(),
  int8: () => new Int8(),
  int16: () => new Int16(),
  int32: () => new Int32(),
  int64: () => new Int64(),
  uint8: () => new Uint8(),
  uint16: () => new Uint16(),
  uint32: () => new Uint32(),
  uint64: () => new Uint64(),
  float32: () => new Float32(),
  float64: () => new Float64(),
  utf8: () => new Utf8(),
  binary: () => new Binary(),
  date: () => new DateDay(),
  timestamp: () => new TimestampMillisecond(),
  'list<float64>': () => new List(new Field('item', new Float64(), true)),
  'list<utf8>': () => new List(new Field('item', new Utf8(), true)),
} satisfies Record<string, () => DataType>;

/**
 * `float32[n]` is a vector: FixedSizeList<Float32>[n]. `timestamp` counts milliseconds in UTC, `date` days. `binary` is
 * Base64 where it is text.
 */
export type ColumnType = keyof typeof arrowTypes | `float32[${number}]`;

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
}

/** Types for columns by name, as an Arrow schema or in words; other columns have theirs inferred. */
export type ColumnTypes = Schema | Readonly<Record<string, ColumnType>>;

const VECTOR = /^float32\[([1-9]\d{0,8})\]$/;

/** The length of a vector type, undefined for every other. */
export function vectorLength(type: ColumnType): number | undefined {
  const match = VECTOR.exec(type);
  return match === null ? undefined : Number(match[1]);
}

export const isColumnType = (name: unknown): name is ColumnType =>
  typeof name === 'string' && (Object.hasOwn(arrowTypes, name) || VECTOR.test(name));

export function arrowTypeOf(type: ColumnType): DataType {
  const length = vectorLength(type);
  if (length !== undefined) return new FixedSizeList(length, new Field('item', new Float32(), false));
  return arrowTypes[type as keyof typeof arrowTypes]();
}

export const schemaOf = (columns: readonly Column[]): Schema =>
  new Schema(columns.map(({ name, type }) => new Field(name, arrowTypeOf(type), true)));

/** Checks option `schema`. */
export function columnTypesOption(types: ColumnTypes): Record<string, ColumnType> {
  if (types instanceof Schema) {
    return Object.fromEntries(types.fields.map(({ name, type }) => [name, nameOf(String(name), type)]));
  }
  for (const [name, type] of Object.entries(types)) {
    if (!isColumnType(type)) {
      throw optionRange(
        '',
        `schema['${name}']`,
        `one of ${Object.keys(arrowTypes).join(', ')}, float32[n]`,
        type,
      );
    }
  }
  return { ...types };
}

function nameOf(column: string, type: DataType): ColumnType {
  if (DataType.isFixedSizeList(type) && isFloat32(type.children[0]!.type)) return `float32[${type.listSize}]`;
  const isOurs =
    !(DataType.isTimestamp(type) && (type.unit !== TimeUnit.MILLISECOND || type.timezone)) &&
    !(DataType.isDate(type) && type.unit !== DateUnit.DAY);
  const found = Object.entries(arrowTypes).find(([, make]) => String(make()) === String(type));
  if (found !== undefined && isOurs) return found[0] as ColumnType;
  throw optionRange(
    '',
    `schema['${column}']`,
    `one of ${Object.keys(arrowTypes).join(', ')}, float32[n]`,
    String(type),
  );
}

const isFloat32 = (type: DataType) => DataType.isFloat(type) && type.precision === Precision.SINGLE;
