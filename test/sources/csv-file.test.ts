import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { DataType, Field, Float32, Int64, type RecordBatch, Schema, Utf8 } from 'apache-arrow';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collect, csvSink } from '../../sinks/index.js';
import { type CsvFileOptions, csvFile } from '../../sources/index.js';
import {
  cells,
  errorOf,
  expectResumable,
  expectSameBytes,
  readAll,
  rowsOf,
  scratch,
  writeAll,
} from './helpers.js';

const at = scratch();
const DATA = 'node_modules/vega-datasets/data';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const read = (text: string, options?: CsvFileOptions) => rowsOf(csvFile(bytesOf(text), options));
const failure = (text: string, options?: CsvFileOptions) => errorOf(read(text, options));

async function typesOf(text: string, options?: CsvFileOptions): Promise<Record<string, string>> {
  const [first] = await readAll(csvFile(bytesOf(text), options));
  return Object.fromEntries(first!.batch.schema.fields.map(({ name, type }) => [name, String(type)]));
}

describe('csvFile', () => {
  it('reads cells, quotes, line breaks in quotes, CR LF, a byte order mark and a last line without an end', async () => {
    const text = '\ufeff"a",b,c\r\n1,"x, ""y""","two\r\nlines"\r\n2,é🙂,"" \r\n'.replace('"" \r', '""\r');
    expect(await read(`${text}3,plain,end`)).toEqual([
      '1 | x, "y" | two\r\nlines',
      '2 | é🙂 | ',
      '3 | plain | end',
    ]);
  });

  it('does not care where the chunks end', async () => {
    const text = 'a,b\n1,"é🙂\n""x"""\n2,ü\r\n';
    async function* chunks(size: number) {
      const bytes = bytesOf(text);
      for (let i = 0; i < bytes.length; i += size) yield bytes.subarray(i, i + size);
    }
    for (let size = 1; size < 12; size++) {
      expect(await rowsOf(csvFile(chunks(size)))).toEqual(['1 | é🙂\n"x"', '2 | ü']);
    }
  });

  it('reads what csv-parse reads', async () => {
    const cell = fc.stringMatching(/^[ab"',;\n\r é]{0,6}$/);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(cell, { minLength: 2, maxLength: 2 }), { minLength: 1 }),
        async (rows) => {
          const text = rows
            .map((row) => row.map((value) => `"${value.replaceAll('"', '""')}"`).join(','))
            .join('\n');
          const types = { column1: 'utf8', column2: 'utf8' } as const;
          const ours = await readAll(csvFile(bytesOf(text), { header: false, schema: types }));
          const got = ours.flatMap(({ batch }) => batch.toArray().map((row) => [row.column1, row.column2]));
          expect(got).toEqual(parse(text, { record_delimiter: '\n' }));
        },
      ),
    );
  });

  it('infers types', async () => {
    const text = [
      'bool,int,long,float,code,day,time,vector,list,text,none',
      'true,1,3000000000,1.5,00501,2012-01-31,2012-01-31T12:00:00Z,"[1,2]","[1]",x,',
      'False,-7,-1,NaN,00544,2012-02-29,2012-01-31,"[3,4]","[1,2.5]",2,',
      ',,,,,,,,,,',
    ].join('\n');
    expect(await typesOf(text)).toEqual({
      bool: 'Bool',
      int: 'Int32',
      long: 'Int64',
      float: 'Float64',
      code: 'Utf8',
      day: 'Date32<DAY>',
      time: 'Timestamp<MILLISECOND>',
      vector: 'FixedSizeList[2]<Float32>',
      list: 'List<Float64>',
      text: 'Utf8',
      none: 'Utf8',
    });
    const rows = await read(text);
    expect(rows[0]).toMatch(
      /^true \| 1 \| 3000000000 \| 1.5 \| 00501 \| .* \| \[1,2\] \| \[1\] \| x \| null$/,
    );
    expect(rows[2]).toBe(Array(11).fill('null').join(' | '));
  });

  it('takes types from an Arrow schema or by name, and infers the rest', async () => {
    const schema = new Schema([new Field('a', new Int64(), true), new Field('b', new Float32(), true)]);
    expect(await typesOf('a,b,c\n1,2,3\n', { schema })).toEqual({ a: 'Int64', b: 'Float32', c: 'Int32' });
    expect(await typesOf('a,b\n1,2\n', { schema: { a: 'utf8' } })).toEqual({ a: 'Utf8', b: 'Int32' });
    expect(
      await typesOf('1,2\n', { header: false, schema: { x: 'uint8', y: 'date' }, badRows: collect() }),
    ).toEqual({
      x: 'Uint8',
      y: 'Date32<DAY>',
    });
    const missing = await failure('a,b\n1,2\n', { schema: { z: 'utf8' } });
    expect(missing.code).toBe('COLUMN_MISSING');
    const unknown = new Schema([new Field('a', new Utf8(), true)]);
    expect(() => csvFile('x', { schema: { a: 'number' as never } })).toThrow(
      /schema\['a'\], expected one of bool/,
    );
    expect(() => csvFile('x', { schema: unknown })).not.toThrow();
  });

  it('names file, line and column of a cell that does not fit', async () => {
    writeFileSync(at('bad.csv'), 'a,b\n1,"two\nlines"\nx,z\n');
    const error = await errorOf(readAll(csvFile(at('bad.csv'), { sampleRows: 1 })));
    expect(error.code).toBe('CORRUPT_INPUT');
    expect(error.at).toEqual({ file: at('bad.csv'), line: 4, column: 'a' });
    expect(error.message).toContain(
      `csvFile '${at('bad.csv')}': line 4, column 'a', expected a row that fits`,
    );
    expect(error.message).toContain("expected int32, got 'x'");
  });

  it('refuses rows with too many or too few cells, bytes that are not UTF-8, and quotes that do not add up', async () => {
    expect((await failure('a,b\n1,2,3\n')).message).toMatch(/line 2, .*expected 2 cells, got 3/);
    expect((await failure('a,b\n1\n')).message).toMatch(/line 2, .*expected 2 cells, got 1/);
    expect((await failure('a,b\n1,"x\n2,y\n')).message).toMatch(/line 2, .*quotes that do not add up/);
    expect((await failure('a,b\n1,"x"y\n')).message).toMatch(/line 2, .*quotes that do not add up/);
    const latin = Uint8Array.of(...bytesOf('a\n'), 0xe9, 10);
    expect((await errorOf(rowsOf(csvFile(latin)))).message).toMatch(/line 2, .*not UTF-8/);
  });

  it('sends rows that do not fit to the sink for bad rows, and reads on', async () => {
    const rejects = collect();
    const text = 'a,b\n1,x\nbad,y\n2\n3,"open\n4,z\n5,"x"y\n6,end\n';
    expect(await read(text, { badRows: rejects, schema: { a: 'int32' } })).toEqual([
      '1 | x',
      '4 | z',
      '6 | end',
    ]);
    expect(cells(rejects.batches)).toEqual([
      "input | 3 | a | expected int32, got 'bad' | bad,y",
      'input | 4 | null | expected 2 cells, got 1 | 2',
      'input | 5 | null | quotes that do not add up | 3,"open',
      'input | 7 | null | quotes that do not add up | 5,"x"y',
    ]);
  });

  it('passes over rows that do not fit and counts them with the batch they were read with, those at the end too', async () => {
    const text = `n\n1\nbad\n2\n3\n4\n${'bad\n'.repeat(5)}`;
    const source = csvFile(bytesOf(text), { schema: { n: 'int32' }, batchRows: 2, badRows: 'skip' });
    const all = await readAll(source);
    expect(all.map(({ batch, skipped, rejected }) => [batch.numRows, skipped, rejected])).toEqual([
      [2, 1, undefined],
      [2, undefined, undefined],
      [0, 5, undefined],
    ]);
    const rest = await readAll(source, all[1]!.next);
    expect(rest.map(({ batch, skipped }) => [batch.numRows, skipped])).toEqual([[0, 5]]);
  });

  it('neither loses nor doubles a reject when it is read on from any position', async () => {
    const text = Array.from({ length: 40 }, (_, i) => (i % 3 === 1 ? `bad ${i}` : `${i}`)).join('\n');
    writeFileSync(at('rejects.csv'), `n\n${text}\n`);
    const source = (name: string) =>
      csvFile(at('rejects.csv'), {
        schema: { n: 'int32' },
        batchRows: 4,
        badRows: csvSink(at(name), { overwrite: true }),
      });
    const whole = await readAll(source('all-rejects.csv'));
    const expected = readFileSync(at('all-rejects.csv'), 'utf8');
    expect(expected.split('\n').length).toBe(13 + 2);
    for (let cut = 1; cut < whole.length; cut++) {
      const first = source('some.csv').read(undefined, new AbortController().signal)[Symbol.asyncIterator]();
      let position = null as unknown;
      for (let i = 0; i < cut; i++) position = (await first.next()).value.next;
      await first.next();
      await first.return?.();
      const rest = await readAll(source('some.csv'), structuredClone(position) as never);
      expect(cells(rest.map(({ batch }) => batch))).toEqual(
        cells(whole.slice(cut).map(({ batch }) => batch)),
      );
      expect(readFileSync(at('some.csv'), 'utf8')).toBe(expected);
    }
  });

  it('can be read on from every position, with the types of the first run', async () => {
    writeFileSync(
      at('resume.csv'),
      `a,b\n${Array.from({ length: 25 }, (_, i) => `${i},"x\n${i}"`).join('\n')}\n`,
    );
    await expectResumable(csvFile(at('resume.csv'), { batchRows: 4, sampleRows: 3 }));
    await expectResumable(csvFile(readFileSync(at('resume.csv')), { batchRows: 4 }));
  });

  it('gives a header alone as a batch without rows, and refuses an empty file', async () => {
    const [only, ...more] = await readAll(csvFile(bytesOf('a,b\n')));
    expect([only!.batch.numRows, only!.batch.schema.names, more.length]).toEqual([0, ['a', 'b'], 0]);
    expect((await failure('')).message).toMatch(/expected a header or rows, got an empty file/);
    expect((await failure('a,a\n1,2\n')).message).toMatch(/'a' twice/);
    expect((await errorOf(readAll(csvFile(at('missing.csv'))))).code).toBe('SOURCE_FAILED');
  });

  it('takes blank lines for nulls only where there is one column', async () => {
    expect(await read('a,b\n\n1,2\n\n')).toEqual(['1 | 2']);
    expect(await read('a\n1\n\n2\n')).toEqual(['1', 'null', '2']);
    expect(await read('1\n\n2\n\n', { header: false, sampleRows: 1 })).toEqual(['1', 'null', '2', 'null']);
    expect(await read('1\n\n2\n\n', { header: false, sampleRows: 9 })).toEqual(['1', 'null', '2', 'null']);
  });

  it('refuses a record beyond its limit', async () => {
    const error = await failure(`a\n${'x'.repeat(1000)}\n`, { maxRecordBytes: 100 });
    expect(error.code).toBe('LIMIT_EXCEEDED');
  });

  it('refuses options out of range', () => {
    expect(() => csvFile('x', { delimiter: ',,' })).toThrow(/delimiter/);
    expect(() => csvFile('x', { batchRows: 0 })).toThrow(/batchRows/);
    expect(() => csvFile('x', { sampleRows: 0.5 })).toThrow(/sampleRows/);
    expect(() => csvFile('')).toThrow(/path/);
    expect(() => csvFile('x', { badRows: 'rejects.csv' as never })).toThrow(
      /badRows, expected 'fail', 'skip' or a sink/,
    );
    expect(() => csvFile('x', { seperator: ';' } as never)).toThrow(/seperator/);
  });

  it('reads zip codes, bird strikes and weather as csv-parse does', async () => {
    for (const [name, rows] of [
      ['zipcodes', 42_049],
      ['birdstrikes', 10_000],
      ['seattle-weather', 1_461],
    ] as const) {
      const path = `${DATA}/${name}.csv`;
      const all = await readAll(csvFile(createReadStream(path)));
      expect(all.reduce((sum, { batch }) => sum + batch.numRows, 0)).toBe(rows);
      const expected: string[][] = parse(readFileSync(path), { from_line: 2 });
      const got = all.flatMap(({ batch }) => texts(batch));
      expect(got.length).toBe(expected.length);
      for (let row = 0; row < rows; row += 61) expect(got[row]).toEqual(expected[row]!.map(canonical));
    }
  });
});

