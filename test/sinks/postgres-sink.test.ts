/**
 * PostgreSQL as a sink: values, transactions, the token, and what is refused.
 */
import { inspect } from 'node:util';
import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  Decimal,
  Dictionary,
  DurationSecond,
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  List,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  TimeMicrosecond,
  TimestampMicrosecond,
  TimestampNanosecond,
  Uint64,
  Utf8,
  Vector,
  vectorFromArray,
} from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { type PostgresSinkOptions, postgresSink } from '../../sinks/index.js';
import { postgres } from '../../sources/index.js';
import { DataflowError } from '../../src/errors.js';
import { cells, readAll, writeAll } from '../sources/helpers.js';
import { POSTGRES_URL, postgresScratch, withoutPostgres } from '../support/postgres.js';
import { numbers, transactionalLaws } from '../support/transactional-laws.js';

const connection = POSTGRES_URL;

/** A batch of columns by name; in them `id` counts the rows. */
function batchOf(columns: Record<string, readonly [DataType, readonly unknown[]]>): RecordBatch {
  const rows = Object.values(columns)[0]![1].length;
  const ids = vectorFromArray(
    Array.from({ length: rows }, (_, i) => i),
    new Int32(),
  );
  const made = Object.entries(columns).map(([name, [type, values]]) => [name, vectorFromArray(values, type)]);
  return new Table(Object.fromEntries([['id', ids], ...made])).batches[0]!;
}

/** A column of what Arrow counts. */
const counts = (type: DataType, ...values: bigint[]) =>
  new Vector([makeData({ type, length: values.length, data: BigInt64Array.from(values) } as never)]);

const failure = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: DataflowError) => error,
  );

