/**
 * Arrow columns as PostgreSQL's: which type a column is made with, and the text of a value as `COPY` takes it.
 */
import { type Data, DataType, type Field, Precision, TimeUnit } from 'apache-arrow';
import { columnType, outOfDomain } from '../src/errors.js';
import { cellTexts } from './cell-text.js';
import { isoClock, isoTime } from './value-text.js';

/** A type for a new column; one that PostgreSQL has nothing for is COLUMN_TYPE. */
export function postgresType(who: string, { name, type }: Field): string {
  const found = typeName(type);
  if (found !== undefined) return found;
  throw columnType(who, name, 'a type that PostgreSQL has', `${type}`, 'Cast the column, or leave it out.');
}

function typeName(type: DataType): string | undefined {
  if (DataType.isDictionary(type)) return typeName(type.dictionary);
  if (DataType.isBool(type)) return 'boolean';
  if (DataType.isInt(type)) return integerName(type.bitWidth + (type.isSigned ? 0 : 1));
  if (DataType.isFloat(type)) return type.precision === Precision.DOUBLE ? 'double precision' : 'real';
  if (DataType.isDecimal(type)) return `numeric(${type.precision}, ${type.scale})`;
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isNull(type)) return 'text';
  if (isBinary(type)) return 'bytea';
  if (DataType.isDate(type)) return 'date';
  if (DataType.isTimestamp(type)) return type.timezone ? 'timestamptz' : 'timestamp';
  if (DataType.isTime(type)) return 'time';
  if (isList(type)) {
    const element = typeName(type.children[0]!.type);
    return element === undefined || element === 'json' || element.endsWith('[]') ? 'json' : `${element}[]`;
  }
  if (DataType.isStruct(type) || DataType.isMap(type)) return 'json';
  return `${type}`.startsWith('Utf8View') ? 'text' : `${type}`.startsWith('BinaryView') ? 'bytea' : undefined;
}

/** The integer that holds so many bits, sign included. */
function integerName(bits: number): string {
  if (bits <= 16) return 'smallint';
  if (bits <= 32) return 'integer';
  return bits <= 64 ? 'bigint' : 'numeric(20)';
}

const isList = (type: DataType) => DataType.isList(type) || DataType.isFixedSizeList(type);
const isBinary = (type: DataType) =>
  DataType.isBinary(type) || DataType.isLargeBinary(type) || DataType.isFixedSizeBinary(type);

/** How the table's column takes a value: as bytes, as an array, or as text that the server reads. */
export interface TargetColumn {
  readonly name: string;
  readonly isBytes: boolean;
  readonly isArray: boolean;
}

type ReadText = (row: number) => string | null;

/** Reads the cells of a compact column as text for a column of the table; null for a null. */
export function postgresTexts(who: string, data: Data, target: TargetColumn): ReadText {
  const { type } = data;
  if (target.isArray && isList(type)) return arrayTexts(who, data, target);
  if (target.isBytes && isBinary(type)) return hexTexts(data);
  if (isFineTime(type)) return microTexts(who, data, target.name);
  return cellTexts(data);
}

function arrayTexts(who: string, data: Data, target: TargetColumn): ReadText {
  const { type, valueOffsets: offsets, children } = data;
  const isFixed = DataType.isFixedSizeList(type);
  const element = postgresTexts(who, children[0]!, { ...target, isArray: false });
  const quoted = (at: number) => {
    const text = element(at);
    return text === null ? 'NULL' : `"${text.replace(/["\\]/g, '\\$&')}"`;
  };
  return (row) => {
    if (!data.getValid(row)) return null;
    const from = isFixed ? row * type.listSize : Number(offsets[row]);
    const to = isFixed ? from + type.listSize : Number(offsets[row + 1]);
    let text = '{';
    for (let at = from; at < to; at++) text += at === from ? quoted(at) : `,${quoted(at)}`;
    return `${text}}`;
  };
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function hexTexts(data: Data): ReadText {
  const { type, valueOffsets: offsets, values } = data;
  const width = DataType.isFixedSizeBinary(type) ? type.byteWidth : undefined;
  return (row) => {
    if (!data.getValid(row)) return null;
    const from = width === undefined ? Number(offsets[row]) : row * width;
    const to = width === undefined ? Number(offsets[row + 1]) : from + width;
    let text = '\\x';
    for (let at = from; at < to; at++) text += HEX[values[at]];
    return text;
  };
}

const isFineTime = (type: DataType) =>
  (DataType.isTimestamp(type) || DataType.isTime(type)) && type.unit === TimeUnit.NANOSECOND;

/** Nanoseconds, of which the database keeps no more than whole microseconds: others are refused, not rounded. */
function microTexts(who: string, data: Data, name: string): ReadText {
  const text = DataType.isTime(data.type) ? isoClock : isoTime;
  return (row) => {
    if (!data.getValid(row)) return null;
    const count = BigInt(data.values[row]);
    if (count % 1000n !== 0n) throw outOfDomain(who, name, row, 'whole microseconds', `${count} ns`);
    return text(count / 1000n, TimeUnit.MICROSECOND);
  };
}
