/**
 * The times of rows, in milliseconds since 1970.
 */
import { type Data, DataType, DateUnit } from 'apache-arrow';
import { columnType } from '../../src/errors.js';

const DAY_MS = 86_400_000;

/** One number a row, NaN where there is none. Fractions of a millisecond are cut off, towards the past. */
export function eventTimes(who: string, name: string, column: Data): Float64Array {
  const { type, values, length } = column;
  const times = new Float64Array(length);
  const read = readerOf(type, values);
  if (read === undefined) {
    const expected = 'a timestamp, a date, or numbers of milliseconds since 1970';
    throw columnType(who, name, expected, String(type), 'Cast it first.');
  }
  for (let row = 0; row < length; row++) times[row] = column.getValid(row) ? finite(read(row)) : Number.NaN;
  return times;
}

const finite = (ms: number) => (Number.isFinite(ms) ? Math.floor(ms) : Number.NaN);

function readerOf(type: DataType, values: ArrayLike<number | bigint>): ((row: number) => number) | undefined {
  if (DataType.isTimestamp(type)) {
    // Seconds, milli-, micro- and nanoseconds: a count of 53 bits is exact only once it is in milliseconds.
    const perMs = 10n ** BigInt(Math.max(0, type.unit * 3 - 3));
    const unitMs = type.unit === 0 ? 1000 : 1;
    return (row) => Number(floorDivided(values[row] as bigint, perMs)) * unitMs;
  }
  if (DataType.isDate(type)) return (row) => Number(values[row]!) * (type.unit === DateUnit.DAY ? DAY_MS : 1);
  if (DataType.isInt(type)) return (row) => Number(values[row]!);
  return DataType.isFloat(type) && !(values instanceof Uint16Array)
    ? (row) => values[row] as number
    : undefined;
}

const floorDivided = (count: bigint, by: bigint) => count / by - (count % by < 0n ? 1n : 0n);
