/**
 * DuckDB's values of fixed width as Arrow's: the same bytes, but for truth values, decimals and intervals.
 */
import type { DuckDBDecimalType, DuckDBType } from '@duckdb/node-api';
import { util } from 'apache-arrow';
import { outOfDomain } from '../src/errors.js';

/** The memory of some rows; what lies in an absent row has no meaning. */
export interface FixedRows {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly rows: number;
  readonly present: ((row: number) => boolean) | undefined;
  readonly who: string;
  readonly name: string;
}

export interface FixedReader {
  readonly rowBytes: number;
  readonly convert: (rows: FixedRows) => ArrayBufferView;
}

type ArrayOf = { readonly BYTES_PER_ELEMENT: number; new (buffer: ArrayBuffer): ArrayBufferView };

const as = (Values: ArrayOf): FixedReader => ({
  rowBytes: Values.BYTES_PER_ELEMENT,
  convert: ({ bytes }) => new Values(bytes.buffer),
});

const readers: Readonly<Record<string, FixedReader>> = {
  BOOLEAN: { rowBytes: 1, convert: ({ bytes }) => util.packBools(bytes) },
  TINYINT: as(Int8Array),
  SMALLINT: as(Int16Array),
  INTEGER: as(Int32Array),
  BIGINT: as(BigInt64Array),
  UTINYINT: as(Uint8Array),
  USMALLINT: as(Uint16Array),
  UINTEGER: as(Uint32Array),
  UBIGINT: as(BigUint64Array),
  FLOAT: as(Float32Array),
  DOUBLE: as(Float64Array),
  DATE: as(Int32Array),
  TIME: as(BigInt64Array),
  TIME_NS: as(BigInt64Array),
  TIMESTAMP_S: as(BigInt64Array),
  TIMESTAMP_MS: as(BigInt64Array),
  TIMESTAMP: as(BigInt64Array),
  TIMESTAMP_NS: as(BigInt64Array),
  TIMESTAMP_TZ: as(BigInt64Array),
  HUGEINT: { rowBytes: 16, convert: (rows) => huge(rows, (high) => high) },
  UHUGEINT: { rowBytes: 16, convert: (rows) => huge(rows, (high) => BigInt.asUintN(64, high)) },
  INTERVAL: { rowBytes: 16, convert: intervals },
};

/** How rows of a kind are read; undefined for a kind that is not of fixed width. */
export function fixedReaders(kind: string, type: DuckDBType): FixedReader | undefined {
  if (kind !== 'DECIMAL') return readers[kind];
  const { width } = type as DuckDBDecimalType;
  if (width <= 4) return { rowBytes: 2, convert: ({ bytes }) => widened(new Int16Array(bytes.buffer)) };
  if (width <= 9) return { rowBytes: 4, convert: ({ bytes }) => widened(new Int32Array(bytes.buffer)) };
  if (width <= 18)
    return { rowBytes: 8, convert: ({ bytes }) => widenedBig(new BigInt64Array(bytes.buffer)) };
  return { rowBytes: 16, convert: ({ bytes }) => new Uint32Array(bytes.buffer) };
}

/** 128-bit integers, as decimals are in Arrow. */
function widened(values: Int16Array | Int32Array): Uint32Array {
  const words = new Uint32Array(values.length * 4);
  for (let row = 0; row < values.length; row++) {
    words[row * 4] = values[row]!;
    if (values[row]! < 0) words.fill(0xffffffff, row * 4 + 1, row * 4 + 4);
  }
  return words;
}

function widenedBig(values: BigInt64Array): Uint32Array {
  const wide = new BigInt64Array(values.length * 2);
  for (let row = 0; row < values.length; row++) {
    wide[row * 2] = values[row]!;
    wide[row * 2 + 1] = values[row]! >> 63n;
  }
  return new Uint32Array(wide.buffer);
}

const MOST_HUGE = 10n ** 38n - 1n;

/** 128-bit integers of at most 38 digits. */
function huge({ bytes, rows, present, who, name }: FixedRows, highOf: (high: bigint) => bigint): Uint32Array {
  const halves = new BigInt64Array(bytes.buffer);
  for (let row = 0; row < rows; row++) {
    // A high half this small leaves every value below 10^38.
    const high = highOf(halves[row * 2 + 1]!);
    if ((high >= -(2n ** 62n) && high < 2n ** 62n) || (present && !present(row))) continue;
    const value = (high << 64n) | BigInt.asUintN(64, halves[row * 2]!);
    if (value > MOST_HUGE || value < -MOST_HUGE) {
      throw outOfDomain(who, name, row, 'an integer of at most 38 digits', `${value}`);
    }
  }
  return new Uint32Array(bytes.buffer);
}

const MOST_MICROS = (2n ** 63n - 1n) / 1000n;

/** Months, days and microseconds as months, days and nanoseconds. */
function intervals({ bytes, rows, present, who, name }: FixedRows): Int32Array {
  const micros = new BigInt64Array(bytes.buffer);
  for (let row = 0; row < rows; row++) {
    const value = micros[row * 2 + 1]!;
    if (value > MOST_MICROS || value < -MOST_MICROS) {
      if (present && !present(row)) continue;
      throw outOfDomain(who, name, row, 'an interval of at most 292 years of nanoseconds', `${value} µs`);
    }
    micros[row * 2 + 1] = value * 1000n;
  }
  return new Int32Array(bytes.buffer);
}
