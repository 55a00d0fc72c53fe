/**
 * Arrow's values of fixed width in the bytes that DuckDB keeps for them. Nothing is rounded: what does not fit is refused.
 */
import type { DuckDBDecimalType, DuckDBType } from '@duckdb/node-api';
import { type Data, DataType, DateUnit, IntervalUnit, Precision, TimeUnit } from 'apache-arrow';
import { uint16ToFloat64 } from 'apache-arrow/util/math';
import type { DataflowError } from '../src/errors.js';

/** The error for a value that does not fit. */
export type Refuse = (row: number, expected: string, got: string) => DataflowError;
type Present = ((row: number) => boolean) | undefined;

/** The rows `from` … `from + rows − 1`; those that are not `present` hold anything. */
export function fixedValues(
  data: Data,
  duckdbType: DuckDBType,
  from: number,
  rows: number,
  present: Present,
  refuse: Refuse,
): ArrayBufferView {
  const { type, values, offset, stride } = data;
  if (DataType.isBool(type)) {
    return Uint8Array.from({ length: rows }, (_, row) => {
      const bit = offset + from + row;
      return (values[bit >> 3] >> (bit & 7)) & 1;
    });
  }
  const own = values.subarray(from * stride, (from + rows) * stride);
  if (DataType.isFloat(type) && type.precision === Precision.HALF)
    return Float32Array.from(own, uint16ToFloat64);
  if (DataType.isDecimal(type))
    return decimals(own, stride, duckdbType as DuckDBDecimalType, rows, present, refuse);
  if (DataType.isInterval(type)) return intervals(own, type.unit, rows, present, refuse);
  if (DataType.isDuration(type)) return durations(scaled(own, perSecond(type.unit), rows, present, refuse));
  if (DataType.isTime(type) && type.unit !== TimeUnit.NANOSECOND)
    return scaled(own, perSecond(type.unit), rows, present, refuse);
  if (DataType.isTimestamp(type) && type.timezone)
    return scaled(own, perSecond(type.unit), rows, present, refuse);
  if (DataType.isDate(type) && type.unit === DateUnit.MILLISECOND)
    return scaled(own, MICROS, rows, present, refuse);
  return own;
}

const MICROS = 1_000_000n;
const perSecond = (unit: TimeUnit) => 10n ** BigInt(unit * 3);

/** Counts of so many a second as microseconds. (What already counts a million a second is left as it is.) */
function scaled(
  values: ArrayLike<number | bigint>,
  unitsPerSecond: bigint,
  rows: number,
  present: Present,
  refuse: Refuse,
): BigInt64Array {
  const micros = new BigInt64Array(rows);
  for (let row = 0; row < rows; row++) {
    if (present !== undefined && !present(row)) continue;
    const value = BigInt(values[row]!);
    const scaledUp = value * MICROS;
    const count = scaledUp / unitsPerSecond;
    if (count * unitsPerSecond !== scaledUp || BigInt.asIntN(64, count) !== count) {
      throw refuse(row, 'a time that microseconds in 64 bits hold', `${value} units`);
    }
    micros[row] = count;
  }
  return micros;
}

/** Integers of `precision` digits in as many bytes as DuckDB has for them. */
function decimals(
  words: Uint32Array,
  stride: number,
  { width }: DuckDBDecimalType,
  rows: number,
  present: Present,
  refuse: Refuse,
): ArrayBufferView {
  const out =
    width <= 4
      ? new Int16Array(rows)
      : width <= 9
        ? new Int32Array(rows)
        : new BigInt64Array(width <= 18 ? rows : rows * 2);
  const limit = 10n ** BigInt(width);
  for (let row = 0; row < rows; row++) {
    if (present !== undefined && !present(row)) continue;
    let value = 0n;
    for (let w = stride - 1; w >= 0; w--) value = (value << 32n) | BigInt(words[row * stride + w]!);
    value = BigInt.asIntN(stride * 32, value);
    if (value >= limit || value <= -limit)
      throw refuse(row, `a decimal of at most ${width} digits`, `${value}`);
    if (!(out instanceof BigInt64Array)) out[row] = Number(value);
    else if (width <= 18) out[row] = value;
    else {
      out[row * 2] = BigInt.asIntN(64, value);
      out[row * 2 + 1] = value >> 64n;
    }
  }
  return out;
}

/** Microseconds as intervals of no months and no days. */
function durations(micros: BigInt64Array): BigInt64Array {
  const out = new BigInt64Array(micros.length * 2);
  for (let row = 0; row < micros.length; row++) out[row * 2 + 1] = micros[row]!;
  return out;
}

/** Months, days and microseconds. */
function intervals(
  values: Int32Array,
  unit: IntervalUnit,
  rows: number,
  present: Present,
  refuse: Refuse,
): ArrayBufferView {
  const out = new Int32Array(rows * 4);
  const micros = new BigInt64Array(out.buffer);
  const nanos = new BigInt64Array(
    values.slice(0, unit === IntervalUnit.MONTH_DAY_NANO ? rows * 4 : 0).buffer,
  );
  for (let row = 0; row < rows; row++) {
    if (present !== undefined && !present(row)) continue;
    if (unit === IntervalUnit.YEAR_MONTH) out[row * 4] = values[row]!;
    else if (unit === IntervalUnit.DAY_TIME) {
      out[row * 4 + 1] = values[row * 2]!;
      micros[row * 2 + 1] = BigInt(values[row * 2 + 1]!) * 1000n;
    } else {
      out.set(values.subarray(row * 4, row * 4 + 2), row * 4);
      const value = nanos[row * 2 + 1]!;
      if (value % 1000n !== 0n) throw refuse(row, 'an interval of whole microseconds', `${value} ns`);
      micros[row * 2 + 1] = value / 1000n;
    }
  }
  return out;
}
