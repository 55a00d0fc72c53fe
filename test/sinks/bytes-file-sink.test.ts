import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesFileSink } from '../../sinks/index.js';
import { bytesFile } from '../../sources/index.js';
import {
  errorOf,
  everyType,
  expectResumable,
  expectSameBytes,
  readAll,
  scratch,
  withColumns,
  writeAll,
} from '../sources/helpers.js';

const at = scratch();

describe('bytesFile and bytesFileSink', () => {
  it('copy any bytes in blocks of any size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 500 }),
        fc.integer({ min: 1, max: 600 }),
        async (bytes, blockBytes) => {
          writeFileSync(at('in'), bytes);
          const all = await readAll(bytesFile(at('in'), { blockBytes }));
          expect(all.length).toBe(Math.max(1, Math.ceil(bytes.length / blockBytes)));
          await writeAll(
            bytesFileSink(at('out'), { overwrite: true }),
            all.map(({ batch }) => batch),
          );
          expect(new Uint8Array(readFileSync(at('out')))).toEqual(bytes);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('can be read on from every position', async () => {
    writeFileSync(at('resume'), 'twelve bytes');
    await expectResumable(bytesFile(at('resume'), { blockBytes: 5 }));
    expect((await readAll(bytesFile(at('resume'), { blockBytes: 5 }))).map(({ next }) => next)).toEqual([
      { bytes: 5 },
      { bytes: 10 },
      { bytes: 12 },
    ]);
  });

  it('can be written on from every position', async () => {
    const batches = (await readAll(bytesFile(at('resume'), { blockBytes: 5 }))).map(({ batch }) => batch);
    await expectSameBytes((path) => bytesFileSink(path), at, batches);
  });

  it('give an empty file as a batch without rows', async () => {
    writeFileSync(at('empty'), '');
    const [only, ...more] = await readAll(bytesFile(at('empty')));
    expect([only!.batch.numRows, more.length]).toEqual([0, 0]);
    await writeAll(bytesFileSink(at('empty-copy')), [only!.batch]);
    expect(readFileSync(at('empty-copy')).length).toBe(0);
  });

  it('write text, views and dictionaries, and slices of them', async () => {
    const batch = withColumns(everyType(20, 2), ['int8', 'nanos']);
    expect((await errorOf(writeAll(bytesFileSink(at('none')), [batch]))).message).toMatch(
      /exactly one Binary or Utf8/,
    );
    const rows = everyType(5, 0).slice(1, 5);
    for (const column of ['text', 'view', 'dictionary', 'bytes']) {
      await writeAll(bytesFileSink(at('column'), { column, overwrite: true }), [rows.slice(0, 3)]);
      const cell = (row: number) => Buffer.from(rows.getChild(column)!.get(row) as string);
      expect(readFileSync(at('column'))).toEqual(Buffer.concat([cell(0), cell(1), cell(2)]));
    }
  });

  it('refuse nulls, missing columns and other types', async () => {
    const batch = everyType(20);
    const codeOf = async (column: string) =>
      (await errorOf(writeAll(bytesFileSink(at(column), { column }), [batch]))).code;
    expect(await codeOf('text')).toBe('NOT_FINITE');
    expect(await codeOf('missing')).toBe('COLUMN_MISSING');
    expect(await codeOf('int64')).toBe('COLUMN_TYPE');
    expect((await errorOf(readAll(bytesFile(at('no such file'))))).code).toBe('SOURCE_FAILED');
    expect(() => bytesFile('x', { blockBytes: 0 })).toThrow(/blockBytes/);
  });
});
