/**
 * The types that `cast` makes, by name, and the columns of them being filled.
 */
import {
  Data,
  type DataType,
  Decimal,
  Dictionary,
  Int32,
  Timestamp,
  TimeUnit,
  Utf8,
  Vector,
  vectorFromArray,
} from 'apache-arrow';
import { columnBuilder } from '../../sources/column-builder.js';
import { type ColumnBuilder, grown, Validity } from '../../sources/column-parts.js';
import { arrowTypeOf, type ColumnType, isColumnType } from '../../sources/column-type.js';
import { DecimalBuilder } from '../../sources/decimal-builder.js';
import { emptyData } from '../../sources/empty-data.js';
import { PlainBuilder } from '../../sources/flat-builders.js';
import { optionRange } from '../../src/errors.js';

/**
 * What `cast` makes: the types that files are read with (`int32`, `float64`, `utf8`, `date`, `float32[8]`, `list<float64>` …),
 * timestamps of any unit, with or without a zone (`timestamp[us]`, `timestamp[ms, Europe/Berlin]`), decimals
 * (`decimal(10, 2)`), and text as a dictionary (`dictionary`).
 */
export type CastType = ColumnType | 'dictionary' | `timestamp[${string}]` | `decimal(${string})`;

/** A type to cast to. */
export interface CastTarget {
  readonly name: CastType;
  readonly type: DataType;
  /** A column of the type, to be filled row by row. */
  builder(): ColumnBuilder;
}

const TIMESTAMP = /^timestamp\[(s|ms|us|ns)(?:, ?([\w/+:-]+))?\]$/;
const DECIMAL = /^decimal\((\d{1,2})(?:, ?(\d{1,2}))?\)$/;
const UNITS = {
  s: TimeUnit.SECOND,
  ms: TimeUnit.MILLISECOND,
  us: TimeUnit.MICROSECOND,
  ns: TimeUnit.NANOSECOND,
} as const;

/** Checks a type by its name. Throws OPTION_RANGE. */
export function castTarget(option: string, name: unknown): CastTarget {
  if (isColumnType(name)) return { name, type: arrowTypeOf(name), builder: () => columnBuilder(name) };
  if (name === 'dictionary') {
    const type = new Dictionary(new Utf8(), new Int32());
    return { name, type, builder: () => new DictionaryBuilder(type) };
  }
  const [, unit, zone] = TIMESTAMP.exec(String(name)) ?? [];
  if (unit !== undefined) {
    const type = new Timestamp(UNITS[unit as keyof typeof UNITS], zone ?? null);
    return { name: name as CastType, type, builder: () => new PlainBuilder(type) };
  }
  const [, precision, scale = '0'] = DECIMAL.exec(String(name)) ?? [];
  if (
    precision !== undefined &&
    Number(precision) >= 1 &&
    Number(precision) <= 38 &&
    Number(scale) <= Number(precision)
  ) {
    const type = new Decimal(Number(scale), Number(precision), 128);
    return { name: name as CastType, type, builder: () => new DecimalBuilder(type) };
  }
  const expected =
    'a type such as int32, float64, utf8, date, timestamp[us, UTC], decimal(10, 2) or dictionary';
  throw optionRange('', option, expected, name);
}

/** Texts, each different one once. */
class DictionaryBuilder implements ColumnBuilder {
  readonly #type: Dictionary<Utf8, Int32>;
  readonly #validity = new Validity();
  readonly #entries = new Map<string, number>();
  #indices = new Int32Array(64);

  constructor(type: Dictionary<Utf8, Int32>) {
    this.#type = type;
  }

  set(row: number, value: unknown): void {
    this.#validity.set(row, value !== null);
    this.#indices = grown(this.#indices, row + 1);
    if (value === null) return;
    let index = this.#entries.get(value as string);
    if (index === undefined) {
      index = this.#entries.size;
      this.#entries.set(value as string, index);
    }
    this.#indices[row] = index;
  }

  finish(rows: number): Data {
    const { nullCount, bits } = this.#validity.finish(rows);
    const entries = [...this.#entries.keys()];
    const dictionary =
      entries.length === 0 ? new Vector([emptyData(new Utf8())]) : vectorFromArray(entries, new Utf8());
    const buffers = [undefined, this.#indices.subarray(0, rows), bits];
    return new Data(this.#type, 0, rows, nullCount, buffers as never, [], dictionary);
  }
}
