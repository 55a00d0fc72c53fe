import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import {
  DateMillisecond,
  DurationMillisecond,
  Int32,
  makeData,
  RecordBatch,
  Struct,
  TimeSecond,
  TimestampSecond,
  vectorFromArray,
} from 'apache-arrow';
import { parquetMetadata } from 'hyparquet';
import { beforeAll, describe, expect, it } from 'vitest';
import { parquetFileSink } from '../../sinks/index.js';
import { parquetFile } from '../../sources/index.js';
import type { Source } from '../../src/source.js';
import {
  cells,
  errorOf,
  everyType,
  expectResumable,
  expectSameBytes,
  never,
  readAll,
  rowsOf,
  scratch,
  withColumns,
  withFlippedBits,
  writeAll,
} from '../sources/helpers.js';

const at = scratch();
const UNIONS = ['sparse', 'dense'];

/** Columns of every type that Parquet can hold. */
function storable(rows: number, seed = 0): RecordBatch {
  const batch = everyType(rows, seed);
  return withColumns(
    batch,
    batch.schema.names.map(String).filter((name) => !UNIONS.includes(name)),
  );
}

const footer = (path: string) => {
  const bytes = readFileSync(path);
  return parquetMetadata(
    bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer,
  );
};
const rowGroups = (path: string) => footer(path).row_groups.map(({ num_rows }) => Number(num_rows));

const firstOf = async (source: Source) => (await readAll(source))[0]!.batch;

const batches = [storable(65), storable(1, 3), storable(100, 7).slice(13, 77), storable(0), storable(40, 2)];
beforeAll(() => writeAll(parquetFileSink(at('types.parquet'), { rowGroupRows: 50 }), batches));

describe('parquetFileSink', () => {
  it('keeps every value of every type, over many row groups', async () => {
    expect(rowGroups(at('types.parquet'))).toEqual([50, 50, 50, 20]);
    expect(await rowsOf(parquetFile(at('types.parquet')))).toEqual(cells(batches));
  });

  it.each(['none', 'snappy', 'gzip', 'zstd'] as const)('compresses by %s', async (compression) => {
    const path = at(`${compression}.parquet`);
    await writeAll(parquetFileSink(path, { compression, rowGroupRows: 60 }), batches);
    expect(await rowsOf(parquetFile(path))).toEqual(cells(batches));
    const codecs = footer(path).row_groups[0]!.columns.map(({ meta_data }) => meta_data!.codec);
    expect(new Set(codecs)).toEqual(
      new Set([compression === 'none' ? 'UNCOMPRESSED' : compression.toUpperCase()]),
    );
  });

  it('keeps the Arrow schema, and tells what it was converted from', async () => {
    const [batch] = batches as [RecordBatch];
    await writeAll(parquetFileSink(at('schema.parquet')), [batch]);
    const read = await firstOf(parquetFile(at('schema.parquet')));
    expect(read.schema.fields.map(({ name, type }) => `${name}: ${type}`)).toEqual(
      batch.schema.fields.map(({ name, type }) => `${name}: ${plainName(String(type))}`),
    );
  });

  it('writes seconds as milliseconds, and days in milliseconds as days', async () => {
    const batch = new RecordBatch({
      time: vectorFromArray([5, null], new TimeSecond()).data[0]!,
      stamp: vectorFromArray([1_600_000_000_000, null], new TimestampSecond('Europe/Paris')).data[0]!,
      day: vectorFromArray([new Date(86_400_000), null], new DateMillisecond()).data[0]!,
    });
    await writeAll(parquetFileSink(at('seconds.parquet')), [batch]);
    const read = await firstOf(parquetFile(at('seconds.parquet')));
    expect(read.schema.fields.map(({ type }) => String(type))).toEqual([
      'Time32<MILLISECOND>',
      'Timestamp<MILLISECOND, Europe/Paris>',
      'Date32<DAY>',
    ]);
    expect(read.getChild('time')!.get(0)).toBe(5000);
    expect(cells([read.select(['stamp', 'day'])])).toEqual(cells([batch.select(['stamp', 'day'])]));
  });

  it('refuses what Parquet has no type for, by name', async () => {
    const duration = new RecordBatch({ d: vectorFromArray([5n], new DurationMillisecond()).data[0]! });
    const hollow = new RecordBatch({ s: makeData({ type: new Struct([]), length: 1 }) });
    const cases: [RecordBatch, string, RegExp][] = [
      [withColumns(everyType(3), ['sparse']), 'sparse', /Union/],
      [duration, 'd', /Duration/],
      [hollow, 's', /struct without fields/],
    ];
    for (const [batch, column, got] of cases) {
      const error = await errorOf(writeAll(parquetFileSink(at('refused.parquet')), [batch]));
      expect(error).toMatchObject({ code: 'COLUMN_TYPE', at: { column } });
      expect(error.message).toMatch(got);
      expect(existsSync(at('refused.parquet'))).toBe(false);
    }
    const half = new RecordBatch({
      d: makeData({ type: new DateMillisecond(), data: [1n] as never, length: 1 }),
    });
    expect(await errorOf(writeAll(parquetFileSink(at('refused.parquet')), [half]))).toMatchObject({
      code: 'CORRUPT_INPUT',
      at: { column: 'd', row: 0 },
    });
  });

  it('ends a row group early where its rows are long', async () => {
    const long = (seed: number) => withColumns(everyType(100, seed), ['text', 'vector']);
    await writeAll(parquetFileSink(at('long.parquet'), { rowGroupBytes: 1024 }), [long(0), long(1), long(2)]);
    expect(rowGroups(at('long.parquet'))).toEqual([100, 100, 100]);
  });

  it('has the same bytes however often it was stopped and resumed', async () => {
    for (const rowGroupRows of [7, 50, 10_000]) {
      await expectSameBytes(
        (path) => parquetFileSink(path, { rowGroupRows, overwrite: true }),
        (name) => at(`${rowGroupRows}-${name}`),
        batches,
      );
    }
  });

  it('writes columns without rows, and no file without columns', async () => {
    await writeAll(parquetFileSink(at('empty.parquet')), [storable(0)]);
    expect(footer(at('empty.parquet')).num_rows).toBe(0n);
    const batch = await firstOf(parquetFile(at('empty.parquet')));
    expect([batch.numRows, batch.numCols]).toEqual([0, storable(0).numCols]);
    expect(await errorOf(writeAll(parquetFileSink(at('nothing.parquet')), []))).toMatchObject({
      code: 'SINK_FAILED',
    });
    expect(existsSync(at('nothing.parquet'))).toBe(false);
  });

  it('refuses a schema that changes, and a file that is there', async () => {
    const other = new RecordBatch({ a: vectorFromArray([1], new Int32()).data[0]! });
    const changed = writeAll(parquetFileSink(at('changed.parquet')), [storable(3), other]);
    expect(await errorOf(changed)).toMatchObject({ code: 'COLUMN_TYPE' });
    expect(await errorOf(writeAll(parquetFileSink(at('types.parquet')), batches))).toMatchObject({
      code: 'SINK_FAILED',
    });
  });

  it('refuses to resume what is not its own', async () => {
    const path = at('foreign.parquet');
    const writer = await parquetFileSink(path).open(undefined, never);
    await writer.write(storable(5));
    const { waiting: _, ...rest } = (await writer.position()) as { waiting: Uint8Array };
    await writer.abandon(true);
    const opened = Promise.resolve(parquetFileSink(path).open(rest as never, never));
    expect(await errorOf(opened)).toMatchObject({ code: 'STATE_VERSION' });
  });
});

