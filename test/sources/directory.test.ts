import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { collect, csvSink, parquetFileSink } from '../../sinks/index.js';
import { csvFile, directory, jsonLines, parquetFile } from '../../sources/index.js';
import { dataflow } from '../../src/dataflow.js';
import type { Position, Source, Sourced } from '../../src/source.js';
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
} from './helpers.js';

const at = scratch();
let places = 0;

/** A new directory, and a function that gives paths in it. */
function place(files: Readonly<Record<string, string>> = {}): (name: string) => string {
  const root = at(`place-${places++}`);
  mkdirSync(root);
  const path = (name: string) => join(root, name);
  for (const [name, text] of Object.entries(files)) writeFileSync(path(name), text);
  return path;
}

const lines = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => `{"n":${from + i}}\n`).join('');
const numbers = async (source: Source, from?: Position) => (await rowsOf(source, from)).map(Number);
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

const QUICK = { pollMs: 10, idleMs: 150 };

/** Reads with `act` called behind each batch; gives the numbers that came. */
async function followed(
  source: Source,
  act: (seen: readonly number[], sourced: Sourced) => void,
  from?: Position,
): Promise<number[]> {
  const seen: number[] = [];
  for await (const sourced of source.read(from, never)) {
    seen.push(...cells([sourced.batch]).map(Number));
    act(seen, sourced);
  }
  return seen;
}

describe('directory', () => {
  it('reads files in the order of their names, numbers by value', async () => {
    const path = place({
      'part-10.jsonl': lines(3, 5),
      'part-2.jsonl': lines(1, 3),
      'part-1.jsonl': lines(0, 1),
    });
    const source = directory(path('*.jsonl'), jsonLines);
    expect(source.guarantee).toBe('exactly once');
    expect(await numbers(source)).toEqual(range(0, 5));
    const fractions = (await readAll(source)).map(({ fraction }) => fraction);
    expect(fractions.at(-1)).toBe(1);
    expect(fractions).toEqual([...fractions].sort());
  });

  it('goes on from any position, in files of any kind', async () => {
    const path = place({ 'a.csv': 'n\n1\n2\n3\n', 'b.csv': 'n\n4\n5\n', 'c.csv': 'n\n', 'd.csv': 'n\n6\n' });
    await expectResumable(
      directory(path('?.csv'), (file) => csvFile(file, { batchRows: 2, schema: { n: 'int64' } })),
    );
    const batch = withColumns(everyType(40), ['int64', 'text']);
    for (const name of ['1', '2', '3']) await writeAll(parquetFileSink(path(`${name}.parquet`)), [batch]);
    const parquet = directory(path('*.parquet'), (file) => parquetFile(file, { batchRows: 16 }));
    await expectResumable(parquet);
    expect(await rowsOf(parquet)).toEqual(cells([batch, batch, batch]));
  });

  it('passes over unfinished files of our own sinks, and reads a path as one file', async () => {
    const path = place({ 'a.jsonl': lines(0, 2), 'b.jsonl.partial': 'x' });
    expect(await numbers(directory(path('*'), jsonLines))).toEqual([0, 1]);
    expect(await numbers(directory(path('a.jsonl'), jsonLines))).toEqual([0, 1]);
  });

  it('refuses no file, other schemas and positions of others', async () => {
    const path = place({ 'a.jsonl': lines(0, 2), 'b.jsonl': '{"n":"text"}\n' });
    expect(await errorOf(readAll(directory(path('*.csv'), csvFile)))).toMatchObject({
      code: 'SOURCE_FAILED',
    });
    expect(await errorOf(readAll(directory(path('*.jsonl'), jsonLines)))).toMatchObject({
      code: 'COLUMN_TYPE',
      at: { file: path('b.jsonl') },
    });
    const source = directory(path('a.jsonl'), jsonLines);
    expect(await errorOf(readAll(source, { rows: 3 }))).toMatchObject({ code: 'STATE_VERSION' });
    expect(await errorOf(readAll(source, { file: path('z.jsonl') }))).toMatchObject({
      code: 'SOURCE_FAILED',
    });
  });

  it('says at once which option is wrong, its own or the file’s', () => {
    expect(() => directory('*', jsonLines, { follow: { pollMs: 1 } })).toThrow(
      /follow.pollMs, expected an integer/,
    );
    expect(() => directory('*', (path) => csvFile(path, { delimiter: 'ab' }))).toThrow(/delimiter/);
    expect(() => directory('', jsonLines)).toThrow(/pattern/);
  });
});

