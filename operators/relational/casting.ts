/**
 * How a value of one type becomes one of another: exactly, or not at all.
 */
import { type Data, DataType, DateUnit, type Decimal, Precision, type Timestamp, Vector } from 'apache-arrow';
import { uint16ToFloat64 } from 'apache-arrow/util/math';
import { cellTexts } from '../../sinks/cell-text.js';
import { type CellReader, cellReader, UNFIT } from '../../sources/cell-values.js';
import { type ColumnType, vectorLength } from '../../sources/column-type.js';
import type { CastTarget } from './cast-types.js';
import { type DecimalNumber, decimalOf, integerAt, rescaled } from './decimals.js';
import { DAY, MS, nanosOf, unitNanos } from './moments.js';

/** The value of a row in the new type, or UNFIT; asked of rows that hold a value. */
export type CastRow = (row: number) => unknown;

/** How the rows of a plain column become values of a type; undefined where no value of the one is one of the other. */
export function casting(column: Data, target: CastTarget): CastRow | undefined {
  const { name, type } = target;
  if (name === 'utf8' || name === 'dictionary') return toText(column);
  if (vectorLength(name as ColumnType) !== undefined || name.startsWith('list<')) {
    return toList(column, cellReader(name as ColumnType));
  }
  if (DataType.isTimestamp(type)) return toCount(column, unitNanos(type.unit), name as ColumnType);
  if (DataType.isDate(type)) return toCount(column, DAY, name as ColumnType);
  if (DataType.isDecimal(type)) return toDecimal(column, type);
  if (DataType.isFloat(type)) return toFloat(column, type.precision === Precision.SINGLE);
  const counts = name === 'int64' ? momentsIn(column)?.count : undefined;
  return counts ?? toInteger(column, cellReader(name as ColumnType), name === 'bool');
}

const isText = ({ type }: Data) => DataType.isUtf8(type) || DataType.isLargeUtf8(type);

/** Text of anything; bytes are taken for UTF-8. */
function toText(column: Data): CastRow {
  const { type, values, valueOffsets } = column;
  if (!DataType.isBinary(type) && !DataType.isLargeBinary(type)) return cellTexts(column);
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  return (row) => {
    try {
      return decoder.decode(values.subarray(Number(valueOffsets[row]), Number(valueOffsets[row + 1])));
    } catch {
      return UNFIT;
    }
  };
}

/** Numbers of a column: floats and small integers as numbers, others as big integers. */
function numbersIn({ type, values }: Data): ((row: number) => number | bigint) | undefined {
  if (DataType.isFloat(type) && type.precision === Precision.HALF)
    return (row) => uint16ToFloat64(values[row]);
  return DataType.isInt(type) || DataType.isFloat(type) ? (row) => values[row] : undefined;
}

function truthsIn({ type, values, offset }: Data): ((row: number) => boolean) | undefined {
  if (!DataType.isBool(type)) return undefined;
  return (row) => ((values[(offset + row) >> 3] >> ((offset + row) & 7)) & 1) === 1;
}

/** Integers and truth values, of which 0 and 1 are each other's. */
function toInteger(column: Data, read: CellReader, isTruth: boolean): CastRow | undefined {
  const whole = (value: number | bigint) => {
    if (typeof value === 'number' && !Number.isInteger(value)) return UNFIT;
    if (!isTruth) return read(BigInt(value));
    return BigInt(value) === 0n || BigInt(value) === 1n ? BigInt(value) === 1n : UNFIT;
  };
  const numbers = numbersIn(column);
  if (numbers) return (row) => whole(numbers(row));
  const truths = truthsIn(column);
  if (truths) return (row) => (isTruth ? truths(row) : read(Number(truths(row))));
  const decimals = decimalsIn(column);
  if (decimals) {
    return (row) => {
      const value = rescaled(decimals(row), 0);
      return value === undefined ? UNFIT : whole(value);
    };
  }
  return isText(column) ? textReader(column, read) : undefined;
}