/** Numbers in one way of writing them. */
const canonical = (text: string) => (/^-?(0|[1-9]\d*)(\.\d+)?$/.test(text) ? String(Number(text)) : text);

/** The cells of a batch as a CSV file has them. */
function texts(batch: RecordBatch): string[][] {
  const columns = batch.schema.fields.map(({ type }, c) => ({
    isDay: DataType.isDate(type),
    column: batch.getChildAt(c)!,
  }));
  return Array.from({ length: batch.numRows }, (_, row) =>
    columns.map(({ isDay, column }) => {
      const value = column.get(row);
      return isDay
        ? new Date(value).toISOString().slice(0, 10)
        : value === null
          ? ''
          : canonical(String(value));
    }),
  );
}

describe('csvSink', () => {
  it('writes what csvFile reads as the same', async () => {
    const value = fc.option(fc.string({ unit: 'grapheme', minLength: 0, maxLength: 8 }), { nil: null });
    const row = fc.record({
      text: value,
      number: fc.option(fc.double(), { nil: null }),
      long: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      flag: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async (rows) => {
        const schema = { text: 'utf8', number: 'float64', long: 'int64', flag: 'bool' } as const;
        const batch = await batchOf(rows, schema);
        await writeAll(csvSink(at('round.csv'), { overwrite: true }), [batch]);
        expect(await rowsOf(csvFile(at('round.csv'), { schema }))).toEqual(cells([batch]));
      }),
      { numRuns: 60 },
    );
  });

  it('has the same bytes however often it was stopped and resumed', async () => {
    const all = await readAll(csvFile(`${DATA}/seattle-weather.csv`, { batchRows: 400 }));
    await expectSameBytes(
      (path) => csvSink(path),
      at,
      all.map(({ batch }) => batch),
    );
    const again = await rowsOf(csvFile(at('whole')));
    expect(again).toEqual(cells(all.map(({ batch }) => batch)));
  });

  it('tells nulls from empty texts, also with a text of its own for nulls', async () => {
    const batch = await batchOf([{ a: null }, { a: '' }, { a: 'NA' }], { a: 'utf8' });
    await writeAll(csvSink(at('nulls.csv')), [batch]);
    expect(readFileSync(at('nulls.csv'), 'utf8')).toBe('a\n\n""\nNA\n');
    expect(await rowsOf(csvFile(at('nulls.csv')))).toEqual(['null', '', 'NA']);
    await writeAll(csvSink(at('na.csv'), { nullValue: 'NA', header: false }), [batch]);
    expect(readFileSync(at('na.csv'), 'utf8')).toBe('NA\n""\n"NA"\n');
    expect(await rowsOf(csvFile(at('na.csv'), { header: false, nullValues: ['NA'] }))).toEqual([
      'null',
      '',
      'NA',
    ]);
  });

  it('refuses options that would not read back', () => {
    expect(() => csvSink('x', { delimiter: '\n' })).toThrow(/delimiter/);
    expect(() => csvSink('x', { nullValue: '"' })).toThrow(/nullValue/);
    expect(() => csvSink('x', { nullValue: 'a;b', delimiter: ';' })).toThrow(/nullValue/);
  });
});

/** A batch of rows, made by the reader of JSON lines. */
async function batchOf(
  rows: readonly Record<string, unknown>[],
  schema: NonNullable<CsvFileOptions['schema']>,
) {
  const { jsonLines } = await import('../../sources/index.js');
  const { jsonText } = await import('../../sources/cell-values.js');
  const special = (value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? `${value}` : value;
  const lines = rows.map((row) =>
    jsonText(Object.fromEntries(Object.entries(row).map(([key, value]) => [key, special(value)]))),
  );
  return (await readAll(jsonLines(bytesOf(lines.join('\n')), { schema })))[0]!.batch;
}
