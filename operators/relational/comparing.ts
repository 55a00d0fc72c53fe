/**
 * How the rows of a column compare with a value of an option. Both sides are exact: nothing is rounded to compare it.
 */
import { type Data, DataType, DateUnit, Precision } from 'apache-arrow';
import { uint16ToFloat64 } from 'apache-arrow/util/math';
import { columnType, shown } from '../../src/errors.js';
import type { Comparable, Comparison } from './condition.js';
import { decimalOf, integerAt } from './decimals.js';
import { DAY, MS, nanosOf, unitNanos } from './moments.js';

type RowTest = (row: number) => boolean;
type Compare = (op: Comparison, value: Comparable) => RowTest;

/** Tests on the rows of a plain column that hold a value. Throws COLUMN_TYPE where the value is not of the column's kind. */
export function comparer(who: string, name: string, column: Data): Compare {
  const { type, values } = column;
  const make = makerOf(column);
  return (op, value) => {
    const test = make?.(op, value);
    if (test !== undefined) return test;
    const what =
      make === undefined ? 'a column of plain values' : `a column that compares with ${shown(value)}`;
    throw columnType(who, name, what, String(values === undefined ? 'Null' : type));
  };
}

type Maker = (op: Comparison, value: Comparable) => RowTest | undefined;

function makerOf(column: Data): Maker | undefined {
  const { type, values, offset } = column;
  if (DataType.isNull(type)) return () => () => false;
  if (DataType.isBool(type)) {
    return (op, value) =>
      typeof value === 'boolean'
        ? ordered(op, (row) => ((values[(offset + row) >> 3] >> ((offset + row) & 7)) & 1) - Number(value))
        : undefined;
  }
  if (DataType.isInt(type) || DataType.isFloat(type)) return numbers(column);
  if (DataType.isDecimal(type)) return decimals(column, type.scale);
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) return texts(column);
  if (DataType.isTimestamp(type)) return times(values, unitNanos(type.unit), momentOf);
  if (DataType.isDate(type)) return times(values, type.unit === DateUnit.DAY ? DAY : MS, momentOf);
  if (DataType.isTime(type)) return times(values, unitNanos(type.unit), clockOf);
  return undefined;
}

/** The test that compares by sign: below 0, 0 and above 0 stand for less, equal and greater; NaN for neither. */
function ordered(op: Comparison, sign: RowSign): RowTest {
  switch (op) {
    case '==':
      return (row) => sign(row) === 0;
    case '!=':
      return (row) => sign(row) !== 0;
    case '<':
      return (row) => sign(row) < 0;
    case '<=':
      return (row) => sign(row) <= 0;
    case '>':
      return (row) => sign(row) > 0;
    case '>=':
      return (row) => sign(row) >= 0;
  }
}

type RowSign = (row: number) => number;

/** Numbers and big integers compare with each other exactly, in JavaScript too. */
function numbers({ type, values }: Data): Maker {
  const isHalf = DataType.isFloat(type) && type.precision === Precision.HALF;
  const all: ArrayLike<number | bigint> = isHalf ? Float64Array.from(values, uint16ToFloat64) : values;
  return (op, value) => {
    const isDigits = typeof value === 'string' && DataType.isInt(type) && /^-?\d+$/.test(value);
    const given = isDigits ? BigInt(value) : value;
    if (typeof given !== 'number' && typeof given !== 'bigint') return undefined;
    if (Number.isNaN(given)) return () => op === '!=';
    return ordered(op, (row) => {
      const one = all[row]!;
      return one < given ? -1 : one >= given ? Number(one > given) : Number.NaN;
    });
  };
}

function decimals(column: Data, scale: number): Maker {
  return (op, value) => {
    if (typeof value === 'boolean' || value instanceof Date) return undefined;
    const given = decimalOf(String(value));
    if (given === undefined) return undefined;
    const most = Math.max(scale, given.scale);
    const [ours, theirs] = [10n ** BigInt(most - scale), given.digits * 10n ** BigInt(most - given.scale)];
    return ordered(op, (row) => {
      const one = integerAt(column, row) * ours;
      return one < theirs ? -1 : one > theirs ? 1 : 0;
    });
  };
}

function texts({ values, valueOffsets: offsets }: Data): Maker {
  return (op, value) => {
    if (typeof value !== 'string') return undefined;
    const given = new TextEncoder().encode(value);
    return ordered(op, (row) => {
      const start = Number(offsets[row]);
      const length = Number(offsets[row + 1]) - start;
      const least = Math.min(length, given.length);
      for (let i = 0; i < least; i++)
        if (values[start + i] !== given[i]) return values[start + i] - given[i]!;
      return length - given.length;
    });
  };
}

/** Counts of `unit` nanoseconds each. */
function times(
  counts: ArrayLike<number | bigint>,
  unit: bigint,
  meaning: (value: Comparable) => bigint | undefined,
): Maker {
  return (op, value) => {
    const nanos = meaning(value);
    if (nanos === undefined) return undefined;
    // Of a moment between two counts, the lower one is as little, and its successor more.
    const lower = nanos / unit - (nanos % unit < 0n ? 1n : 0n);
    const isBetween = nanos % unit !== 0n;
    return ordered(op, (row) => {
      const count = counts[row]!;
      return count < lower ? -1 : count > lower ? 1 : isBetween ? -1 : 0;
    });
  };
}

/** Nanoseconds since 1970 of a Date or of ISO 8601 text. */
const momentOf = (value: Comparable): bigint | undefined =>
  value instanceof Date
    ? BigInt(value.getTime()) * MS
    : typeof value === 'string'
      ? nanosOf(value)
      : undefined;

/** Nanoseconds since midnight of a time such as `12:30` or `12:30:00.5`. */
const clockOf = (value: Comparable): bigint | undefined =>
  typeof value === 'string' ? nanosOf(`1970-01-01T${value}`) : undefined;
