/**
 * PostgreSQL as a source: types, keys, positions, what is refused, and what is not told.
 */
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { postgres } from '../../sources/index.js';
import { DataflowError } from '../../src/errors.js';
import type { Source } from '../../src/source.js';
import { POSTGRES_URL, postgresScratch, withoutPostgres } from '../support/postgres.js';
import { cells, expectResumable, readAll, rowsOf } from './helpers.js';

const connection = POSTGRES_URL;

async function refusal(source: Source): Promise<DataflowError> {
  const error = await readAll(source).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(DataflowError);
  return error as DataflowError;
}

describe.skipIf(withoutPostgres)('postgres', async () => {
  const { schema, query } = withoutPostgres
    ? { schema: '', query: async () => [] }
    : await postgresScratch('source');
  const of = (sql: string, options = {}) => postgres(sql, { key: 'id', connection, ...options });
  const one = async (sql: string, options = {}) => {
    const [sourced] = await readAll(of(`select 1 as id, ${sql} as x`, options));
    const vector = sourced!.batch.getChild('x')!;
    return { type: String(vector.type), value: vector.get(0), cell: cells([sourced!.batch])[0]!.slice(4) };
  };

  it('reads a table by its name in batches of one size, in the order of the key', async () => {
    await query('create table plain (id bigint primary key, "Odd ""name"" " text)');
    await query(`insert into plain select i, 'row ' || i from generate_series(1, 10) i order by random()`);
    const source = postgres({ table: [schema, 'plain'] }, { key: 'id', connection, batchRows: 4 });
    const all = await readAll(source);
    expect(all.map(({ batch }) => batch.numRows)).toEqual([4, 4, 2]);
    expect(all.map(({ next }) => next)).toEqual([{ key: '4' }, { key: '8' }, { key: '10' }]);
    expect(cells(all.map(({ batch }) => batch))[9]).toBe('10 | row 10');
    await expectResumable(source);
    const names = { table: [schema, 'plain'], columns: ['Odd "name" ', 'id'] } as const;
    expect((await rowsOf(postgres(names, { key: 'id', connection })))[0]).toBe('row 1 | 1');
  });

  it('gives every common type its Arrow type and every value exactly', async () => {
    const expected: [string, string, string][] = [
      ['true', 'Bool', 'true'],
      ['(-32768)::int2', 'Int16', '-32768'],
      ['(-2147483648)::int4', 'Int32', '-2147483648'],
      ['9223372036854775807::int8', 'Int64', '9223372036854775807'],
      ['4294967295::oid', 'Uint32', '4294967295'],
      ['0.1::float4', 'Float32', String(Math.fround(0.1))],
      ["'-Infinity'::float8", 'Float64', '-Infinity'],
      ["'-0'::float8", 'Float64', '-0'],
      ['5e-324::float8', 'Float64', '5e-324'],
      ["'a\"b\\\n, ü€😀'::text", 'Utf8', 'a"b\\\n, ü€😀'],
      ["'x'::char(3)", 'Utf8', 'x  '],
      ['\'{"a": 1}\'::json', 'Utf8', '{"a": 1}'],
      ["'6f1c2d3e-0000-4000-8000-00000000000a'::uuid", 'Utf8', '6f1c2d3e-0000-4000-8000-00000000000a'],
      ["'\\x00ff7f'::bytea", 'Binary', '[0,255,127]'],
      ["'1.5'::numeric(5, 2)::text::numeric(5,2)::text", 'Utf8', '1.50'],
      ["'{1,null,-3}'::int4[]", 'List<Int32>', '[1,null,-3]'],
      [`array['a,b', '"q"', null, 'NULL', '\\', '']`, 'List<Utf8>', '[a,b,"q",null,NULL,\\,]'],
      ["'{}'::float8[]", 'List<Float64>', '[]'],
      ["'{t,f}'::bool[]", 'List<Bool>', '[true,false]'],
      ['null::int4[]', 'List<Int32>', 'null'],
    ];
    for (const [sql, type, value] of expected) {
      const got = await one(sql);
      expect([sql, got.type, got.cell]).toEqual([sql, type, value]);
    }
  });

  it('reads dates and times to the microsecond, before 1970 and before our era', async () => {
    const count = async (sql: string) => {
      const [sourced] = await readAll(of(`select 1 as id, ${sql} as x`));
      const { data, type } = sourced!.batch.getChild('x')!;
      return `${type} ${data[0]!.values[0]}`;
    };
    expect(await count("'1969-12-31'::date")).toBe('Date32<DAY> -1');
    expect(await count("'0044-03-15 BC'::date")).toBe('Date32<DAY> -735160');
    expect(await count("'1969-12-31 23:59:59.999999'::timestamp")).toBe('Timestamp<MICROSECOND> -1');
    expect(await count("'2024-02-29 12:00:00.5+02'::timestamptz")).toBe(
      'Timestamp<MICROSECOND, UTC> 1709200800500000',
    );
    expect(await count("'12345-01-01'::timestamp")).toBe('Timestamp<MICROSECOND> 327403382400000000');
    expect(await count("'23:59:59.000001'::time")).toBe('Time64<MICROSECOND> 86399000001');
  });

  it('reads numeric exactly up to 76 digits, or as asked', async () => {
    const words = async (sql: string) => {
      const [sourced] = await readAll(of(`select 1 as id, ${sql} as x`));
      const vector = sourced!.batch.getChild('x')!;
      let count = 0n;
      for (const word of [...(vector.get(0) as Uint32Array)].reverse()) count = (count << 32n) | BigInt(word);
      const { bitWidth, scale } = vector.type;
      return `${BigInt.asIntN(bitWidth, count)}/${scale}/${bitWidth}`;
    };
    expect(await words('(-1.5)::numeric(5, 2)')).toBe('-150/2/128');
    expect(await words(`${'9'.repeat(38)}::numeric(38)`)).toBe(`${'9'.repeat(38)}/0/128`);
    expect(await words(`'-${'9'.repeat(76)}'::numeric(76)`)).toBe(`-${'9'.repeat(76)}/0/256`);
    expect(await words('1200::numeric(2, -2)')).toBe('12/-2/128');
    expect((await one('0.1::numeric', { numeric: 'float64' })).value).toBe(0.1);
    expect((await one('0.10::numeric', { numeric: 'utf8' })).value).toBe('0.10');
    expect((await refusal(of('select 1 as id, 0.1::numeric as x'))).message).toMatch(
      /^postgres: type of column 'x', expected .*, got numeric\. Cast it/,
    );
    expect((await refusal(of("select 1 as id, 'NaN'::numeric(5, 2) as x"))).code).toBe('CORRUPT_INPUT');
  });

  it('reads enums and domains as what they are, arrays of them too', async () => {
    await query("create type mood as enum ('glad', 'sad'); create domain positive as int4 check (value > 0)");
    expect(await one(`'sad'::${schema}.mood`)).toMatchObject({ type: 'Utf8', value: 'sad' });
    expect(await one(`'{sad,glad}'::${schema}.mood[]`)).toMatchObject({
      type: 'List<Utf8>',
      cell: '[sad,glad]',
    });
    expect(await one(`5::${schema}.positive`)).toMatchObject({ type: 'Int32', value: 5 });
  });

  it('takes types from option schema, vectors above all', async () => {
    const vector = await one("'{1,2.5,-3}'::float8[]", { schema: { x: 'float32[3]' } });
    expect(vector).toMatchObject({ type: 'FixedSizeList[3]<Float32>', cell: '[1,2.5,-3]' });
    expect(await one("'12'::text", { schema: { x: 'int64' } })).toMatchObject({ type: 'Int64', value: 12n });
    expect(await one('true', { schema: { x: 'bool' } })).toMatchObject({ value: true });
    expect(await one("'{1,2}'::int4[]", { schema: { x: 'list<float64>' } })).toMatchObject({ cell: '[1,2]' });
    const wrong = await refusal(
      of("select 1 as id, '{1,2}'::float8[] as x", { schema: { x: 'float32[3]' } }),
    );
    expect(wrong).toMatchObject({ code: 'CORRUPT_INPUT', at: { column: 'x', row: 0 } });
    expect((await refusal(of('select 1 as id', { schema: { y: 'utf8' } }))).code).toBe('OPTION_RANGE');
  });

  it('refuses by name what Arrow has no type for', async () => {
    for (const [sql, type] of [
      ["interval '1 day'", 'interval'],
      ["'(1,2)'::point", 'point'],
      ["'[1,5)'::int4range", 'int4range'],
      ['row(1, 2)', 'record'],
    ]) {
      const error = await refusal(of(`select 1 as id, ${sql} as x`));
      expect(error.code).toBe('COLUMN_TYPE');
      expect(error.message).toContain(`got ${type}. Cast it`);
    }
    for (const value of ["'infinity'::timestamp", "'-infinity'::date", "'{{1,2},{3,4}}'::int4[]"]) {
      expect(await refusal(of(`select 1 as id, ${value} as x`))).toMatchObject({
        code: 'CORRUPT_INPUT',
        at: { column: 'x', row: 0 },
      });
    }
  });

  it('reads on behind keys of every kind that it takes', async () => {
    for (const key of [
      'i::int2',
      'i::int8',
      'i::numeric(6, 2)',
      "'k' || i",
      'md5(i::text)::uuid',
      "'2024-01-01'::date + i",
      "'2024-01-01'::timestamptz + i * interval '1 microsecond'",
    ]) {
      await expectResumable(of(`select ${key} as id, i from generate_series(1, 12) i; `, { batchRows: 5 }));
    }
  });

  it('refuses keys that are null, repeated, missing or of a type that has no exact order', async () => {
    const nulls = await refusal(of('select nullif(i, 3) as id from generate_series(1, 3) i'));
    expect(nulls).toMatchObject({ code: 'CORRUPT_INPUT', at: { column: 'id', row: 2 } });
    const twice = await refusal(of('select i / 2 as id from generate_series(1, 4) i', { batchRows: 2 }));
    expect(twice.message).toContain("key 'id' in row 0 of the batch, expected a key behind '1', got '1'");
    expect((await refusal(of("select 'a' as id from generate_series(1, 2)"))).code).toBe('CORRUPT_INPUT');
    expect((await refusal(of('select 0.5::float8 as id'))).code).toBe('OPTION_RANGE');
    const missing = await refusal(of('select 1 as other'));
    expect(missing).toMatchObject({ code: 'SOURCE_FAILED' });
    expect(missing.message).toContain('"id" does not exist');
  });

  it('tells its columns where there is no row', async () => {
    const [only, ...more] = await readAll(of('select 1 as id, true as x where false'));
    expect(more).toEqual([]);
    expect(only!.batch.numRows).toBe(0);
    expect(only!.batch.schema.names).toEqual(['id', 'x']);
    expect(await readAll(of('select 1 as id'), only!.next)).toHaveLength(1);
    expect(await readAll(of('select 1 as id'), { key: '1' })).toEqual([]);
  });

  it('follows a table that grows, until it is told to stop', async () => {
    await query('create table growing (id serial primary key)');
    await query('insert into growing default values');
    const stop = new AbortController();
    const source = postgres(
      { table: [schema, 'growing'] },
      { key: 'id', connection, follow: { pollMs: 10 } },
    );
    const seen: string[] = [];
    await expect(async () => {
      for await (const { batch } of source.read(undefined, stop.signal)) {
        seen.push(...cells([batch]));
        if (seen.length === 3) stop.abort(new Error('enough'));
        else await query('insert into growing default values');
      }
    }).rejects.toThrow('enough');
    expect(seen).toEqual(['1', '2', '3']);
  });

  it('takes names literally, however they are spelled', async () => {
    const evil = 'id"; drop table victim; --';
    await query('create table victim (id int)');
    await query(`create table "t""; drop table victim; --" ("${evil.replaceAll('"', '""')}" int, id int)`);
    await query(`insert into "t""; drop table victim; --" values (1, 2)`);
    const table = [schema, 't"; drop table victim; --'] as const;
    const source = postgres({ table, columns: [evil] }, { key: evil, connection });
    expect(await rowsOf(source)).toEqual(['1']);
    expect(await rowsOf(source, { key: "1'; drop table victim; --" }).catch((e) => e.code)).toBe(
      'SOURCE_FAILED',
    );
    expect(await query('select * from victim')).toEqual([]);
  });

  it('never tells a password', async () => {
    const secret = 'hush@!"x';
    const url = new URL(POSTGRES_URL);
    const sources = [
      postgres('select 1 as id', {
        key: 'id',
        connection: `postgres://root:${encodeURIComponent(secret)}@127.0.0.1:1/test`,
        retry: { retries: 0 },
      }),
      postgres('select 1 as id', {
        key: 'id',
        connection: { host: url.hostname, port: Number(url.port), user: 'nobody', password: secret },
        retry: { retries: 0 },
      }),
      postgres('select 1 as id', {
        key: 'id',
        connection: `postgres://root:${secret}@:x/`,
        retry: { retries: 0 },
      }),
    ];
    for (const source of sources) {
      const error = await refusal(source);
      expect(error.code).toBe('SOURCE_FAILED');
      for (const told of [
        inspect(source, { depth: 9 }),
        inspect(error, { depth: 9, showHidden: true }),
        error.stack,
      ]) {
        expect(told).not.toContain(secret);
        expect(told).not.toContain(encodeURIComponent(secret));
      }
    }
  });

  it('checks its options where it is called', () => {
    for (const options of [
      {},
      { key: '' },
      { key: 'a\0b' },
      { key: 'id', batchRows: 0 },
      { key: 'id', follow: { pollMs: 0 } },
      { key: 'id', numeric: 'float' },
      { key: 'id', connection: 5 },
      { key: 'id', retry: { retries: -1 } },
      { key: 'id', unheard: 1 },
    ]) {
      expect(() => postgres('select 1 as id', options as never)).toThrow(/^postgres: option /);
    }
  });
});
