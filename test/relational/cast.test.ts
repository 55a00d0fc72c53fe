import {
  Bool,
  type DataType,
  DateDay,
  Decimal,
  Dictionary,
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int8,
  Int32,
  Int64,
  List,
  Null,
  TimestampMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  Uint8,
  Uint64,
  Utf8,
} from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CastType, cast } from '../../operators/index.js';
import { cellTexts } from '../../sinks/cell-text.js';
import { plainRows } from '../support/arrow-columns.js';
import { expectError } from '../support/errors.js';
import { campaign } from '../support/property.js';
import { askDuckdb, batchOf, emitted } from '../support/relational.js';

const words = (value: bigint) =>
  Uint32Array.from([0n, 32n, 64n, 96n], (s) => Number(BigInt.asUintN(32, value >> s)));

/** The values of one column cast to a type, in words. */
function castTexts(
  from: DataType,
  values: readonly unknown[],
  to: CastType,
  onError?: 'null',
): (string | null)[] {
  const batch = batchOf({ x: [from, values] });
  const [out] = emitted(cast({ columns: { x: to }, ...(onError && { onError }) }), [batch]);
  const column = out!.data.children[0]!;
  const text = column.dictionary ? (row: number) => out!.getChildAt(0)!.get(row) : cellTexts(column);
  return values.map((_, row) => text(row));
}