describe.skipIf(withoutPostgres)('postgresSink', async () => {
  const { schema, query } = withoutPostgres
    ? { schema: '', query: async () => [] }
    : await postgresScratch('sink');
  const sinkTo = (table: string, options: Partial<PostgresSinkOptions> = {}) =>
    postgresSink({ table: [schema, table], connection, create: true, ...options });
  const ns = async (table: string) =>
    (await query(`select n from ${table} order by n`)).map(({ n }) => Number(n));

  it('gives back every value of every type that it makes a column for, nulls among them', async () => {
    const item = (type: DataType) => new Field('item', type, true);
    const batch = batchOf({
      bool: [new Bool(), [true, null, false]],
      int8: [new Int8(), [-128, null, 127]],
      int16: [new Int16(), [-32768, null, 32767]],
      int32: [new Int32(), [-(2 ** 31), null, 2 ** 31 - 1]],
      int64: [new Int64(), [-(2n ** 63n), null, 2n ** 63n - 1n]],
      float32: [new Float32(), [Number.NaN, null, 0.1]],
      float64: [new Float64(), [-0, null, 5e-324]],
      utf8: [new Utf8(), ['\\N', null, 'a\tb\nc\r\\"ü€😀']],
      binary: [new Binary(), [Uint8Array.of(0, 255, 92), null, Uint8Array.of()]],
      date: [new DateDay(), [new Date('1969-12-31'), null, new Date('2024-02-29')]],
      time: [new TimeMicrosecond(), [0n, null, 86_399_999_999n]],
      list: [new List(item(new Float64())), [[1.5, null], null, []]],
      texts: [new List(item(new Utf8())), [['a"b', '\\', 'NULL', ''], null, ['{}']]],
      dictionary: [new Dictionary(new Utf8(), new Int32()), ['x', null, 'y']],
    });
    await writeAll(sinkTo('every'), [batch]);
    const [back] = await readAll(postgres({ table: [schema, 'every'] }, { key: 'id', connection }));
    expect(cells([back!.batch])).toEqual(cells([batch]));
    const types = back!.batch.schema.fields.map(({ name, type }) => `${name} ${type}`);
    expect(types).toContain('list List<Float64>');
    expect(types).toContain('time Time64<MICROSECOND>');
  });

  it('writes timestamps, decimals, vectors, unsigned and nested values with all their digits', async () => {
    const struct = new Struct([new Field('a', new Int64(), true), new Field('b', new Utf8(), true)]);
    const fields = {
      stamp: counts(new TimestampMicrosecond(), -1n, 1_709_200_800_500_001n),
      zoned: counts(new TimestampNanosecond('UTC'), -1000n, 1_709_200_800_500_001_000n),
      big: vectorFromArray([0n, 2n ** 64n - 1n], new Uint64()),
      vector: vectorFromArray(
        [
          [1, 2.5],
          [-3, 0],
        ],
        new FixedSizeList(2, new Field('item', new Float32())),
      ),
      nested: vectorFromArray([{ a: 2n ** 62n, b: 'x"y' }, null], struct),
      money: vectorFromArray([new Uint32Array([150, 0, 0, 0]), null], new Decimal(2, 30, 128)),
    };
    await writeAll(sinkTo('digits'), new Table(fields).batches);
    const [first, second] = await query(
      `select stamp::text, zoned at time zone 'UTC' as zoned, big::text, vector::text, nested::text, money::text from digits order by big`,
    );
    expect(first).toMatchObject({
      stamp: '1969-12-31 23:59:59.999999',
      big: '0',
      vector: '{1,2.5}',
      nested: '{"a":4611686018427387904,"b":"x\\"y"}',
      money: '1.50',
    });
    expect(second).toMatchObject({
      stamp: '2024-02-29 10:00:00.500001',
      big: '18446744073709551615',
      nested: null,
    });
    const fine = counts(new TimestampNanosecond(), 1n);
    const error = await failure(writeAll(sinkTo('fine'), new Table({ fine }).batches));
    expect(error).toMatchObject({ code: 'CORRUPT_INPUT', at: { column: 'fine', row: 0 } });
  });

  it("lets the server read values as the table's own types", async () => {
    await query('create table own (id bigint, n numeric(6, 2), u uuid, j jsonb, e text default $$d$$)');
    const batch = batchOf({
      n: [new Float64(), [1.25]],
      u: [new Utf8(), ['6F1C2D3E-0000-4000-8000-00000000000A']],
      j: [new List(new Field('item', new Int32(), true)), [[1, null]]],
    });
    await writeAll(sinkTo('own', { create: false }), [batch]);
    expect(await query('select n::text, u::text, j::text, e from own')).toEqual([
      { n: '1.25', u: '6f1c2d3e-0000-4000-8000-00000000000a', j: '[1, null]', e: 'd' },
    ]);
  });

  it('refuses types, columns and values that the table cannot take, and keeps nothing of the transaction', async () => {
    const duration = vectorFromArray([1n], new DurationSecond());
    expect(await failure(writeAll(sinkTo('refused'), new Table({ duration }).batches))).toMatchObject({
      code: 'COLUMN_TYPE',
      at: { column: 'duration' },
    });
    await query('create table small (n int2)');
    const sink = sinkTo('small', { create: false });
    expect((await failure(writeAll(sink, [numbers(0, 3), numbers(40_000, 40_001)])))!.code).toBe(
      'SINK_FAILED',
    );
    expect(await ns('small')).toEqual([0, 1, 2]);
    const [other] = new Table({ m: vectorFromArray([1], new Int32()) }).batches;
    expect((await failure(writeAll(sink, [other!])))!.message).toContain(
      "column 'm', expected a column of table",
    );
    const missing = await failure(writeAll(sinkTo('missing', { create: false }), [numbers(0, 1)]));
    expect(missing!.message).toContain('missing" does not exist');
    const zero = batchOf({ t: [new Utf8(), ['a\0b']] });
    expect((await failure(writeAll(sinkTo('zero'), [zero])))!.code).toBe('SINK_FAILED');
    expect((await failure(writeAll(sinkTo('changing'), [numbers(0, 1), other!])))!.code).toBe('COLUMN_TYPE');
  });

  const named = (name = 'chunkwise') => {
    const url = new URL(connection);
    url.searchParams.set('application_name', name);
    return `${url}`;
  };
  transactionalLaws({
    sinkTo: (table, options, name) => sinkTo(table, { ...options, connection: named(name && schema + name) }),
    rows: async (table) =>
      (await query(`select * from ${table} order by n`)).map((row) => Object.values(row).join(' ')),
    kill: async (name) => {
      const sql = 'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1';
      return (await query(sql, [schema + name])).length;
    },
  });

  it('takes names literally, however they are spelled', async () => {
    await query('create table victim (id int)');
    const evil = 'x" int); drop table victim; --';
    const table = 't"; drop table victim; --';
    const batch = new Table({ [evil]: vectorFromArray([7], new Int32()) }).batches[0]!;
    await writeAll(sinkTo(table), [batch]);
    const [row] = await query(`select * from "t""; drop table victim; --"`);
    expect(row).toEqual({ [evil]: 7 });
    await writeAll(sinkTo(`u${table}`, { mode: 'upsert', key: [evil] }), [batch]);
    expect(await query('select * from victim')).toEqual([]);
  });

  it('makes a table of a batch without rows', async () => {
    const empty = new RecordBatch(
      new Schema([new Field('n', new Int32(), true)]),
      numbers(0, 0).data.children[1] && undefined,
    );
    await writeAll(sinkTo('empty'), [empty]);
    expect(await ns('empty')).toEqual([]);
  });

  it('never tells a password, and checks its options where it is called', async () => {
    const secret = 'hush@!';
    const sink = postgresSink({
      table: 't',
      connection: `postgres://root:${encodeURIComponent(secret)}@127.0.0.1:1/test`,
      retry: { retries: 0 },
    });
    const error = await failure(writeAll(sink, [numbers(0, 1)]));
    expect(error).toBeInstanceOf(DataflowError);
    expect(error!.code).toBe('SINK_FAILED');
    expect(inspect([sink, error], { depth: 9, showHidden: true })).not.toContain('hush');
    for (const options of [
      {},
      { table: '' },
      { table: ['a', 'b\0'] },
      { table: 't', mode: 'upsert' },
      { table: 't', mode: 'replace' },
      { table: 't', commitRows: 0 },
      { table: 't', unheard: 1 },
    ]) {
      expect(() => postgresSink(options as never)).toThrow(/^postgresSink: option /);
    }
  });
});