/** Floats take the nearest of a fraction, but of an integer only what they hold exactly, and nothing beyond their range. */
function toFloat(column: Data, isSingle: boolean): CastRow | undefined {
  const rounded = (value: number) => (isSingle ? Math.fround(value) : value);
  const inRange = (value: number) => (Number.isFinite(rounded(value)) ? rounded(value) : UNFIT);
  const exactly = (value: number | bigint) => {
    const float = rounded(Number(value));
    return Number.isFinite(float) && BigInt(float) === BigInt(value) ? float : UNFIT;
  };
  const numbers = numbersIn(column);
  if (numbers && DataType.isInt(column.type)) return (row) => exactly(numbers(row));
  if (numbers) {
    return (row) => {
      const value = numbers(row) as number;
      return Number.isFinite(value) ? inRange(value) : value;
    };
  }
  const truths = truthsIn(column);
  if (truths) return (row) => Number(truths(row));
  if (DataType.isDecimal(column.type)) {
    const textOf = cellTexts(column);
    return (row) => inRange(Number(textOf(row)));
  }
  if (!isText(column)) return undefined;
  const read = textReader(column, cellReader('float64'));
  const isInfinite = (text: string | null) => text === 'Infinity' || text === '-Infinity' || text === 'NaN';
  const textOf = cellTexts(column);
  return (row) => {
    const value = read(row);
    return typeof value !== 'number' || isInfinite(textOf(row)) ? value : inRange(value);
  };
}

const textReader = (column: Data, read: CellReader): CastRow => {
  const textOf = cellTexts(column);
  return (row) => read(textOf(row));
};

function decimalsIn(column: Data): ((row: number) => DecimalNumber) | undefined {
  const { type } = column;
  return DataType.isDecimal(type)
    ? (row) => ({ digits: integerAt(column, row), scale: type.scale })
    : undefined;
}

/** Decimals; of a float, the shortest one that is read as it. */
function toDecimal(column: Data, { precision, scale }: Decimal): CastRow | undefined {
  const textOf = isText(column) ? cellTexts(column) : undefined;
  const numbers = numbersIn(column);
  const read =
    decimalsIn(column) ??
    (numbers && ((row: number) => decimalOf(`${numbers(row)}`))) ??
    (textOf && ((row: number) => decimalOf(textOf(row)!)));
  const limit = 10n ** BigInt(precision);
  return (
    read &&
    ((row) => {
      const given = read(row);
      const value = given && rescaled(given, scale);
      return value !== undefined && value < limit && value > -limit ? value : UNFIT;
    })
  );
}

/** The raw counts of timestamps and days, and the nanoseconds that each is. */
function momentsIn({ type, values }: Data): { count: (row: number) => bigint; unit: bigint } | undefined {
  const count = (row: number) => BigInt(values[row]);
  if (DataType.isTimestamp(type)) return { count, unit: unitNanos((type as Timestamp).unit) };
  if (DataType.isDate(type)) return { count, unit: type.unit === DateUnit.DAY ? DAY : MS };
  return undefined;
}

/** Counts of `unit` nanoseconds each: of other counts and text where that is whole, of integers as they are. */
function toCount(column: Data, unit: bigint, name: ColumnType): CastRow | undefined {
  const fits = (count: bigint) =>
    name === 'date'
      ? count >= -(2n ** 31n) && count < 2n ** 31n
        ? Number(count)
        : UNFIT
      : BigInt.asIntN(64, count) === count
        ? count
        : UNFIT;
  const inUnits = (nanos: bigint | undefined) =>
    nanos !== undefined && nanos % unit === 0n ? fits(nanos / unit) : UNFIT;
  const moments = momentsIn(column);
  if (moments) return (row) => inUnits(moments.count(row) * moments.unit);
  const numbers = numbersIn(column);
  if (numbers && DataType.isInt(column.type)) return (row) => fits(BigInt(numbers(row)));
  return isText(column) ? textReader(column, (text) => inUnits(nanosOf(text as string))) : undefined;
}

/** Lists of lists, and of their text in JSON. */
function toList(column: Data, read: CellReader): CastRow | undefined {
  if (isText(column)) return textReader(column, read);
  const { type } = column;
  if (!DataType.isList(type) && !DataType.isLargeList(type) && !DataType.isFixedSizeList(type))
    return undefined;
  const lists = new Vector([column]);
  return (row) => read(Array.from(lists.get(row) as Iterable<unknown>));
}