describe('cast', () => {
  it.each<[string, DataType, unknown[], CastType, (string | null)[]]>([
    ['integers to smaller ones', new Int64(), [127n, -128n, null], 'int8', ['127', '-128', null]],
    ['integers to unsigned ones', new Int32(), [0, 255], 'uint8', ['0', '255']],
    ['unsigned 64 bits to signed', new Uint64(), [2n ** 63n - 1n], 'int64', [`${2n ** 63n - 1n}`]],
    ['whole floats to integers', new Float64(), [3, -0, 2 ** 60], 'int64', ['3', '0', `${2n ** 60n}`]],
    [
      'exact integers to floats',
      new Int64(),
      [2n ** 53n, -(2n ** 60n)],
      'float64',
      ['9007199254740992', '-1152921504606847000'],
    ],
    [
      'floats to the nearest single',
      new Float64(),
      [0.1, Number.NaN],
      'float32',
      ['0.10000000149011612', 'NaN'],
    ],
    ['truth values to numbers and back', new Bool(), [true, false, null], 'int32', ['1', '0', null]],
    ['zeros and ones to truth values', new Float32(), [1, 0], 'bool', ['true', 'false']],
    ['text to integers', new Utf8(), ['12', '-7', null], 'int16', ['12', '-7', null]],
    ['text to floats', new Utf8(), ['1e3', '-.5', 'Infinity'], 'float64', ['1000', '-0.5', 'Infinity']],
    ['text to truth values', new Utf8(), ['true', 'False'], 'bool', ['true', 'false']],
    ['text to dates', new Utf8(), ['2024-02-29'], 'date', ['2024-02-29']],
    [
      'text with a zone to timestamps',
      new Utf8(),
      ['2024-01-01T00:00:00.5+01:00'],
      'timestamp',
      ['2023-12-31T23:00:00.500Z'],
    ],
    [
      'text to nanoseconds',
      new Utf8(),
      ['1969-12-31T23:59:59.999999999'],
      'timestamp[ns]',
      ['1969-12-31T23:59:59.999999999Z'],
    ],
    ['text to decimals', new Utf8(), ['12.50', '-1e2', '7'], 'decimal(10, 2)', ['12.50', '-100.00', '7.00']],
    ['text to a dictionary', new Utf8(), ['b', 'a', null, 'b'], 'dictionary', ['b', 'a', null, 'b']],
    ['text to vectors', new Utf8(), ['[1, 2.5]'], 'float32[2]', ['[1,2.5]']],
    [
      'a dictionary to numbers',
      new Dictionary(new Utf8(), new Int8()),
      ['4', '5', '4'],
      'uint8',
      ['4', '5', '4'],
    ],
    [
      'floats to the decimals that they are written as',
      new Float64(),
      [0.1, 1e-7, 123.4],
      'decimal(12,7)',
      ['0.1000000', '0.0000001', '123.4000000'],
    ],
    ['decimals to a larger scale', new Decimal(1, 5, 128), [words(-125n)], 'decimal(8,3)', ['-12.500']],
    ['decimals to integers and floats', new Decimal(1, 5, 128), [words(120n)], 'uint8', ['12']],
    [
      'timestamps to coarser units',
      new TimestampMicrosecond(),
      [1000],
      'timestamp[s, Europe/Berlin]',
      ['1970-01-01T00:00:01Z'],
    ],
    ['timestamps at midnight to dates', new TimestampMillisecond(), [86_400_000], 'date', ['1970-01-02']],
    [
      'dates to timestamps',
      new DateDay(),
      [new Date('1970-01-02')],
      'timestamp[us, UTC]',
      ['1970-01-02T00:00:00.000000Z'],
    ],
    ['timestamps to counts', new TimestampMillisecond('UTC'), [1234], 'int64', ['1234']],
    ['counts to timestamps', new Int64(), [1n], 'timestamp[s]', ['1970-01-01T00:00:01Z']],
    [
      'lists to vectors',
      new List(new Field('item', new Int32(), true)),
      [[1, 2], null],
      'float32[2]',
      ['[1,2]', null],
    ],
    [
      'vectors to lists',
      new FixedSizeList(1, new Field('item', new Float32(), true)),
      [[1.5]],
      'list<float64>',
      ['[1.5]'],
    ],
    ['nulls to anything', new Null(), [null, null], 'int32', [null, null]],
    ['a type to itself', new Uint8(), [1, null], 'uint8', ['1', null]],
  ])('makes %s', (_, from, values, to, expected) => {
    expect(castTexts(from, values, to)).toEqual(expected);
  });

  it.each<[string, DataType, unknown, CastType]>([
    ['an integer out of range', new Int32(), 128, 'int8'],
    ['a negative number for an unsigned one', new Int8(), -1, 'uint64'],
    ['a fraction for an integer', new Float64(), 1.5, 'int32'],
    ['NaN for an integer', new Float64(), Number.NaN, 'int32'],
    ['an integer that a float does not hold', new Int64(), 2n ** 53n + 1n, 'float64'],
    ['an integer that a single float does not hold', new Int32(), 2 ** 24 + 1, 'float32'],
    ['a number beyond single floats', new Float64(), 1e39, 'float32'],
    ['text beyond floats', new Utf8(), '1e999', 'float64'],
    ['text that is no number', new Utf8(), '12x', 'int32'],
    ['a number with leading zeros', new Utf8(), '007', 'int32'],
    ['two for a truth value', new Int8(), 2, 'bool'],
    ['a day that the calendar lacks', new Utf8(), '2023-02-29', 'date'],
    ['a time of day for a date', new TimestampMillisecond(), 1, 'date'],
    ['microseconds for milliseconds', new Utf8(), '2024-01-01T00:00:00.000001Z', 'timestamp'],
    ['a decimal of too many digits behind the point', new Float64(), 0.125, 'decimal(10,2)'],
    ['a decimal of too many digits before it', new Int32(), 1000, 'decimal(5,2)'],
    ['a fraction of a decimal for an integer', new Decimal(1, 5, 128), words(125n), 'int32'],
    ['a list of another length for a vector', new Utf8(), '[1]', 'float32[2]'],
    ['a time beyond nanoseconds', new DateDay(), new Date('2400-01-01'), 'timestamp[ns]'],
  ])('refuses %s, naming the row, or makes it null', (_, from, value, to) => {
    const batch = batchOf({ x: [from, [null, value]] });
    const error = expectError('CORRUPT_INPUT', () => emitted(cast({ columns: { x: to } }), [batch]), {
      column: 'x',
      row: 1,
    });
    expect(error.message).toContain(`expected ${to}`);
    expect(castTexts(from, [null, value], to, 'null')).toEqual([null, null]);
  });

  it.each<[string, DataType, unknown, CastType]>([
    ['lists', new List(new Field('item', new Int32(), true)), [1], 'int32'],
    ['truth values', new Bool(), true, 'date'],
    ['floats', new Float64(), 1, 'timestamp'],
    ['nanoseconds', new TimestampNanosecond(), 1, 'float64'],
  ])('knows no way from %s, and says so', (_, from, value, to) => {
    const batch = batchOf({ x: [from, [value]] });
    expectError('COLUMN_TYPE', () => emitted(cast({ columns: { x: to } }), [batch]), { column: 'x' });
  });

  it.each(['int', 'timestamp[h]', 'decimal(39)', 'decimal(3,4)', 'float32[0]', 7])(
    'refuses type %s at the call',
    (type) => {
      expectError('OPTION_RANGE', () => cast({ columns: { x: type as CastType } }));
      expectError('OPTION_RANGE', () => cast({ columns: { x: 'int8' }, onError: 'skip' as never }));
    },
  );

  it('makes of numbers what DuckDB makes of those that fit', async () => {
    const types = {
      int8: 'tinyint',
      int32: 'integer',
      uint16: 'usmallint',
      int64: 'bigint',
      float32: 'float',
    } as const;
    const numbers = fc.oneof(
      fc.integer({ min: -300, max: 70_000 }),
      fc.integer(),
      fc.constantFrom(null, 0, 2 ** 40, 1e12),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(numbers, { minLength: 1, maxLength: 50 }), async (values) => {
        const batch = batchOf({ x: [new Float64(), values] });
        for (const [type, sql] of Object.entries(types)) {
          // What a float32 rounds, DuckDB rounds as well.
          const [expected] = await askDuckdb([batch], `select try_cast(x as ${sql}) as x from t`);
          const got = emitted(cast({ columns: { x: type as CastType }, onError: 'null' }), [batch]);
          expect(plainRows(got), type).toEqual(plainRows([expected!]));
        }
      }),
      campaign(0.5),
    );
  });
});
