import { type DuckDBConnection, DuckDBInstance, type Json } from '@duckdb/node-api';
import { Int32, RecordBatch, Union, Utf8, vectorFromArray } from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { duckdbSink } from '../../sinks/index.js';
import { duckdb } from '../../sources/index.js';
import type { SinkWriter } from '../../src/sink.js';
import type { Position, Sourced } from '../../src/source.js';
import {
  cells,
  errorOf,
  everyType,
  expectResumable,
  never,
  readAll,
  rowsOf,
  scratch,
  withColumns,
  writeAll,
} from '../sources/helpers.js';

const at = scratch();
let files = 0;
const newDatabase = () => at(`${files++}.duckdb`);

/** Asks a database by a connection of its own. */
async function ask<T>(database: string, work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  const instance = await DuckDBInstance.fromCache(database);
  const connection = await instance.connect();
  try {
    return await work(connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

const rowsIn = (database: string, sql: string): Promise<Json[][]> =>
  ask(database, async (connection) => (await connection.runAndReadAll(sql)).getRowsJson());

const batchOf = (from: number, to: number) =>
  new RecordBatch({
    n: vectorFromArray(
      Array.from({ length: to - from }, (_, i) => from + i),
      new Int32(),
    ).data[0]!,
    word: vectorFromArray(
      Array.from({ length: to - from }, (_, i) => `w${from + i}`),
      new Utf8(),
    ).data[0]!,
  });

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => [from + i, `w${from + i}`]);

/** Ends a writer as a kill would: what is committed is, and nobody hears of it. */
const killed = (writer: SinkWriter) => writer.abandon(true);

describe('duckdbSink', () => {
  it('makes the table and adds rows, so that they read the same', async () => {
    const database = newDatabase();
    const names = [
      'int8',
      'int64',
      'float',
      'bool',
      'text',
      'bytes',
      'day',
      'decimal',
      'list',
      'vector',
      'struct',
      'map',
    ];
    const batches = [everyType(70), everyType(0), everyType(40, 3)].map((batch) => withColumns(batch, names));
    await writeAll(duckdbSink({ database, table: 't', create: true }), batches);
    expect(await rowsOf(duckdb('from t', { database }))).toEqual(cells(batches));
  });

  it('goes by the names of columns, and casts to the types of the table', async () => {
    const database = newDatabase();
    await ask(database, (connection) =>
      connection.run(`create table t (extra int default 7, word varchar, n bigint)`),
    );
    await writeAll(duckdbSink({ database, table: ['main', 't'] }), [batchOf(0, 2)]);
    expect(await rowsIn(database, 'from t')).toEqual([
      [7, 'w0', '0'],
      [7, 'w1', '1'],
    ]);
  });

  it('replaces rows of the same key, the last one staying', async () => {
    const database = newDatabase();
    const sink = duckdbSink({ database, table: 't', create: true, mode: 'upsert', key: ['n'] });
    await writeAll(sink, [batchOf(0, 3)]);
    const twice = new RecordBatch({
      n: vectorFromArray([1, 5, 1], new Int32()).data[0]!,
      word: vectorFromArray(['first', 'new', 'last'], new Utf8()).data[0]!,
    });
    await writeAll(sink, [twice]);
    expect(await rowsIn(database, 'from t order by n')).toEqual([
      [0, 'w0'],
      [1, 'last'],
      [2, 'w2'],
      [5, 'new'],
    ]);
  });

  it.each([1, 7])('neither loses nor doubles a row, killed anywhere (commitRows %i)', async (commitRows) => {
    const batches = [batchOf(0, 5), batchOf(5, 6), batchOf(6, 16), batchOf(16, 20)];
    for (let saved = 0; saved <= batches.length; saved++) {
      for (let lost = 0; saved + lost <= batches.length; lost++) {
        const database = newDatabase();
        const sink = duckdbSink({ database, table: 't', create: true, commitRows });
        const first = await sink.open(undefined, never);
        for (const batch of batches.slice(0, saved)) await first.write(batch);
        const position = structuredClone((await first.position()) as object) as Position;
        for (const batch of batches.slice(saved, saved + lost)) await first.write(batch);
        await killed(first);
        await writeAll(sink, batches.slice(saved), position);
        expect(await rowsIn(database, 'from t'), `${saved}, ${lost}`).toEqual(numbers(0, 20));
      }
    }
  });

  it('refuses what does not fit, and keeps nothing of its transaction', async () => {
    const database = newDatabase();
    await ask(database, (connection) => connection.run('create table t (n utinyint, word varchar)'));
    const sink = duckdbSink({ database, table: 't' });
    const writing = writeAll(sink, [batchOf(0, 3), batchOf(254, 258)]);
    expect(await errorOf(writing)).toMatchObject({ code: 'SINK_FAILED' });
    expect(await rowsIn(database, 'from t')).toEqual(numbers(0, 3));
    const missing = writeAll(duckdbSink({ database, table: 'none' }), [batchOf(0, 1)]);
    expect((await errorOf(missing)).message).toMatch(/none does not exist/);
    const union = withColumns(everyType(3), ['dense']);
    expect(union.schema.fields[0]!.type).toBeInstanceOf(Union);
    const refused = writeAll(duckdbSink({ database, table: 'u', create: true }), [union]);
    expect(await errorOf(refused)).toMatchObject({ code: 'COLUMN_TYPE', at: { column: 'dense' } });
  });

  it('refuses a database that does not know the run, and one that cannot be opened', async () => {
    const database = newDatabase();
    const sink = duckdbSink({ database, table: 't', create: true });
    await writeAll(sink, [batchOf(0, 3)]);
    const resumed = Promise.resolve(sink.open({ run: 'another', rows: 3 }, never));
    expect(await errorOf(resumed)).toMatchObject({ code: 'STATE_VERSION' });
    const opened = Promise.resolve(
      duckdbSink({ database: at('none/x.duckdb'), table: 't' }).open(undefined, never),
    );
    expect(await errorOf(opened)).toMatchObject({ code: 'SINK_FAILED' });
  });
});

describe('duckdb', () => {
  const FLIGHTS = 'node_modules/vega-datasets/data/flights-3m.parquet';

  it('streams the rows of a query over a file, in batches of one size', async () => {
    const source = duckdb(
      `select delay::int as delay, distance from '${FLIGHTS}' where delay > $1 limit 50000`,
      {
        parameters: [100],
        batchRows: 20_000,
      },
    );
    const batches = await readAll(source);
    expect(batches.map(({ batch }) => batch.numRows)).toEqual([20_000, 20_000, 10_000]);
    expect(batches[0]!.batch.schema.names).toEqual(['delay', 'distance']);
    expect(Math.min(...(batches[2]!.batch.getChild('delay')!.toArray() as Int32Array))).toBeGreaterThan(100);
  });

  it('goes on from any position', async () => {
    const sql = `select i, i % 7 as k, repeat('x', (i % 5)::int) as t from range(100) r(i) order by k, i`;
    await expectResumable(duckdb(sql, { batchRows: 16 }));
    await expectResumable(duckdb('select 1 as one where false'));
  });

  it('tells rows that come in another order, or no more', async () => {
    const database = newDatabase();
    await ask(database, (connection) => connection.run('create table t as select i from range(50) r(i)'));
    const source = duckdb('from t', { database, batchRows: 10 });
    const { next } = (await readAll(source))[1] as Sourced;
    await ask(database, (connection) =>
      connection.run('create or replace table t as select 49 - i from range(50) r(i)'),
    );
    expect(await errorOf(readAll(source, next))).toMatchObject({ code: 'STATE_VERSION' });
    await ask(database, (connection) =>
      connection.run('create or replace table t as select i from range(5) r(i)'),
    );
    expect(await errorOf(readAll(source, next))).toMatchObject({ code: 'STATE_VERSION' });
  });

  it('has named parameters and settings', async () => {
    const parameters = { least: 3 };
    const source = duckdb(`select i, current_setting('threads') as t from range(5) r(i) where i >= $least`, {
      parameters,
      settings: { threads: '1' },
    });
    expect(await rowsOf(source)).toEqual(['3 | 1', '4 | 1']);
  });

  it('says in one line what DuckDB refused', async () => {
    const error = await errorOf(readAll(duckdb('select nonsense from range(3)')));
    expect(error.code).toBe('SOURCE_FAILED');
    expect(error.message).toMatch(/^duckdb: query, expected its rows, got Binder Error: .*nonsense.*\.$/);
    expect(() => duckdb('')).toThrow(/option sql/);
    expect(() => duckdb('from t', { settings: { threads: 2 as never } })).toThrow(/settings/);
  });

  it('stops a query that is under way when it is told to', async () => {
    const controller = new AbortController();
    const source = duckdb('select count(*) from range(1000000) a, range(1000000) b');
    const reading = source.read(undefined, controller.signal)[Symbol.asyncIterator]();
    setTimeout(() => controller.abort(new Error('enough')), 100);
    await expect(reading.next()).rejects.toThrow('enough');
  });
});
