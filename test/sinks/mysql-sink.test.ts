/**
 * MySQL as a sink: values, transactions, the token, and what is refused.
 */
import { inspect } from 'node:util';
import {
  Binary,
  Bool,
  type DataType,
  DateDay,
  Decimal,
  DurationSecond,
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  makeData,
  Struct,
  Table,
  TimeMicrosecond,
  TimestampMicrosecond,
  TimestampNanosecond,
  Uint8,
  Uint64,
  Utf8,
  Vector,
  vectorFromArray,
} from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { type MysqlSinkOptions, mysqlSink } from '../../sinks/index.js';
import { mysql } from '../../sources/index.js';
import { cells, errorOf, readAll, writeAll } from '../sources/helpers.js';
import { mysqlScratch, withoutMysql } from '../support/mysql.js';
import { numbers, transactionalLaws } from '../support/transactional-laws.js';

/** A column of what Arrow counts. */
const counts = (type: DataType, ...values: bigint[]) =>
  new Vector([makeData({ type, length: values.length, data: BigInt64Array.from(values) } as never)]);
const ids = (count: number) =>
  vectorFromArray(
    Array.from({ length: count }, (_, i) => i),
    new Int32(),
  );

const nowhere = { database: '', url: '', query: async () => [] };

describe.skipIf(withoutMysql)('mysqlSink', async () => {
  const { database, url: connection, query } = withoutMysql ? nowhere : await mysqlScratch('sink');
  // A default database of their own tells connections apart.
  const named = withoutMysql ? nowhere : await mysqlScratch('named');
  const sinkTo = (table: string, options: Partial<MysqlSinkOptions> = {}) =>
    mysqlSink({ table: [database, table], connection, create: true, ...options });

  it('gives back every value of every type that it makes a column for, nulls among them', async () => {
    const columns: Record<string, readonly [DataType, readonly unknown[]]> = {
      bool: [new Bool(), [true, null, false]],
      int8: [new Int8(), [-128, null, 127]],
      uint8: [new Uint8(), [0, null, 255]],
      int16: [new Int16(), [-32768, null, 32767]],
      int32: [new Int32(), [-(2 ** 31), null, 2 ** 31 - 1]],
      int64: [new Int64(), [-(2n ** 63n), null, 2n ** 63n - 1n]],
      uint64: [new Uint64(), [0n, null, 2n ** 64n - 1n]],
      float32: [new Float32(), [-3.4028234663852886e38, null, 0.1]],
      float64: [new Float64(), [0.1, null, 5e-324]],
      utf8: [new Utf8(), ['\\N \0 \x1a', null, `a\tb\nc\r\\"'ü€😀`]],
      binary: [new Binary(), [Uint8Array.of(0, 255, 92, 39), null, Uint8Array.of()]],
      date: [new DateDay(), [new Date('1001-12-31'), null, new Date('2024-02-29')]],
      time: [new TimeMicrosecond(), [0n, null, 86_399_999_999n]],
    };
    const made = Object.entries(columns).map(([name, [type, values]]) => [
      name,
      vectorFromArray(values, type),
    ]);
    const [batch] = new Table({ id: ids(3), ...Object.fromEntries(made) }).batches;
    await writeAll(sinkTo('every'), [batch!]);
    const [back] = await readAll(mysql({ table: [database, 'every'] }, { key: 'id', connection }));
    expect(cells([back!.batch])).toEqual(cells([batch!]));
    const types = (of: typeof batch) => of!.schema.fields.map(({ name, type }) => `${name} ${type}`);
    expect(types(back!.batch)).toEqual(types(batch));
  });

  it('writes timestamps, decimals and nested values with all their digits', async () => {
    const struct = new Struct([new Field('a', new Int64(), true), new Field('b', new Utf8(), true)]);
    const fields = {
      id: ids(2),
      stamp: counts(new TimestampMicrosecond(), -1n, 1_709_200_800_500_001n),
      zoned: counts(new TimestampNanosecond('UTC'), -1000n, 1_709_200_800_500_001_000n),
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
    expect(
      await query(
        'select id, stamp, zoned, concat(vector) as vector, concat(nested) as nested, money from digits order by id',
      ),
    ).toEqual([
      {
        id: 0,
        stamp: '1969-12-31 23:59:59.999999',
        zoned: '1969-12-31 23:59:59.999999',
        vector: '[1,2.5]',
        nested: '{"a":4611686018427387904,"b":"x\\"y"}',
        money: '1.50',
      },
      {
        id: 1,
        stamp: '2024-02-29 10:00:00.500001',
        zoned: '2024-02-29 10:00:00.500001',
        vector: '[-3,0]',
        nested: null,
        money: null,
      },
    ]);
    const source = mysql(
      { table: [database, 'digits'] },
      { key: 'id', connection, schema: { vector: 'float32[2]' } },
    );
    const [back] = await readAll(source);
    expect(String(back!.batch.getChild('vector')!.type)).toBe('FixedSizeList[2]<Float32>');
  });

  it('refuses types, columns and values that the table cannot take, and keeps nothing of the transaction', async () => {
    const duration = vectorFromArray([1n], new DurationSecond());
    const typed = await errorOf(writeAll(sinkTo('refused'), new Table({ duration }).batches));
    expect(typed).toMatchObject({ code: 'COLUMN_TYPE', at: { column: 'duration' } });
    for (const x of [
      vectorFromArray([1, Number.NaN], new Float64()),
      vectorFromArray([1, Number.NEGATIVE_INFINITY], new Float32()),
      counts(new TimestampNanosecond(), 0n, 1n),
    ]) {
      const error = await errorOf(
        writeAll(sinkTo(`value_${String(x.type).length}`), new Table({ x }).batches),
      );
      expect(error).toMatchObject({ code: 'CORRUPT_INPUT', at: { column: 'x', row: 1 } });
    }
    await query('create table small (n smallint)');
    const sink = sinkTo('small', { create: false });
    expect((await errorOf(writeAll(sink, [numbers(0, 3), numbers(39_999, 40_001)]))).code).toBe(
      'SINK_FAILED',
    );
    expect(await query('select n from small order by n')).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }]);
    const [other] = new Table({ m: ids(1) }).batches;
    expect((await errorOf(writeAll(sink, [other!]))).message).toContain(
      "column 'm', expected a column of table",
    );
    const missing = await errorOf(writeAll(sinkTo('missing', { create: false }), [numbers(0, 1)]));
    expect(missing.message).toContain("missing' doesn't exist");
    await query('create table plain (n int) engine = myisam');
    const engine = await errorOf(writeAll(sinkTo('plain', { create: false }), [numbers(0, 1)]));
    expect(engine.message).toContain('expected one with transactions, got MyISAM');
  });

  it('cuts a batch into statements that a server takes, with rows in their order', async () => {
    const long = vectorFromArray(
      Array.from({ length: 40 }, (_, i) => `${i}:`.padEnd(100_000, "'\\")),
      new Utf8(),
    );
    const [batch] = new Table({ id: ids(40), long }).batches;
    await writeAll(sinkTo('statements'), [batch!]);
    const back = await readAll(
      mysql({ table: [database, 'statements'] }, { key: 'id', connection, batchRows: 7 }),
    );
    expect(cells(back.map(({ batch }) => batch))).toEqual(cells([batch!]));
  });

  transactionalLaws({
    sinkTo: (table, options, name) =>
      sinkTo(table, { ...options, connection: name === undefined ? connection : named.url }),
    rows: async (table) =>
      (await query(`select * from ${table} order by n`)).map((row) => Object.values(row).join(' ')),
    kill: async () => {
      const sql = 'select id from information_schema.processlist where db = ? and id <> ?';
      const [own] = await named.query('select connection_id() as id');
      const found = await query(sql, [named.database, own!.id]);
      for (const { id } of found) await query(`kill connection ${id}`);
      return found.length;
    },
  });

  it('takes names literally, however they are spelled', async () => {
    await query('create table victim (id int)');
    const evil = 'x` int); drop table victim; -- ';
    const table = 't`; drop table victim; --';
    const [batch] = new Table({ [`${evil}.`]: vectorFromArray([7], new Int32()) }).batches;
    await writeAll(sinkTo(table), [batch!]);
    expect(await query('select * from `t``; drop table victim; --`')).toEqual([{ [`${evil}.`]: 7 }]);
    const [text] = new Table({ id: vectorFromArray(["\\'; drop table victim; -- "], new Utf8()) }).batches;
    await writeAll(sinkTo('texts'), [text!]);
    expect(await query('select * from texts')).toEqual([{ id: "\\'; drop table victim; -- " }]);
    expect(await query('select * from victim')).toEqual([]);
  });

  it('never tells a password, and checks its options where it is called', async () => {
    const sink = mysqlSink({
      table: 't',
      connection: 'mysql://root:hush%40@127.0.0.1:1/test',
      retry: { retries: 0 },
    });
    const error = await errorOf(writeAll(sink, [numbers(0, 1)]));
    expect(error.code).toBe('SINK_FAILED');
    expect(inspect([sink, error], { depth: 9, showHidden: true })).not.toContain('hush');
    for (const options of [{}, { table: '' }, { table: 't', mode: 'upsert' }, { table: 't', unheard: 1 }]) {
      expect(() => mysqlSink(options as never)).toThrow(/^mysqlSink: option /);
    }
  });
});
