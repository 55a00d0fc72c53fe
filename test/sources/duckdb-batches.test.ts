import type { DuckDBConnection } from '@duckdb/node-api';
import {
  Data,
  DataType,
  Decimal,
  Dictionary,
  Field,
  Float64,
  Int16,
  Int32,
  LargeUtf8,
  List,
  Map_,
  Null,
  type RecordBatch,
  Schema,
  Struct,
  Timestamp,
  TimestampMicrosecond,
  TimestampNanosecond,
  TimeUnit,
  Uint8,
  Uint16,
  Union,
  UnionMode,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Duckdb, loadDuckdb } from '../../sources/duckdb.js';
import { appendBatch, duckdbColumns } from '../../sources/duckdb-appender.js';
import { duckdbBatches } from '../../sources/duckdb-batches.js';
import { newBatch } from '../../src/columns.js';
import { builtBatch, columnOf, kindNames, plainRows } from '../support/arrow-columns.js';
import { expectError } from '../support/errors.js';
import { campaign } from '../support/property.js';

let duckdb: Duckdb;
let connection: DuckDBConnection;

beforeAll(async () => {
  duckdb = await loadDuckdb('test');
  connection = await (await duckdb.DuckDBInstance.create(':memory:', { threads: '1' })).connect();
});
afterAll(() => connection.closeSync());

async function append(batches: readonly RecordBatch[]): Promise<void> {
  await connection.run(`create or replace table t (${duckdbColumns(duckdb, 'test', batches[0]!.schema)})`);
  const appender = await connection.createAppender('t');
  for (const batch of batches) appendBatch(duckdb, 'test', appender, batch);
  appender.closeSync();
}

async function query(sql: string, batchRows = 4096): Promise<RecordBatch[]> {
  const batches: RecordBatch[] = [];
  for await (const batch of duckdbBatches(duckdb, 'test', await connection.stream(sql), batchRows))
    batches.push(batch);
  return batches;
}

const oneColumn = (type: DataType, values: readonly unknown[], name = 'x'): RecordBatch =>
  newBatch(new Schema([new Field(name, type, true)]), values.length, [
    vectorFromArray(values, type).data[0]!,
  ]);

/** Kinds whose values come back as they went in, in a type that may say less. */
const exact = kindNames.filter((kind) => kind !== 'decimal' && kind !== 'duration');

