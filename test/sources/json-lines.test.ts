import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collect, jsonLinesSink } from '../../sinks/index.js';
import { jsonLines, type TextRowsOptions } from '../../sources/index.js';
import {
  cells,
  errorOf,
  everyType,
  expectResumable,
  expectSameBytes,
  readAll,
  rowsOf,
  scratch,
  writeAll,
} from './helpers.js';

const at = scratch();
const bytesOf = (text: string) => new TextEncoder().encode(text);
const read = (text: string, options?: TextRowsOptions) => rowsOf(jsonLines(bytesOf(text), options));
const failure = (text: string, options?: TextRowsOptions) => errorOf(read(text, options));

async function typesOf(text: string, options?: TextRowsOptions): Promise<Record<string, string>> {
  const [first] = await readAll(jsonLines(bytesOf(text), options));
  return Object.fromEntries(first!.batch.schema.fields.map(({ name, type }) => [name, String(type)]));
}

describe('jsonLines', () => {
  it('infers types', async () => {
    const first =
      '{"b":true,"i":1,"l":9007199254740993,"f":1.5,"t":"12","d":"2012-01-31","v":[1,2],"w":[1],"s":["a"],"o":{"x":1},"m":1}';
    const second =
      '{"b":false,"i":null,"l":1,"f":"NaN","t":"x","d":"2012-02-29","v":[3,4.5],"w":[1,2],"s":[],"o":null,"m":"x"}';
    expect(await typesOf(`${first}\n${second}\n`)).toEqual({
      b: 'Bool',
      i: 'Int32',
      l: 'Int64',
      f: 'Float64',
      t: 'Utf8',
      d: 'Date32<DAY>',
      v: 'FixedSizeList[2]<Float32>',
      w: 'List<Float64>',
      s: 'List<Utf8>',
      o: 'Utf8',
      m: 'Utf8',
    });
    const rows = await read(`${first}\n\n${second}`);
    expect(rows[0]).toBe(
      'true | 1 | 9007199254740993 | 1.5 | 12 | 1327968000000 | [1,2] | [1] | [a] | {"x":1} | 1',
    );
    expect(rows[1]).toBe('false | null | 1 | NaN | x | 1330473600000 | [3,4.5] | [1,2] | [] | null | x');
  });

  it('gives a missing key as a null, and keys of the schema a column', async () => {
    expect(await read('{"a":1}\n{"b":2}\n', { schema: { c: 'utf8' } })).toEqual([
      '1 | null | null',
      'null | 2 | null',
    ]);
    expect(await read('{"__proto__":1,"toString":2}\n{}\n')).toEqual(['1 | 2', 'null | null']);
  });

  it('keeps all digits of integers, also inside of text and objects', async () => {
    const line =
      '{"n":-9223372036854775808,"t":"12345678901234567890","f":0.12345678901234567,"o":{"n":18446744073709551615}}';
    expect(await read(line)).toEqual([
      '-9223372036854775808 | 12345678901234567890 | 0.12345678901234566 | {"n":18446744073709551615}',
    ]);
  });

  it('names file, line and column of what does not fit', async () => {
    writeFileSync(at('bad.jsonl'), '{"a":1}\n{"a":"x"}\n');
    const error = await errorOf(readAll(jsonLines(at('bad.jsonl'), { sampleRows: 1 })));
    expect(error.code).toBe('CORRUPT_INPUT');
    expect(error.at).toEqual({ file: at('bad.jsonl'), line: 2, column: 'a' });
  });

  it('sends what does not fit to the sink for bad rows, and reads on', async () => {
    const rejects = collect();
    const text = '{"a":1}\n{"a":1.5}\nnot json\n[1]\n{"a":2,"new":3}\n{"a":3}\n';
    expect(await read(text, { badRows: rejects, sampleRows: 1 })).toEqual(['1', '3']);
    expect(cells(rejects.batches).map((row) => row.split(' | ').slice(1, 3))).toEqual([
      ['2', 'a'],
      ['3', 'null'],
      ['4', 'null'],
      ['5', 'new'],
    ]);
    expect((await failure('{"a":1}\n{"a":1,"b":2}', { sampleRows: 1 })).at.column).toBe('b');
  });

  it('can be read on from every position', async () => {
    writeFileSync(
      at('resume.jsonl'),
      Array.from({ length: 23 }, (_, i) => `{"a":${i},"t":"é ${i}"}\r\n`).join(''),
    );
    await expectResumable(jsonLines(at('resume.jsonl'), { batchRows: 5, sampleRows: 2 }));
  });

  it('refuses input without a single key, unless the schema has some', async () => {
    expect((await failure('')).code).toBe('CORRUPT_INPUT');
    expect(await typesOf('', { schema: { a: 'float32[3]' } })).toEqual({ a: 'FixedSizeList[3]<Float32>' });
  });

  it('survives any text', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: fc.constantFrom(...'{}[]":,\n1e-. \\u"') }), async (text) => {
        await read(text).catch((error: { code?: string }) => expect(error.code).toBe('CORRUPT_INPUT'));
      }),
    );
  });
});

