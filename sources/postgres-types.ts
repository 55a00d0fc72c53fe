/**
 * PostgreSQL's types as Arrow's.
 */
import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  Decimal,
  Field,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  List,
  TimeMicrosecond,
  TimestampMicrosecond,
  Uint32,
  Utf8,
} from 'apache-arrow';
import type { FieldDef } from 'pg';
import { columnType } from '../src/errors.js';
import type { CellReader } from './cell-values.js';
import type { ColumnType } from './column-type.js';
import { arrayReader, readBytes } from './postgres-text.js';
import { type NumericAs, retyped, type SqlColumn } from './sql-columns.js';
import { decimalReader, readClock, readDate, readTimestamp } from './sql-text.js';

/** A type of the server, by what `pg_type` says of it. */
export interface PostgresType {
  readonly oid: number;
  readonly name: string;
  /** `e` is an enum. */
  readonly kind: string;
  /** The type of an array's elements, otherwise 0. */
  readonly element: number;
}

type Kind = Omit<SqlColumn, 'name'>;

const asText: CellReader = (cell) => cell;
const number = (type: DataType): Kind => ({ type, read: Number });
const integer = (type: DataType): Kind => ({ type, read: Number, keys: 'numbers' });
const text = (keys?: 'texts'): Kind => ({ type: new Utf8(), read: asText, ...(keys && { keys }) });
const timestamp = (zone?: string): Kind => ({
  type: new TimestampMicrosecond(zone),
  read: readTimestamp,
  keys: 'numbers',
});

const kinds: Readonly<Record<string, Kind>> = {
  bool: { type: new Bool(), read: (cell) => cell === 't' },
  int2: integer(new Int16()),
  int4: integer(new Int32()),
  int8: { type: new Int64(), read: (cell) => BigInt(cell as string), keys: 'numbers' },
  oid: integer(new Uint32()),
  float4: number(new Float32()),
  float8: number(new Float64()),
  text: text('texts'),
  varchar: text('texts'),
  bpchar: text('texts'),
  name: text('texts'),
  uuid: text('texts'),
  char: text(),
  citext: text(),
  json: text(),
  jsonb: text(),
  xml: text(),
  inet: text(),
  cidr: text(),
  macaddr: text(),
  macaddr8: text(),
  bytea: { type: new Binary(), read: readBytes },
  date: { type: new DateDay(), read: readDate, keys: 'numbers' },
  time: { type: new TimeMicrosecond(), read: readClock },
  timestamp: timestamp(),
  timestamptz: timestamp('UTC'),
};

export interface TypeOptions {
  readonly numeric: NumericAs;
  readonly schema: Readonly<Record<string, ColumnType>>;
}

/** The columns of a result. A type that has no counterpart is COLUMN_TYPE, and says what to cast it to. */
export function postgresColumns(
  who: string,
  fields: readonly FieldDef[],
  types: ReadonlyMap<number, PostgresType>,
  options: TypeOptions,
): SqlColumn[] {
  return fields.map(({ name, dataTypeID, dataTypeModifier }) => {
    const type = types.get(dataTypeID)!;
    const given = Object.hasOwn(options.schema, name) ? options.schema[name] : undefined;
    if (given !== undefined) {
      const column: SqlColumn = { name, ...text(), ...kinds[type.name], ...(isNumeric(type) && numericKey) };
      return retyped(column, given, plainReader(type));
    }
    const kind = kindOf(type, dataTypeModifier, types, options.numeric);
    if (kind !== undefined) return { name, ...kind };
    throw columnType(who, name, 'a type that Arrow has', type.name, advice(type, name));
  });
}

const isNumeric = ({ name }: PostgresType) => name === 'numeric';
const numericKey = { keys: 'numbers' } as const;

function kindOf(
  type: PostgresType,
  modifier: number,
  types: ReadonlyMap<number, PostgresType>,
  numeric: NumericAs,
): Kind | undefined {
  if (type.kind === 'e') return text();
  if (isNumeric(type)) return numericKind(modifier, numeric);
  if (Object.hasOwn(kinds, type.name)) return kinds[type.name];
  const element = isArray(type) ? types.get(type.element) : undefined;
  const inner = element && kindOf(element, modifier, types, numeric);
  if (inner === undefined) return undefined;
  return { type: new List(new Field('item', inner.type, true)), read: arrayReader(inner.read) };
}

const isArray = ({ element, name }: PostgresType) => element !== 0 && name.startsWith('_');

/** The most digits that a Decimal128 holds, and a Decimal256. */
const DIGITS = [38, 76] as const;

function numericKind(modifier: number, as: NumericAs): Kind | undefined {
  if (as === 'float64') return number(new Float64());
  if (as === 'utf8') return text();
  if (modifier < 4) return undefined;
  const precision = (modifier - 4) >> 16;
  const scale = (((modifier - 4) & 0x7ff) ^ 1024) - 1024;
  if (precision > DIGITS[1]) return undefined;
  const bits = precision > DIGITS[0] ? 256 : 128;
  return { type: new Decimal(scale, precision, bits), read: decimalReader(scale), keys: 'numbers' };
}

/** How a cell is read for a type that option `schema` says: an array as an array, truth as truth, all else as text. */
function plainReader(type: PostgresType): CellReader {
  if (isArray(type)) return arrayReader(asText);
  if (type.name === 'timestamp' || type.name === 'timestamptz') {
    return (cell) => (cell as string).replace(/\+00$/, 'Z');
  }
  return type.name === 'bool' ? (cell) => cell === 't' : asText;
}

function advice(type: PostgresType, name: string): string {
  const column = `"${name.replaceAll('"', '""')}"`;
  if (isNumeric(type)) {
    return `Cast it: ${column}::numeric(38, 9); or say numeric: 'float64' or 'utf8'.`;
  }
  if (type.name === 'interval') return `Cast it: extract(epoch from ${column}), or ${column}::text.`;
  return `Cast it: ${column}::text.`;
}