describe('a followed directory', () => {
  it('takes only whole lines of a growing file, and all of it once it is left', async () => {
    const path = place({ '1.jsonl': lines(0, 3) });
    const source = directory(path('*.jsonl'), jsonLines, { follow: QUICK });
    const seen = await followed(source, (seen) => {
      if (seen.length === 3) appendFileSync(path('1.jsonl'), '{"n":3}\n{"n":');
      if (seen.length === 4) appendFileSync(path('1.jsonl'), '4}\n{"n":5}');
      if (seen.length === 5) writeFileSync(path('2.jsonl'), '{"n":6}');
    });
    expect(seen).toEqual(range(0, 7));
  });

  it('waits for the first file, in CSV for its header too', async () => {
    const path = place();
    const source = directory(path('*.csv'), csvFile, { follow: { pollMs: 10, idleMs: 500 } });
    setTimeout(() => writeFileSync(path('a.csv'), 'n'), 30);
    setTimeout(() => appendFileSync(path('a.csv'), '\n'), 60);
    setTimeout(() => appendFileSync(path('a.csv'), '"1'), 90);
    setTimeout(() => appendFileSync(path('a.csv'), '"\n2\n'), 120);
    expect(await followed(source, () => {})).toEqual([1, 2]);
  });

  it('reads a renamed file to its end before the one in its place', async () => {
    const path = place({ 'app.log': lines(0, 3) });
    const source = directory(path('app.log'), jsonLines, { follow: QUICK });
    const seen = await followed(source, (seen) => {
      if (seen.length === 3) {
        appendFileSync(path('app.log'), lines(3, 5));
        renameSync(path('app.log'), path('app.log.1'));
        writeFileSync(path('app.log'), lines(5, 7));
      }
    });
    expect(seen).toEqual(range(0, 7));
  });

  it('finds a renamed file again when it is resumed', async () => {
    const path = place({ 'app.log': lines(0, 3) });
    const source = directory(path('app.log'), jsonLines, { follow: QUICK });
    const [{ next }] = (await readAll(source)) as [Sourced];
    appendFileSync(path('app.log'), lines(3, 5));
    renameSync(path('app.log'), path('app.log.1'));
    expect(await numbers(source, structuredClone(next))).toEqual([3, 4]);
    writeFileSync(path('app.log'), lines(5, 7));
    expect(await numbers(source, structuredClone(next))).toEqual([3, 4, 5, 6]);
    rmSync(path('app.log.1'));
    expect(await errorOf(readAll(source, next))).toMatchObject({
      code: 'SOURCE_FAILED',
      at: { file: path('app.log') },
    });
  });

  it('tells a file that was cut off, or reads it from its start where it is asked to', async () => {
    const cut = (path: (name: string) => string) => (seen: readonly number[]) => {
      if (seen.length !== 3) return;
      truncateSync(path('app.log'));
      appendFileSync(path('app.log'), lines(7, 8));
    };
    const path = place({ 'app.log': lines(0, 3) });
    const strict = directory(path('app.log'), jsonLines, { follow: QUICK });
    expect(await errorOf(followed(strict, cut(path)))).toMatchObject({ code: 'SOURCE_FAILED' });
    const other = place({ 'app.log': lines(0, 3) });
    const lax = directory(other('app.log'), jsonLines, { follow: { ...QUICK, replaced: 'restart' } });
    expect(await followed(lax, cut(other))).toEqual([0, 1, 2, 7]);
  });

  it('does not mind that a file is taken away once it was read', async () => {
    const path = place({ '1.jsonl': lines(0, 3) });
    const source = directory(path('*.jsonl'), jsonLines, { follow: { pollMs: 10, idleMs: 300 } });
    const seen = await followed(source, (seen) => {
      if (seen.length !== 3) return;
      setTimeout(() => rmSync(path('1.jsonl')), 60);
      setTimeout(() => writeFileSync(path('2.jsonl'), lines(3, 4)), 120);
    });
    expect(seen).toEqual([0, 1, 2, 3]);
  });

  it('refuses a file that comes too late', async () => {
    const path = place({ '5.jsonl': lines(0, 3) });
    const source = directory(path('*.jsonl'), jsonLines, { follow: QUICK });
    const late = followed(source, () => writeFileSync(path('3.jsonl'), lines(7, 8)));
    expect((await errorOf(late)).message).toMatch(
      /new file, expected names behind .*5\.jsonl.*got .*3\.jsonl/,
    );
  });

  it('takes whole files of other formats as they appear', async () => {
    const path = place();
    const batch = withColumns(everyType(5), ['int64']);
    await writeAll(parquetFileSink(path('1.parquet')), [batch]);
    const source = directory(path('*.parquet'), parquetFile, { follow: { pollMs: 10, idleMs: 1000 } });
    const rows: string[] = [];
    let files = 1;
    for await (const sourced of source.read(undefined, never)) {
      rows.push(...cells([sourced.batch]));
      if (files < 3) await writeAll(parquetFileSink(path(`${++files}.parquet`)), [batch]);
    }
    expect(rows).toEqual(cells([batch, batch, batch]));
  });

  it('stops waiting when it is told to, and goes on from the checkpoint of a stopped flow', async () => {
    const path = place({ '1.jsonl': lines(0, 3) });
    const source = directory(path('*.jsonl'), jsonLines, { follow: { pollMs: 10 } });
    const flow = () => dataflow('follow').from(source).to(collect());
    const live = flow().start();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect((await live.stop()).rows).toBe(3);
    const controller = new AbortController();
    const reading = source.read(undefined, controller.signal)[Symbol.asyncIterator]();
    await reading.next();
    const next = reading.next();
    controller.abort(new Error('enough'));
    await expect(next).rejects.toThrow('enough');
  });

  it('sends bad rows of every file to a sink of its own', async () => {
    const path = place({ 'a.csv': 'n\n1\nx\n', 'b.csv': 'n\ny\n2\n' });
    const source = directory(path('*.csv'), (file) =>
      csvFile(file, { schema: { n: 'int64' }, badRows: csvSink(file.replace('.csv', '.rejects')) }),
    );
    expect(await numbers(source)).toEqual([1, 2]);
    expect(readFileSync(path('b.rejects'), 'utf8')).toMatch(/,2,n,.*'y'/);
  });
});