describe('batches into DuckDB and back', () => {
  it.each(exact)('keeps every value of %s, over chunks and slices, with nulls', async (kind) => {
    await fc.assert(
      fc.asyncProperty(columnOf(kind, 2100), fc.integer({ min: 0, max: 90 }), async (column, from) => {
        const whole = builtBatch([column], 0, 2100);
        await append([whole.slice(0, from), whole.slice(from, 2100)]);
        const back = await query('select * from t', 1000);
        expect(back.map(({ numRows }) => numRows)).toEqual([1000, 1000, 100]);
        expect(plainRows(back)).toEqual(plainRows([whole]));
      }),
      campaign(0.25),
    );
  });

  it.each([
    [4, 2],
    [9, 0],
    [18, 5],
    [30, 2],
    [38, 10],
  ])('keeps decimals of %i digits, %i behind the point', async (precision, scale) => {
    const most = 10n ** BigInt(precision) - 1n;
    const values = [most, -most, 0n, null, 1n, -1n];
    const words = (value: bigint) =>
      Uint32Array.from([0n, 32n, 64n, 96n], (shift) => Number(BigInt.asUintN(32, value >> shift)));
    const batch = oneColumn(
      new Decimal(scale, precision, 128),
      values.map((value) => (value === null ? null : words(value))),
    );
    await append([batch]);
    expect(plainRows(await query('select * from t'))).toEqual(plainRows([batch]));
    const text = await query('select x::varchar from t where x is not null');
    const digits = (value: bigint) => Number(value) / 10 ** scale;
    expect(plainRows(text).map(([cell]) => Number(cell))).toEqual(
      values.filter((value) => value !== null).map((value) => digits(value)),
    );
  });

  it('keeps lists of lists, maps and structs, with nulls at each level', async () => {
    const lists = new List(new Field('item', new List(new Field('item', new Utf8(), true)), true));
    const entry = new Struct([new Field('key', new Utf8(), false), new Field('value', new Int32(), true)]);
    const maps = new Map_(new Field('entries', entry as never, false));
    const nested = new Struct([new Field('list', new List(new Field('item', new Float64(), true)), true)]);
    const long = 'a text of more than twelve bytes';
    const columns: [DataType, unknown[]][] = [
      [lists, [[['a', null], null, []], null, [], [[long, long], [long]]]],
      [
        maps,
        [
          new Map([['a', 1]]),
          null,
          new Map(),
          new Map([
            [long, null],
            ['c', 3],
          ] as never),
        ],
      ],
      [nested, [{ list: [1, null] }, null, { list: null }, { list: [] }]],
    ];
    for (const [type, values] of columns) {
      const batch = oneColumn(type, values);
      await append([batch]);
      const text = (batches: readonly RecordBatch[]) => JSON.stringify(batches.flatMap((b) => b.toArray()));
      expect(text(await query('select * from t'))).toBe(text([batch]));
    }
  });

  it('gives a struct that is null no values inside', async () => {
    await append([oneColumn(new Struct([new Field('a', new Int32(), true)]), [{ a: 1 }, null])]);
    expect(plainRows(await query('select x.a from t'))).toEqual([[1], [null]]);
  });

  it('takes large text, a column of nulls, dictionaries of any index and times with a zone', async () => {
    const long = 'π is longer than twelve bytes';
    await append([oneColumn(new LargeUtf8(), ['a', null, long])]);
    expect(plainRows(await query('select * from t'))).toEqual([['a'], [null], [long]]);
    await append([oneColumn(new Null(), [null, null])]);
    expect(plainRows(await query('select * from t'))).toEqual([[null], [null]]);
    for (const index of [new Uint8(), new Int16(), new Uint16()]) {
      await append([oneColumn(new Dictionary(new Utf8(), index), ['b', null, 'a', 'b'])]);
      expect(plainRows(await query('select * from t'))).toEqual([['b'], [null], ['a'], ['b']]);
    }
    await append([oneColumn(new Timestamp(TimeUnit.SECOND, 'Europe/Berlin'), [0, 86_400_000])]);
    const [zoned] = await query('select * from t');
    expect(String(zoned!.schema.fields[0]!.type)).toBe(String(new TimestampMicrosecond('UTC')));
    expect(Array.from(zoned!.getChildAt(0)!.data[0]!.values)).toEqual([0n, 86_400_000_000n]);
  });

  it.each([
    ['nanoseconds in a zone', new TimestampNanosecond('UTC'), BigInt64Array.of(1n)],
    ['text that is no UTF-8', new Utf8(), Uint8Array.of(255)],
    ['a decimal of too many digits', new Decimal(0, 4, 128), Uint32Array.of(10_000, 0, 0, 0)],
  ])('refuses %s, by row', async (_, type, values) => {
    await append([oneColumn(new Int32(), [1])]);
    const offsets = DataType.isUtf8(type) ? Int32Array.of(0, 1) : undefined;
    const data = new Data(type, 0, 1, 0, [offsets, values, new Uint8Array(0)] as never);
    const batch = newBatch(new Schema([new Field('x', type, true)]), 1, [data]);
    const appender = await connection.createAppender('t');
    expectError('CORRUPT_INPUT', () => appendBatch(duckdb, 'test', appender, batch), { column: 'x' });
    appender.closeSync();
  });

  it.each([
    ['unions', new Union(UnionMode.Sparse, [0], [new Field('a', new Int32(), true)])],
    ['decimals of 256 bits', new Decimal(0, 50, 256)],
  ])('refuses %s by name', (_, type) => {
    const schema = new Schema([new Field('x', type, true)]);
    expectError('COLUMN_TYPE', () => duckdbColumns(duckdb, 'test', schema), { column: 'x' });
  });
});

