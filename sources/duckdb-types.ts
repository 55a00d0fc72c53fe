/**
 * The types of DuckDB in Arrow, and those of Arrow in DuckDB.
 *
 * What differs between the two: a zone's name is not kept by DuckDB, which counts microseconds in UTC; HUGEINT, the type of
 * sums of integers, comes out as Decimal(38, 0); UUID, BIT and BIGNUM come out as text; a dictionary goes in as its values,
 * and an ENUM comes out as one, but as text inside of other types.
 */
import type { DuckDBType } from '@duckdb/node-api';
import {
  Binary,
  Bool,
  DataType,
  DateDay,
  DateUnit,
  Decimal,
  Dictionary,
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  IntervalMonthDayNano,
  List,
  Map_,
  Precision,
  Struct,
  TimeMicrosecond,
  TimeNanosecond,
  TimestampMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  TimestampSecond,
  TimeUnit,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Utf8,
} from 'apache-arrow';
import { columnType } from '../src/errors.js';
import type { Duckdb } from './duckdb.js';

const flatTypes: Readonly<Record<string, () => DataType>> = {
  BOOLEAN: () => new Bool(),
  TINYINT: () => new Int8(),
  SMALLINT: () => new Int16(),
  INTEGER: () => new Int32(),
  BIGINT: () => new Int64(),
  UTINYINT: () => new Uint8(),
  USMALLINT: () => new Uint16(),
  UINTEGER: () => new Uint32(),
  UBIGINT: () => new Uint64(),
  HUGEINT: () => new Decimal(0, 38),
  UHUGEINT: () => new Decimal(0, 38),
  FLOAT: () => new Float32(),
  DOUBLE: () => new Float64(),
  VARCHAR: () => new Utf8(),
  UUID: () => new Utf8(),
  BIT: () => new Utf8(),
  BIGNUM: () => new Utf8(),
  BLOB: () => new Binary(),
  DATE: () => new DateDay(),
  TIME: () => new TimeMicrosecond(),
  TIME_NS: () => new TimeNanosecond(),
  TIMESTAMP_S: () => new TimestampSecond(),
  TIMESTAMP_MS: () => new TimestampMillisecond(),
  TIMESTAMP: () => new TimestampMicrosecond(),
  TIMESTAMP_NS: () => new TimestampNanosecond(),
  TIMESTAMP_TZ: () => new TimestampMicrosecond('UTC'),
  INTERVAL: () => new IntervalMonthDayNano(),
};

/** The name of a type's kind, such as `TIMESTAMP_TZ`. */
export const kindOf = ({ DuckDBTypeId }: Duckdb, type: DuckDBType): string => DuckDBTypeId[type.typeId];

/** The Arrow type that a column of a result has. Throws COLUMN_TYPE for a type that Arrow lacks. */
export function arrowTypeOfDuckdb(duckdb: Duckdb, who: string, column: string, type: DuckDBType): DataType {
  const inner = (of: DuckDBType) =>
    duckdb.DuckDBTypeId.ENUM === of.typeId ? new Utf8() : arrowTypeOfDuckdb(duckdb, who, column, of);
  const field = (name: string, of: DuckDBType, nullable = true) => new Field(name, inner(of), nullable);
  if (type instanceof duckdb.DuckDBDecimalType) return new Decimal(type.scale, type.width);
  if (type instanceof duckdb.DuckDBEnumType) return new Dictionary(new Utf8(), new Int32());
  if (type instanceof duckdb.DuckDBListType) return new List(field('item', type.valueType));
  if (type instanceof duckdb.DuckDBArrayType)
    return new FixedSizeList(type.length, field('item', type.valueType));
  if (type instanceof duckdb.DuckDBStructType)
    return new Struct(type.entryNames.map((name, i) => field(name, type.entryTypes[i]!)));
  if (type instanceof duckdb.DuckDBMapType) {
    const entries = new Struct([field('key', type.keyType, false), field('value', type.valueType)]);
    return new Map_(new Field('entries', entries as never, false));
  }
  const make = flatTypes[kindOf(duckdb, type)];
  if (make !== undefined) return make();
  const advice = 'Cast it in the query, for instance to VARCHAR.';
  throw columnType(who, column, 'a type that Arrow holds', String(type), advice);
}

/** The DuckDB type that holds a column. Throws COLUMN_TYPE for a type that DuckDB lacks. */
export function duckdbTypeOf(duckdb: Duckdb, who: string, column: string, type: DataType): DuckDBType {
  const inner = (of: DataType) => duckdbTypeOf(duckdb, who, column, of);
  if (DataType.isDictionary(type)) return inner(type.dictionary);
  if (DataType.isDecimal(type) && type.bitWidth <= 128 && type.scale >= 0 && type.precision <= 38) {
    return duckdb.DECIMAL(type.precision, type.scale);
  }
  if (DataType.isList(type) || DataType.isLargeList(type)) return duckdb.LIST(inner(type.children[0]!.type));
  if (DataType.isFixedSizeList(type)) return duckdb.ARRAY(inner(type.children[0]!.type), type.listSize);
  if (DataType.isMap(type)) {
    const [key, value] = type.children[0]!.type.children as [Field, Field];
    return duckdb.MAP(inner(key.type), inner(value.type));
  }
  if (DataType.isStruct(type)) {
    return new duckdb.DuckDBStructType(
      type.children.map(({ name }) => name),
      type.children.map((field) => inner(field.type)),
    );
  }
  const kind = flatKind(type);
  if (kind !== undefined) return (duckdb as unknown as Record<string, DuckDBType>)[kind]!;
  throw columnType(who, column, 'a type that DuckDB holds', String(type), 'Cast or drop the column first.');
}

const TIMESTAMPS = ['TIMESTAMP_S', 'TIMESTAMP_MS', 'TIMESTAMP', 'TIMESTAMP_NS'];

/** The name under which DuckDB's API has the type that holds a flat column. A column of nulls alone is one of integers. */
function flatKind(type: DataType): string | undefined {
  if (DataType.isNull(type)) return 'INTEGER';
  if (DataType.isBool(type)) return 'BOOLEAN';
  if (DataType.isInt(type)) return `${type.isSigned ? '' : 'U'}${INTEGERS[type.bitWidth]}`;
  if (DataType.isFloat(type)) return type.precision === Precision.DOUBLE ? 'DOUBLE' : 'FLOAT';
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isUtf8View(type)) return 'VARCHAR';
  if (DataType.isBinary(type) || DataType.isLargeBinary(type) || DataType.isBinaryView(type)) return 'BLOB';
  if (DataType.isFixedSizeBinary(type)) return 'BLOB';
  if (DataType.isDate(type)) return type.unit === DateUnit.DAY ? 'DATE' : 'TIMESTAMP_MS';
  if (DataType.isTime(type)) return type.unit === TimeUnit.NANOSECOND ? 'TIME_NS' : 'TIME';
  if (DataType.isTimestamp(type)) return type.timezone ? 'TIMESTAMPTZ' : TIMESTAMPS[type.unit];
  if (DataType.isInterval(type) || DataType.isDuration(type)) return 'INTERVAL';
  return undefined;
}

const INTEGERS: Readonly<Record<number, string>> = {
  8: 'TINYINT',
  16: 'SMALLINT',
  32: 'INTEGER',
  64: 'BIGINT',
};
