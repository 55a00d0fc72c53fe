import { readFileSync, statSync } from 'node:fs';
import {
  Dictionary,
  Int32,
  makeData,
  RecordBatch,
  tableFromIPC,
  Utf8,
  Vector,
  vectorFromArray,
} from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrowFileSink } from '../../sinks/index.js';
import { arrowFile, arrowStream, fromTable } from '../../sources/index.js';
import {
  cells,
  errorOf,
  everyType,
  expectSameBytes,
  ipc,
  never,
  readAll,
  rowsOf,
  scratch,
  withColumns,
  writeAll,
} from '../sources/helpers.js';

const at = scratch();
const FLIGHTS = 'node_modules/vega-datasets/data/flights-200k.arrow';

describe('arrowFileSink', () => {
  it('writes every type so that arrow-js reads the same values', async () => {
    const batches = [everyType(65), everyType(1, 3), everyType(100, 7).slice(13, 77), everyType(0)];
    await writeAll(arrowFileSink(at('types.arrow')), batches);
    const expected = cells(batches);
    expect(cells(tableFromIPC(readFileSync(at('types.arrow'))).batches)).toEqual(expected);
    expect(await rowsOf(arrowFile(at('types.arrow')))).toEqual(expected);
  });

  it('writes the rows of any slices', async () => {
    const whole = everyType(70);
    const cut = fc.array(fc.tuple(fc.nat(70), fc.nat(70)), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(cut, async (ranges) => {
        const slices = ranges.map(([a, b]) => whole.slice(Math.min(a, b), Math.max(a, b)));
        await writeAll(arrowFileSink(at('slices.arrow'), { overwrite: true }), slices);
        expect(await rowsOf(arrowFile(at('slices.arrow')))).toEqual(cells(slices));
      }),
      { numRuns: 20 },
    );
  });

  it('takes dictionaries of different readers, with other entries under the same id', async () => {
    const batch = (words: string[], more: string[] = []) => {
      const dictionary = vectorFromArray(words, new Utf8()).concat(vectorFromArray(more, new Utf8()));
      const type = new Dictionary(new Utf8(), new Int32(), 0);
      const column = makeData({
        type,
        data: Int32Array.from(words, (_, i) => i),
        length: words.length,
        dictionary,
      });
      return new RecordBatch({ a: column, b: column });
    };
    const batches = [batch(['x', 'y']), batch(['z']), batch(['y', 'x'], ['grown', 'more'])];
    await writeAll(arrowFileSink(at('dictionaries.arrow')), batches);
    expect(await rowsOf(arrowFile(at('dictionaries.arrow')))).toEqual(cells(batches));
  });

  it('can be read from front to back', async () => {
    const batches = [everyType(5), everyType(6, 1)];
    await writeAll(arrowFileSink(at('front.arrow')), batches);
    expect(await rowsOf(arrowStream(readFileSync(at('front.arrow'))))).toEqual(cells(batches));
  });

  it('has the same bytes however often it was stopped and resumed', async () => {
    const batches = [everyType(9), everyType(0), everyType(20, 5).slice(3, 17), everyType(1)];
    await expectSameBytes((path) => arrowFileSink(path), at, batches);
  });

  it('writes a slice with the room that it needs, not that of the whole', async () => {
    const parts = (await readAll(fromTable(everyType(4096), { batchRows: 64 }))).map(({ batch }) => batch);
    await writeAll(arrowFileSink(at('parts.arrow')), parts);
    const one = withColumns(
      everyType(4096),
      everyType(1)
        .schema.names.map(String)
        .filter((name) => name !== 'view'),
    );
    expect(statSync(at('parts.arrow')).size).toBeLessThan(ipc([one], 'file').length * 2);
  });

  it('writes a file without columns when there was no batch', async () => {
    await writeAll(arrowFileSink(at('nothing.arrow')), []);
    expect(tableFromIPC(readFileSync(at('nothing.arrow'))).numCols).toBe(0);
  });

  it('refuses another schema in the middle, also behind a resume', async () => {
    const [first, second] = [withColumns(everyType(2), ['int8']), withColumns(everyType(2), ['text'])];
    const error = await errorOf(writeAll(arrowFileSink(at('change.arrow')), [first, second]));
    expect(error.code).toBe('COLUMN_TYPE');
    expect(error.message).toMatch(/expected int8: Int8, got text: Utf8/);
    const writer = await arrowFileSink(at('resumed.arrow')).open(undefined, never);
    await writer.write(first);
    const position = await writer.position();
    await writer.abandon(true);
    expect((await errorOf(writeAll(arrowFileSink(at('resumed.arrow')), [second], position))).code).toBe(
      'COLUMN_TYPE',
    );
  });

  it('copies 200,000 flights', async () => {
    const all = (await readAll(arrowFile(FLIGHTS))).map(({ batch }) => batch);
    await writeAll(arrowFileSink(at('flights.arrow')), all);
    const [copy, original] = [at('flights.arrow'), FLIGHTS].map((path) => tableFromIPC(readFileSync(path)));
    expect(copy!.schema.toString()).toBe(original!.schema.toString());
    for (const name of ['delay', 'distance', 'time']) {
      const bytesOf = (table: typeof copy) =>
        Buffer.from(new Uint8Array(table!.getChild(name)!.toArray().slice().buffer));
      expect(bytesOf(copy).equals(bytesOf(original))).toBe(true);
    }
  });

  it('keeps the metadata of schema and columns', async () => {
    const batch = new RecordBatch({ x: vectorFromArray([1], new Int32()).data[0]! });
    batch.schema.metadata.set('made by', 'a test');
    batch.schema.fields[0]!.metadata.set('unit', 'm');
    await writeAll(arrowFileSink(at('metadata.arrow')), [batch]);
    const { schema } = tableFromIPC(readFileSync(at('metadata.arrow')));
    expect(schema.metadata.get('made by')).toBe('a test');
    expect(schema.fields[0]!.metadata.get('unit')).toBe('m');
    expect(new Vector([batch.data.children[0]!]).get(0)).toBe(1);
  });
});
