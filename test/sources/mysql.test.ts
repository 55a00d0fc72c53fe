/**
 * MySQL as a source: types, keys, positions, what is refused, and what is not told.
 */
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { mysql } from '../../sources/index.js';
import { mysqlScratch, withoutMysql } from '../support/mysql.js';
import { cells, errorOf, expectResumable, readAll, rowsOf } from './helpers.js';

const nowhere = { database: '', url: '', query: async () => [] };

describe.skipIf(withoutMysql)('mysql', async () => {
  const { database, url: connection, query } = withoutMysql ? nowhere : await mysqlScratch('source');
  const of = (sql: string, options = {}) => mysql(sql, { key: 'id', connection, ...options });
  const refusal = (sql: string, options = {}) => errorOf(readAll(of(sql, options)));
  /** Type and cell of an expression, through a column of that type. */
  const one = async (type: string, value: string, options = {}) => {
    await query(`create or replace table one (id int, x ${type}); insert into one values (1, ${value})`);
    const [sourced] = await readAll(of('select * from one', options));
    const vector = sourced!.batch.getChild('x')!;
    return [String(vector.type), cells([sourced!.batch])[0]!.slice(4)];
  };

  it('reads a table by its name in batches of one size, in the order of the key', async () => {
    await query('create table plain (id bigint primary key, `Odd ``name``!` text)');
    const rows = Array.from({ length: 10 }, (_, i) => `(${10 - i}, 'row ${10 - i}')`);
    await query(`insert into plain values ${rows.join(', ')}`);
    const source = mysql({ table: [database, 'plain'] }, { key: 'id', connection, batchRows: 4 });
    const all = await readAll(source);
    expect(all.map(({ batch }) => batch.numRows)).toEqual([4, 4, 2]);
    expect(all.map(({ next }) => next)).toEqual([{ key: '4' }, { key: '8' }, { key: '10' }]);
    expect(cells(all.map(({ batch }) => batch))[9]).toBe('10 | row 10');
    await expectResumable(source);
    const names = { table: 'plain', columns: ['Odd `name`!', 'id'] };
    expect((await rowsOf(mysql(names, { key: 'id', connection })))[0]).toBe('row 1 | 1');
  });

  it('gives every common type its Arrow type and every value exactly', async () => {
    for (const [type, value, arrow, cell] of [
      ['boolean', 'true', 'Bool', 'true'],
      ['tinyint', '-128', 'Int8', '-128'],
      ['tinyint unsigned', '255', 'Uint8', '255'],
      ['smallint', '-32768', 'Int16', '-32768'],
      ['smallint unsigned', '65535', 'Uint16', '65535'],
      ['mediumint', '-8388608', 'Int32', '-8388608'],
      ['int', '-2147483648', 'Int32', '-2147483648'],
      ['int unsigned', '4294967295', 'Uint32', '4294967295'],
      ['bigint', '-9223372036854775808', 'Int64', '-9223372036854775808'],
      ['bigint unsigned', '18446744073709551615', 'Uint64', '18446744073709551615'],
      ['year', '2024', 'Int16', '2024'],
      ['float', '0.1', 'Float32', String(Math.fround(0.1))],
      ['double', '5e-324', 'Float64', '5e-324'],
      ['varchar(20)', "'a\\\"ü€😀'", 'Utf8', 'a"ü€😀'],
      ['char(4)', "'ab'", 'Utf8', 'ab'],
      ['longtext', "''", 'Utf8', ''],
      ["enum('a', 'b')", "'b'", 'Utf8', 'b'],
      ["set('a', 'b')", "'a,b'", 'Utf8', 'a,b'],
      ['json', `'{"a": 1}'`, 'Utf8', '{"a": 1}'],
      ['varbinary(4)', "x'00ff7f'", 'Binary', '[0,255,127]'],
      ['blob', "''", 'Binary', '[]'],
      ['bit(1)', "b'1'", 'Bool', 'true'],
      ['time(6)', "'23:59:59.000001'", 'Time64<MICROSECOND>', '86399000001'],
      ['int', 'null', 'Int32', 'null'],
    ] as const) {
      expect([type, ...(await one(type, value))]).toEqual([type, arrow, cell]);
    }
  });

  it('reads dates and times to the microsecond, and decimals of up to 65 digits', async () => {
    const count = async (type: string, value: string) => {
      await query(`create or replace table one (id int, x ${type}); insert into one values (1, ${value})`);
      const [sourced] = await readAll(of('select * from one'));
      const { data, type: arrow } = sourced!.batch.getChild('x')!;
      let count = 0n;
      const words = data[0]!.values;
      for (let i = words.length - 1; i >= 0; i--) count = (count << 32n) | BigInt(words[i]);
      return `${arrow} ${words instanceof Uint32Array ? BigInt.asIntN(words.length * 32, count) : words[0]}`;
    };
    expect(await count('date', "'1969-12-31'")).toBe('Date32<DAY> -1');
    expect(await count('datetime(6)', "'1969-12-31 23:59:59.999999'")).toBe('Timestamp<MICROSECOND> -1');
    expect(await count('timestamp(3)', "'2024-02-29 10:00:00.5'")).toMatch(
      /^Timestamp<MICROSECOND, UTC> \d{16}$/,
    );
    expect(await count('decimal(5, 2)', '-1.5')).toContain(' -150');
    expect(await count('decimal(65)', '9'.repeat(65))).toContain(` ${'9'.repeat(65)}`);
    expect(await count('decimal(10, 2) unsigned', '12345678.9')).toContain(' 1234567890');
    expect(await one('decimal(5, 2)', '0.1', { numeric: 'float64' })).toEqual(['Float64', '0.1']);
    expect(await one('decimal(5, 2)', '0.1', { numeric: 'utf8' })).toEqual(['Utf8', '0.10']);
  });

  it('takes types from option schema, vectors above all', async () => {
    const vector = await one('json', "'[1, 2.5, -3]'", { schema: { x: 'float32[3]' } });
    expect(vector).toEqual(['FixedSizeList[3]<Float32>', '[1,2.5,-3]']);
    expect(await one('tinyint(1)', '7', { schema: { x: 'int8' } })).toEqual(['Int8', '7']);
    expect(await one('varchar(5)', "'12'", { schema: { x: 'int64' } })).toEqual(['Int64', '12']);
    const wrong = await refusal(`select 1 as id, '[1]' as x`, { schema: { x: 'float32[3]' } });
    expect(wrong).toMatchObject({ code: 'CORRUPT_INPUT', at: { column: 'x', row: 0 } });
    expect((await refusal('select 1 as id', { schema: { y: 'utf8' } })).code).toBe('OPTION_RANGE');
  });

  it('refuses by name what Arrow has no type or value for', async () => {
    for (const type of ['bit(9)', 'point']) {
      await query(`create or replace table one (id int, x ${type})`);
      const error = await refusal('select * from one');
      expect(error.code).toBe('COLUMN_TYPE');
      expect(error.message).toContain('Cast it');
    }
    for (const [type, value] of [
      ['tinyint(1)', '7'],
      ['time', "'25:00:00'"],
      ['time', "'-01:00:00'"],
      ['date', "'2024-00-00'"],
    ] as const) {
      await query(
        `create or replace table one (id int, x ${type}); set sql_mode = ''; insert into one values (1, ${value})`,
      );
      expect(await refusal('select * from one')).toMatchObject({
        code: 'CORRUPT_INPUT',
        at: { column: 'x', row: 0 },
      });
    }
  });

  it('reads on behind keys of every kind that it takes, beyond what a double holds too', async () => {
    await query('create table seq (i int primary key)');
    await query(`insert into seq values ${Array.from({ length: 12 }, (_, i) => `(${i + 1})`).join(', ')}`);
    for (const key of [
      'i',
      'cast(i as signed) + 9007199254740990',
      'cast(i as unsigned) + 18446744073709551600',
      'cast(i as decimal(30, 2)) / 3 + 9007199254740990',
      "concat('k', i)",
      "cast('2024-01-01' as date) + interval i day",
      "cast('2024-01-01' as datetime(6)) + interval i microsecond",
    ]) {
      await expectResumable(of(`select ${key} as id, i from seq; `, { batchRows: 5 }));
    }
  });

  it('refuses keys that are null, repeated, missing or that a collation does not tell apart', async () => {
    expect((await refusal('select nullif(1, 1) as id')).code).toBe('CORRUPT_INPUT');
    const twice = await refusal('select 1 as id union all select 1', { batchRows: 1 });
    expect(twice.message).toContain("key 'id' in row 0 of the batch, expected a key behind '1', got 1");
    for (const pair of [
      "'a' as id union all select 'A'",
      "'a' as id union all select 'ä'",
      "'a' as id union all select 'a '",
    ]) {
      expect((await refusal(`select ${pair}`)).code).toBe('CORRUPT_INPUT');
    }
    expect((await refusal('select 0.5e0 as id')).code).toBe('OPTION_RANGE');
    expect((await refusal('select 1 as other')).code).toBe('OPTION_RANGE');
  });

  it('tells its columns where there is no row', async () => {
    const [only, ...more] = await readAll(of('select 1 as id, true as x from dual where false'));
    expect(more).toEqual([]);
    expect(only!.batch.numRows).toBe(0);
    expect(only!.batch.schema.names).toEqual(['id', 'x']);
    expect(await readAll(of('select 1 as id'), { key: '1' })).toEqual([]);
  });

  it('follows a table that grows, until it is told to stop', async () => {
    await query('create table growing (id int auto_increment primary key); insert into growing values ()');
    const stop = new AbortController();
    const source = mysql({ table: 'growing' }, { key: 'id', connection, follow: { pollMs: 10 } });
    const seen: string[] = [];
    await expect(async () => {
      for await (const { batch } of source.read(undefined, stop.signal)) {
        seen.push(...cells([batch]));
        if (seen.length === 3) stop.abort(new Error('enough'));
        else await query('insert into growing values ()');
      }
    }).rejects.toThrow('enough');
    expect(seen).toEqual(['1', '2', '3']);
  });

  it('takes names literally, never tells a password, and checks its options where it is called', async () => {
    const evil = 'id`; drop table victim; --';
    await query('create table victim (id int)');
    await query(`create table \`t\`\`; drop table victim; --\` (\`${evil.replaceAll('`', '``')}\` int)`);
    await query('insert into `t``; drop table victim; --` values (1)');
    const source = mysql({ table: 't`; drop table victim; --', columns: [evil] }, { key: evil, connection });
    expect(await rowsOf(source)).toEqual(['1']);
    expect(await query('select * from victim')).toEqual([]);

    for (const address of [
      'mysql://root:hush%40@127.0.0.1:1/test',
      {
        host: '127.0.0.1',
        user: 'nobody',
        password: 'hush@',
        port: Number(new URL(connection).port || 3306),
      },
    ]) {
      const secret = mysql('select 1 as id', { key: 'id', connection: address, retry: { retries: 0 } });
      const error = await errorOf(readAll(secret));
      expect(error.code).toBe('SOURCE_FAILED');
      expect(inspect([secret, error], { depth: 9, showHidden: true })).not.toContain('hush');
    }
    for (const options of [{}, { key: '' }, { key: 'id', numeric: 'float' }, { key: 'id', unheard: 1 }]) {
      expect(() => mysql('select 1 as id', options as never)).toThrow(/^mysql: option /);
    }
  });
});