describe('results of DuckDB', () => {
  it.each([
    ['boolean', 'true'],
    ['tinyint', '-128'],
    ['smallint', '-32768'],
    ['integer', '-2147483648'],
    ['bigint', '-9223372036854775808'],
    ['utinyint', '255'],
    ['usmallint', '65535'],
    ['uinteger', '4294967295'],
    ['ubigint', '18446744073709551615'],
    ['float', '1.5'],
    ['double', '1e300'],
    ['varchar', "'duck 🦆 that is longer than twelve bytes'"],
    ['varchar', "'duck'"],
    ['varchar', "''"],
    ['uuid', "'4ac7a9e9-607c-4c8a-84f3-843f0191e3fd'"],
    ['bit', "'010110'"],
    ['bignum', '123456789012345678901234567890123456789012345'],
  ])('has %s %s as it is', async (type, literal) => {
    const sql = `select x from (values ((${literal})::${type}), (null)) v(x)`;
    const expected = await (await connection.run(`select x::varchar from (${sql})`)).getColumns();
    const shown = (value: unknown) => (value === null ? null : String(value));
    const rows = plainRows(await query(sql)).map(([cell]) =>
      shown(typeof cell === 'string' ? cell.replace(/^(-?\d+)n$/, '$1') : cell),
    );
    expect(rows).toEqual(expected[0]!.map(shown));
  });

  it.each([
    ['date', "date '2012-01-31'", [15370]],
    ['time', "time '12:00:00.000001'", [43_200_000_001n]],
    ['timestamp_s', "timestamp_s '2012-01-31 00:00:01'", [1_327_968_001n]],
    ['timestamp_ms', "timestamp_ms '2012-01-31 00:00:01.002'", [1_327_968_001_002n]],
    ['timestamp', "timestamp '2012-01-31 00:00:01.000002'", [1_327_968_001_000_002n]],
    ['timestamp_ns', "timestamp_ns '2012-01-31 00:00:01.000000002'", [1_327_968_001_000_000_002n]],
    ['timestamptz', "timestamptz '2012-01-31 01:00:01+01'", [1_327_968_001_000_000n]],
    ['interval', "interval '14 months 3 days 0.5 seconds'", [14, 3, 500_000_000, 0]],
    ['hugeint', '-1::hugeint', [4294967295, 4294967295, 4294967295, 4294967295]],
    ['uhugeint', '(2::uhugeint ** 64)::uhugeint', [0, 0, 1, 0]],
    ['decimal(3,1)', '-12.5::decimal(3,1)', [4294967171, 4294967295, 4294967295, 4294967295]],
    ['decimal(18,2)', '-0.01::decimal(18,2)', [4294967295, 4294967295, 4294967295, 4294967295]],
  ])('counts %s as Arrow does', async (_, literal, values) => {
    const [batch] = await query(`select ${literal} as x`);
    expect(Array.from(batch!.getChildAt(0)!.data[0]!.values)).toEqual(values);
  });

  it('has an enum as a dictionary that all batches share, and as text inside of a list', async () => {
    const colour = "enum('red', 'green', 'blue')";
    const sql = `select (['red', 'blue'][1 + i % 2])::${colour} as x, [x] as list
      from (select * from range(3000) r(i)) union all select null, null`;
    const batches = await query(sql, 2000);
    expect(batches.map(({ numRows }) => numRows)).toEqual([2000, 1001]);
    expect(plainRows(batches).slice(0, 2)).toEqual([
      ['red', ['red']],
      ['blue', ['blue']],
    ]);
    expect(plainRows(batches).at(-1)).toEqual([null, null]);
  });

  it('reads lists whose elements lie in another order', async () => {
    const rows = plainRows(
      await query("select x from (values (1, ['a', 'b']), (2, null), (3, ['c'])) v(i, x) order by i desc"),
    );
    expect(rows).toEqual([[['c']], [null], [['a', 'b']]]);
  });

  it('gives a result without rows as a batch of none, with its columns', async () => {
    const [batch, ...more] = await query('select 1 as a, [1.5] as b where false');
    expect(more).toEqual([]);
    expect(batch!.numRows).toBe(0);
    expect(batch!.schema.names).toEqual(['a', 'b']);
  });

  it('tells columns of one name apart', async () => {
    const [batch] = await query('select 1 as a, 2 as a');
    expect(batch!.schema.names).toEqual(['a', 'a:1']);
  });

  it('refuses a number of more digits than a decimal has, and types that Arrow lacks', async () => {
    await expect(query("select '170141183460469231731687303715884105727'::hugeint as x")).rejects.toThrow(
      /column 'x' in row 0, expected an integer of at most 38 digits/,
    );
    await expect(query("select '12:00:00+01'::timetz as x")).rejects.toThrow(
      /column 'x', expected a type that Arrow holds, got TIME WITH TIME ZONE/,
    );
  });
});
