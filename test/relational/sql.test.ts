import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Int64, type RecordBatch, TimestampMillisecond, Utf8 } from 'apache-arrow';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type SqlOptions, sql } from '../../operators/index.js';
import { collect } from '../../sinks/index.js';
import { loadDuckdb } from '../../sources/duckdb.js';
import { fromTable } from '../../sources/index.js';
import { DataflowError, dataflow, memoryStore } from '../../src/index.js';
import type { Source } from '../../src/source.js';
import { plainRows } from '../support/arrow-columns.js';
import { expectError } from '../support/errors.js';
import { campaign, cuttings, seeds } from '../support/property.js';
import { askDuckdb, batchOf, cut, rows, START_MS } from '../support/relational.js';

const TOTALS =
  'select kind, count(*) as n, sum(amount) as total, min(id) as least from batch group by kind order by kind';

async function answers(
  query: string,
  options: SqlOptions,
  batches: readonly RecordBatch[],
): Promise<RecordBatch[]> {
  const sink = collect();
  await dataflow('sql').from(fromTable(batches)).pipe(sql(query, options)).to(sink).run();
  return [...sink.batches];
}

async function failure(work: Promise<unknown>): Promise<DataflowError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof DataflowError)) throw new Error(`expected a DataflowError, got ${error}`);
  return error;
}

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sql-'));
});
afterAll(() => rm(directory, { recursive: true }));

