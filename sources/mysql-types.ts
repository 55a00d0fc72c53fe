/**
 * MySQL's types as Arrow's.
 */
import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  Decimal,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  TimeMicrosecond,
  TimestampMicrosecond,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
} from 'apache-arrow';
import type { FieldPacket } from 'mysql2';
import { columnType } from '../src/errors.js';
import { type CellReader, UNFIT } from './cell-values.js';
import type { ColumnType } from './column-type.js';
import { type NumericAs, retyped, type SqlColumn } from './sql-columns.js';
import { decimalReader, readClock, readDate, readTimestamp } from './sql-text.js';

/** The protocol's numbers of types. */
const TYPE = {
  tiny: 1,
  short: 2,
  long: 3,
  float: 4,
  double: 5,
  null: 6,
  timestamp: 7,
  longlong: 8,
  int24: 9,
  date: 10,
  time: 11,
  datetime: 12,
  year: 13,
  bit: 16,
  json: 245,
  decimal: 246,
} as const;
const TEXTS = new Set([15, 247, 248, 249, 250, 251, 252, 253, 254]);
const UNSIGNED = 32;
const ENUM_OR_SET = 256 | 2048;
/** The number of the character set of what has none. */
const BYTES = 63;

/** What the protocol says of a column. */
export interface MysqlField {
  readonly name: string;
  readonly columnType: number;
  readonly flags: number;
  readonly columnLength: number;
  readonly decimals: number;
  readonly characterSet: number;
}

/** A column, and what a saved key is cast to when rows behind it are asked for. */
export interface MysqlColumn extends SqlColumn {
  readonly keyAs?: string;
}

type Kind = Omit<MysqlColumn, 'name'>;

/** The columns of a result. A type that has no counterpart is COLUMN_TYPE, and says what to cast it to. */
export function mysqlColumns(
  who: string,
  fields: readonly FieldPacket[],
  { numeric, schema }: { readonly numeric: NumericAs; readonly schema: Readonly<Record<string, ColumnType>> },
): MysqlColumn[] {
  return (fields as unknown as readonly MysqlField[]).map((field) => {
    const { name } = field;
    const kind = kindOf(field, numeric);
    const given = Object.hasOwn(schema, name) ? schema[name] : undefined;
    if (given !== undefined) {
      const keyAs = kind?.keyAs && { keyAs: kind.keyAs };
      return { ...retyped({ name, ...(kind ?? text) }, given, plainReader(given)), ...keyAs };
    }
    if (kind !== undefined) return { name, ...kind };
    const column = `\`${name.replaceAll('`', '``')}\``;
    const advice = `Cast it: cast(${column} as char), or as unsigned.`;
    throw columnType(who, name, 'a type that Arrow has', `type ${field.columnType}`, advice);
  });
}

function kindOf(field: MysqlField, numeric: NumericAs): Kind | undefined {
  const { columnType, columnLength, characterSet, flags } = field;
  const isUnsigned = (flags & UNSIGNED) !== 0;
  if (TEXTS.has(columnType)) {
    if (characterSet === BYTES) return { type: new Binary(), read: (cell) => cell };
    return (flags & ENUM_OR_SET) === 0 ? { ...text, keys: 'texts without case', keyAs: '' } : text;
  }
  switch (columnType) {
    case TYPE.tiny:
      if (columnLength === 1) return { type: new Bool(), read: readTruth };
      return integer(isUnsigned ? new Uint8() : new Int8(), isUnsigned);
    case TYPE.short:
      return integer(isUnsigned ? new Uint16() : new Int16(), isUnsigned);
    case TYPE.int24:
    case TYPE.long:
      return integer(isUnsigned ? new Uint32() : new Int32(), isUnsigned);
    case TYPE.longlong:
      return integer(isUnsigned ? new Uint64() : new Int64(), isUnsigned, (cell) => BigInt(cell as string));
    case TYPE.year:
      return integer(new Int16(), true);
    case TYPE.float:
      return { type: new Float32(), read: Number };
    case TYPE.double:
      return { type: new Float64(), read: Number };
    case TYPE.decimal:
      return decimal(field, isUnsigned, numeric);
    case TYPE.date:
      return { type: new DateDay(), read: readDate, keys: 'numbers', keyAs: 'date' };
    case TYPE.datetime:
      return timestamp(new TimestampMicrosecond());
    case TYPE.timestamp:
      return timestamp(new TimestampMicrosecond('UTC'));
    case TYPE.time:
      return { type: new TimeMicrosecond(), read: readTimeOfDay };
    case TYPE.bit:
      return columnLength === 1
        ? { type: new Bool(), read: (cell) => (cell as Uint8Array)[0] === 1 }
        : undefined;
    case TYPE.json:
    case TYPE.null:
      return text;
    default:
      return undefined;
  }
}

const text: Kind = { type: new Utf8(), read: (cell) => cell };
const timestamp = (type: DataType): Kind => ({
  type,
  read: readTimestamp,
  keys: 'numbers',
  keyAs: 'datetime(6)',
});
const integer = (type: DataType, isUnsigned: boolean, read: CellReader = Number): Kind => ({
  type,
  read,
  keys: 'numbers',
  keyAs: isUnsigned ? 'unsigned' : 'signed',
});

function decimal({ columnLength, decimals }: MysqlField, isUnsigned: boolean, numeric: NumericAs): Kind {
  if (numeric === 'float64') return { type: new Float64(), read: Number };
  if (numeric === 'utf8') return text;
  // The length is that of the longest text, with sign and point.
  const precision = columnLength - (isUnsigned ? 0 : 1) - (decimals > 0 ? 1 : 0);
  const type = new Decimal(decimals, precision, precision > 38 ? 256 : 128);
  return { type, read: decimalReader(decimals), keys: 'numbers', keyAs: `decimal(65, ${decimals})` };
}

const readTruth: CellReader = (cell) => (cell === 0 || cell === 1 ? cell === 1 : UNFIT);

const DAY_MICROSECONDS = 86_400_000_000;

/** MySQL's times are spans of up to 838 hours; those that are a time of day fit. */
function readTimeOfDay(cell: unknown): unknown {
  const time = readClock(cell);
  return time !== UNFIT && time < DAY_MICROSECONDS ? time : UNFIT;
}

/** How a cell is read for a type that option `schema` says: numbers and text as they are. */
function plainReader(given: ColumnType): CellReader {
  if (given === 'bool') return readTruth;
  return (cell) => (typeof cell === 'number' || typeof cell === 'string' ? cell : UNFIT);
}
