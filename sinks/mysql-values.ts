/**
 * Arrow columns as MySQL's: which type a column is made with, and a value as a literal of SQL.
 */
import { type Data, DataType, type Field, Precision, TimeUnit } from 'apache-arrow';
import { columnType, outOfDomain } from '../src/errors.js';
import { cellTexts } from './cell-text.js';
import { isoClock, isoTime } from './value-text.js';

/** A type for a new column, of a key where that is said; one that MySQL has nothing for is COLUMN_TYPE. */
export function mysqlType(who: string, { name, type }: Field, isKey = false): string {
  const found = typeName(type);
  if (found === undefined) {
    throw columnType(who, name, 'a type that MySQL has', `${type}`, 'Cast the column, or leave it out.');
  }
  return isKey && found === 'longtext' ? 'varchar(255)' : found;
}

function typeName(type: DataType): string | undefined {
  if (DataType.isDictionary(type)) return typeName(type.dictionary);
  if (DataType.isBool(type)) return 'boolean';
  if (DataType.isInt(type)) return integerName(type.bitWidth, type.isSigned);
  if (DataType.isFloat(type)) return type.precision === Precision.DOUBLE ? 'double' : 'float';
  if (DataType.isDecimal(type)) {
    const { precision, scale } = type;
    return precision <= 65 && scale >= 0 && scale <= 30 ? `decimal(${precision}, ${scale})` : undefined;
  }
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isNull(type)) return 'longtext';
  if (isBinary(type)) return 'longblob';
  if (DataType.isDate(type)) return 'date';
  if (DataType.isTimestamp(type)) return 'datetime(6)';
  if (DataType.isTime(type)) return 'time(6)';
  if (type.children?.length > 0 && !DataType.isUnion(type)) return 'json';
  return `${type}`.startsWith('Utf8View')
    ? 'longtext'
    : `${type}`.startsWith('BinaryView')
      ? 'longblob'
      : undefined;
}

function integerName(bits: number, isSigned: boolean): string {
  const name = { 8: 'tinyint', 16: 'smallint', 32: 'int', 64: 'bigint' }[bits];
  return isSigned ? `${name}` : `${name} unsigned`;
}

const isBinary = (type: DataType) =>
  DataType.isBinary(type) || DataType.isLargeBinary(type) || DataType.isFixedSizeBinary(type);

type ReadLiteral = (row: number) => string;

/** Reads the cells of a compact column as literals. Values that MySQL cannot hold are refused, not changed. */
export function mysqlLiterals(who: string, name: string, data: Data): ReadLiteral {
  const { type } = data;
  const read = valueReader(who, name, data);
  if (DataType.isNull(type)) return () => 'null';
  return (row) => (data.getValid(row) ? read(row) : 'null');
}

function valueReader(who: string, name: string, data: Data): ReadLiteral {
  const { type, values } = data;
  if (isBinary(type)) return hexReader(data);
  if (DataType.isTimestamp(type) || DataType.isTime(type)) return timeReader(who, name, data);
  const text = cellTexts(data) as (row: number) => string;
  if (DataType.isBool(type)) return (row) => (text(row) === 'true' ? '1' : '0');
  if (DataType.isInt(type) || DataType.isDecimal(type)) return text;
  if (DataType.isFloat(type)) {
    return (row) => {
      const number = text(row);
      if (/[NI]/.test(number)) throw outOfDomain(who, name, row, 'a finite number', number);
      // As text, it is read once, as the column's own type, and not as a decimal before.
      return `'${number}'`;
    };
  }
  if (DataType.isDate(type) && values instanceof BigInt64Array) return (row) => `'${text(row).slice(0, 10)}'`;
  return (row) => quoted(text(row));
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\0': '\\0',
  '\n': '\\n',
  '\r': '\\r',
  '\x1a': '\\Z',
  '\\': '\\\\',
  "'": "\\'",
};

/** Text in quotes, in a session whose backslashes escape. */
export const quoted = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must be escaped
  `'${text.replace(/[\0\n\r\x1a\\']/g, (character) => ESCAPES[character]!)}'`;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function hexReader({ type, valueOffsets: offsets, values }: Data): ReadLiteral {
  const width = DataType.isFixedSizeBinary(type) ? type.byteWidth : undefined;
  return (row) => {
    const from = width === undefined ? Number(offsets[row]) : row * width;
    const to = width === undefined ? Number(offsets[row + 1]) : from + width;
    let text = "x'";
    for (let at = from; at < to; at++) text += HEX[values[at]];
    return `${text}'`;
  };
}

/** Times to the microsecond, in UTC; finer ones are refused, not rounded. */
function timeReader(who: string, name: string, { type, values }: Data): ReadLiteral {
  const unit = DataType.isTime(type) || DataType.isTimestamp(type) ? type.unit : TimeUnit.MICROSECOND;
  const text = DataType.isTime(type) ? isoClock : isoTime;
  return (row) => {
    const count = BigInt(values[row]);
    const isFine = unit === TimeUnit.NANOSECOND;
    if (isFine && count % 1000n !== 0n)
      throw outOfDomain(who, name, row, 'whole microseconds', `${count} ns`);
    const iso = isFine ? text(count / 1000n, TimeUnit.MICROSECOND) : text(count, unit);
    return `'${iso.replace('T', ' ').replace('Z', '')}'`;
  };
}