describe('parquetFile', () => {
  const FLIGHTS = 'node_modules/vega-datasets/data/flights-3m.parquet';

  it('goes on from any position', async () => {
    await writeAll(parquetFileSink(at('resume.parquet'), { rowGroupRows: 50 }), [
      storable(120),
      storable(30, 9),
    ]);
    await expectResumable(parquetFile(at('resume.parquet'), { batchRows: 16 }));
  });

  it('reads real files of other writers, and only the columns asked for', async () => {
    const source = parquetFile(FLIGHTS, { columns: ['delay', 'date'], batchRows: 65_536 });
    let rows = 0;
    for await (const { batch, fraction } of source.read(undefined, never)) {
      expect(batch.schema.names).toEqual(['date', 'delay']);
      rows += batch.numRows;
      expect(fraction).toBeCloseTo(rows / 3_000_000, 9);
      if (rows >= 200_000) break;
    }
    expect(await errorOf(readAll(parquetFile(FLIGHTS, { columns: ['delays'] })))).toMatchObject({
      code: 'COLUMN_MISSING',
      at: { column: 'delays', file: FLIGHTS },
    });
  });

  it('tells a file that was cut off from one that is none', async () => {
    const whole = readFileSync(at('types.parquet'));
    for (const length of [4, 9, 100, whole.length - 1]) {
      writeFileSync(at('cut.parquet'), whole.subarray(0, length));
      expect(await errorOf(readAll(parquetFile(at('cut.parquet'))))).toMatchObject({
        code: 'TRUNCATED_INPUT',
      });
    }
    writeFileSync(at('cut.parquet'), '');
    expect(await errorOf(readAll(parquetFile(at('cut.parquet'))))).toMatchObject({ code: 'CORRUPT_INPUT' });
    expect(await errorOf(readAll(parquetFile('package.json')))).toMatchObject({ code: 'CORRUPT_INPUT' });
    expect(await errorOf(readAll(parquetFile(at('absent.parquet'))))).toMatchObject({
      code: 'SOURCE_FAILED',
    });
  });

  it('ends damaged files in an error of ours, never in a crash', { timeout: 120_000 }, async () => {
    for (const damaged of withFlippedBits(readFileSync(at('types.parquet')), 40)) {
      writeFileSync(at('damaged.parquet'), damaged);
      const error = await readAll(parquetFile(at('damaged.parquet'))).then(
        () => undefined,
        (thrown: { code?: string }) => thrown,
      );
      if (error !== undefined) expect(error).toMatchObject({ at: { file: at('damaged.parquet') } });
    }
  });

  it('holds a row group to its limit', async () => {
    const source = parquetFile(at('types.parquet'), { maxRowGroupBytes: 100 });
    expect(await errorOf(readAll(source))).toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });

  it('stops waiting when it is told to', async () => {
    const controller = new AbortController();
    const reading = parquetFile(FLIGHTS).read(undefined, controller.signal)[Symbol.asyncIterator]();
    await reading.next();
    const next = reading.next();
    controller.abort(new Error('enough'));
    await expect(next).rejects.toThrow('enough');
  });
});

/** The name of the type that a dictionary's or view's values have. */
const plainName = (type: string) =>
  type.replace(/^Dictionary<\w+, (\w+)>$/, '$1').replace('Utf8View', 'Utf8');