describe('sql', () => {
  it('asks about each batch, with typed columns and no row lost', async () => {
    const batches = cut(rows(300, 1), [100, 0, 7]);
    const got = await answers('select *, amount * 2 as twice from batch where flag', {}, batches);
    const expected = await askDuckdb(batches, 'select *, amount * 2 as twice from t where flag');
    expect(plainRows(got)).toEqual(plainRows(expected));
    expect(got[0]!.schema.fields.map(String)).toEqual(expected[0]!.schema.fields.map(String));
  });

  it('asks about every so many rows, however the stream is cut', async () => {
    await fc.assert(
      fc.asyncProperty(seeds, cuttings, async (seed, lengths) => {
        const batch = rows(130, seed);
        const got = await answers(TOTALS, { per: { rows: 50 } }, cut(batch, lengths));
        const expected: unknown[][] = [];
        for (const part of cut(batch, [50, 50])) {
          if (part.numRows > 0)
            expected.push(...plainRows(await askDuckdb([part], TOTALS.replace('batch', 't'))));
        }
        expect(plainRows(got)).toEqual(expected);
      }),
      campaign(0.5),
    );
  });

  it('asks about windows of event time once they are closed, late rows apart', async () => {
    const seconds = [1, 3, 2, 12, 9, 14, 8, 25, 13];
    const batch = batchOf({
      at: [new TimestampMillisecond(), seconds.map((s) => s * 1000)],
      s: [new Int64(), seconds.map(BigInt)],
    });
    const query = "select getvariable('window_start') as start, list(s) as seconds from batch";
    for (const lengths of [[], [1, 1, 1, 1, 1, 1, 1, 1], [4, 3]]) {
      const late = collect();
      const per = { time: 'at', windowMs: 10_000, allowedLatenessMs: 3_000, late };
      const got = await answers(query, { per }, cut(batch, lengths));
      expect(plainRows(got)).toEqual([
        [0, ['1n', '3n', '2n', '9n']],
        [10_000, ['12n', '14n']],
        [20_000, ['25n']],
      ]);
      expect(plainRows(late.batches).map(([, s]) => s)).toEqual(['8n', '13n']);
    }
    const refused = await failure(answers(query, { per: { time: 'at', windowMs: 10_000 } }, [batch]));
    expect(refused.code).toBe('CORRUPT_INPUT');
    expect(refused.at).toMatchObject({ row: 4, column: 'at' });
  });

  it('goes on with waiting rows, wherever it fails', async () => {
    const batch = rows(200, 3);
    const source = fromTable(
      cut(
        batch,
        Array.from({ length: 19 }, () => 10),
      ),
    );
    for (const per of [{ rows: 33 }, { time: 'at', windowMs: 15_000, allowedLatenessMs: 10_000 }] as const) {
      const expected = plainRows(await answers(TOTALS, { per }, [batch]));
      for (const failing of [1, 6, 13, 19]) {
        let isFailing = true;
        const breaking: Source = {
          ...source,
          async *read(from, signal) {
            let n = 0;
            for await (const one of source.read(from, signal)) {
              if (isFailing && n++ === failing) throw new Error('pulled out');
              yield one;
            }
          },
        };
        const sink = collect();
        const flow = dataflow('sql').from(breaking).step('totals', sql(TOTALS, { per })).to(sink);
        const run = { checkpoint: { store: memoryStore(), everyBatches: 2 } };
        await expect(flow.run(run)).rejects.toThrow('pulled out');
        isFailing = false;
        await flow.run(run);
        expect(plainRows(sink.batches)).toEqual(expected);
      }
    }
  });

  it('joins tables of files and of a database', async () => {
    const duckdb = await loadDuckdb('test');
    const path = join(directory, "it's a.duckdb");
    const parquet = join(directory, "it's.parquet");
    const instance = await duckdb.DuckDBInstance.create(path);
    const connection = await instance.connect();
    await connection.run(
      "create table names as select * from (values ('x', 'the x'), ('y', 'the y')) v(kind, name)",
    );
    await connection.run(`copy names to '${parquet.replaceAll("'", "''")}' (format parquet)`);
    connection.closeSync();
    instance.closeSync();
    const batch = batchOf({ kind: [new Utf8(), ['y', 'x', 'z']] });
    const query = (table: string) =>
      `select kind, n.name from batch left join ${table} n using (kind) order by kind`;
    const expected = [
      ['x', 'the x'],
      ['y', 'the y'],
      ['z', null],
    ];
    expect(
      plainRows(await answers(query('"my names"'), { tables: { 'my names': parquet } }, [batch])),
    ).toEqual(expected);
    expect(plainRows(await answers(query('names'), { database: path }, [batch]))).toEqual(expected);
  });

  it('gives a stream without rows the columns of the answer, and no row', async () => {
    const empty = rows(5, 1).slice(0, 0);
    for (const per of ['batch', { rows: 10 }, { time: 'at', windowMs: 1000 }] as const) {
      const got = await answers('select count(*) as n from batch', { per }, [empty]);
      expect(got.map(({ numRows, schema }) => [numRows, schema.names])).toEqual([[0, ['n']]]);
    }
  });

  it.each([
    ['selec * from batch', /expected one that the database takes, got Parser Error/],
    ['select none from batch', /got Binder Error: Referenced column "none" not found/],
    ['select * from nowhere', /got Catalog Error: Table with name nowhere does not exist/],
    ['select 1; select 2', /got 2 statements/],
    ['create table x as from batch', /got a statement that is no query: CREATE/],
  ])('refuses the query %j at the first batch, in the words of DuckDB', async (query, message) => {
    const error = await failure(answers(query, {}, [rows(3, 1)]));
    expect(error.code).toBe('OPTION_RANGE');
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('\n');
  });

  it('says why a query fails over its rows, and why tables cannot be read', async () => {
    const failed = await failure(answers('select name::int from batch', {}, [rows(50, 1)]));
    expect(failed.code).toBe('STEP_FAILED');
    expect(failed.message).toMatch(
      /sql: the query, expected an answer, got Conversion Error: Could not convert string/,
    );
    const missing = await failure(
      answers('from batch', { tables: { x: join(directory, 'none.csv') } }, [rows(3, 1)]),
    );
    expect(missing.message).toMatch(/no tables to ask about: IO Error/);
  });

  it('stops a long query when the run is aborted', async () => {
    const abort = new AbortController();
    const query = 'select sum(a.range * b.range) from range(1000000) a, range(1000000) b, batch';
    const run = dataflow('sql')
      .from(fromTable(rows(2, 1)))
      .pipe(sql(query))
      .to(collect())
      .run({ signal: abort.signal });
    setTimeout(() => abort.abort(), 500);
    await expect(run).rejects.toThrow(/abort/i);
  });

  it('holds at most maxRows, and refuses rows without time', async () => {
    const batch = rows(100, 1);
    const limited = await failure(
      answers('from batch', { per: { time: 'at', windowMs: 1e9, maxRows: 50 } }, [batch]),
    );
    expect(limited.code).toBe('LIMIT_EXCEEDED');
    const timeless = batchOf({ at: [new Int64(), [BigInt(START_MS), null]] });
    const refused = await failure(answers('from batch', { per: { time: 'at', windowMs: 1000 } }, [timeless]));
    expect(refused.at).toMatchObject({ row: 1, column: 'at' });
  });

  it.each([
    ['', {}],
    ['from batch', { per: 'row' }],
    ['from batch', { per: { rows: 0 } }],
    ['from batch', { per: { rows: 5, time: 'at' } }],
    ['from batch', { per: { windowMs: 5 } }],
    ['from batch', { per: { time: 'at', windowMs: 5, late: 'drop' } }],
    ['from batch', { tables: { x: 1 } }],
    ['from batch', { threads: 0 }],
    ['from batch', { memory: '1GB' }],
  ])('refuses %j with %j at the call', (query, options) => {
    expectError('OPTION_RANGE', () => sql(query, options as never));
  });
});