describe('jsonLinesSink', () => {
  it('writes every type, and the same bytes however often it was stopped and resumed', async () => {
    const batches = [everyType(9), everyType(0), everyType(12, 4).slice(2, 9)];
    await expectSameBytes((path) => jsonLinesSink(path), at, batches);
    const lines = readFileSync(at('whole'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.length).toBe(16);
    expect(lines[3]).toMatchObject({
      int8: -97,
      float: 1,
      bool: true,
      text: 'word 3 ééé',
      view: 'word 3 ééé, longer than twelve bytes',
      bytes: 'AwQA',
      fixed: null,
      day: '1970-01-04',
      nanos: '1970-01-01T00:00:03.000000000Z',
      decimal: 90194313.219,
      dictionary: 'word 3 ééé',
      list: [0, 3, 6],
      vector: [3, -3, 0.5],
      struct: { a: 3, b: 'word 3 ééé' },
      map: { 'word 3 ééé': 3 },
      nothing: null,
      sparse: 't3',
      dense: 'd1',
    });
  });

  it('writes what jsonLines reads as the same', async () => {
    const number = fc.option(fc.oneof(fc.double(), fc.integer()), { nil: null });
    const text = fc.option(fc.string({ unit: 'grapheme' }), { nil: null });
    const vector = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), {
      minLength: 3,
      maxLength: 3,
    });
    const row = fc.record({ number, text, vector, list: fc.array(text, { maxLength: 4 }) });
    const schema = { number: 'float64', text: 'utf8', vector: 'float32[3]', list: 'list<utf8>' } as const;
    const special = (_: string, value: unknown) => {
      if (typeof value !== 'number') return value;
      return Number.isFinite(value) ? value : `${value}`;
    };
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async (rows) => {
        const [made] = await readAll(
          jsonLines(bytesOf(rows.map((row) => JSON.stringify(row, special)).join('\n')), { schema }),
        );
        await writeAll(jsonLinesSink(at('round.jsonl'), { overwrite: true }), [made!.batch]);
        expect(await rowsOf(jsonLines(at('round.jsonl'), { schema }))).toEqual(cells([made!.batch]));
      }),
      { numRuns: 60 },
    );
  });

  it('copies 20,000 flights through JSON lines', async () => {
    const flights = JSON.parse(
      readFileSync('node_modules/vega-datasets/data/flights-20k.json', 'utf8'),
    ) as object[];
    writeFileSync(at('flights.jsonl'), flights.map((flight) => `${JSON.stringify(flight)}\n`).join(''));
    const all = await readAll(jsonLines(at('flights.jsonl')));
    expect(all.reduce((sum, { batch }) => sum + batch.numRows, 0)).toBe(flights.length);
    await writeAll(
      jsonLinesSink(at('copy.jsonl')),
      all.map(({ batch }) => batch),
    );
    expect(readFileSync(at('copy.jsonl')).equals(readFileSync(at('flights.jsonl')))).toBe(true);
  });
});
