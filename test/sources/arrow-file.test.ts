import { readFileSync, writeFileSync } from 'node:fs';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import {
  CompressionType,
  compressionRegistry,
  Field,
  RecordBatch,
  RecordBatchFileWriter,
  Struct,
  tableFromIPC,
  Utf8View,
  vectorFromArray,
} from 'apache-arrow';
import { afterAll, describe, expect, it } from 'vitest';
import { arrowFile } from '../../sources/index.js';
import { describeSchema } from '../../src/columns.js';
import {
  cells,
  errorOf,
  everyType,
  expectDataOrError,
  expectResumable,
  ipc,
  readAll,
  rowsOf,
  scratch,
  withColumns,
  withFlippedBits,
} from './helpers.js';

const at = scratch();
const FLIGHTS = 'node_modules/vega-datasets/data/flights-200k.arrow';

function file(name: string, bytes: Uint8Array): string {
  writeFileSync(at(name), bytes);
  return at(name);
}

describe('arrowFile', () => {
  it('reads files of arrow-js with every type', async () => {
    const batch = everyType(65);
    expect(await rowsOf(arrowFile(file('types', ipc([batch], 'file'))))).toEqual(cells([batch]));
  });

  it('gives view columns as plain text and bytes, also inside of others', async () => {
    const struct = vectorFromArray(
      [{ v: 'a view that is longer than twelve bytes' }, null],
      new Struct([new Field('v', new Utf8View(), true)]),
    );
    const batch = new RecordBatch({ view: everyType(2).getChild('view')!.data[0]!, struct: struct.data[0]! });
    const [first] = await readAll(arrowFile(file('views', ipc([batch], 'file'))));
    expect(describeSchema(first!.batch.schema)).toBe('view: Utf8, struct: Struct<{v:Utf8}>');
    expect(cells([first!.batch])).toEqual(cells([batch]));
  });

  it('reads the stream format from a file as well', async () => {
    const batch = everyType(65);
    const source = arrowFile(file('stream', ipc([batch], 'stream')), { batchRows: 20 });
    expect(await rowsOf(source)).toEqual(cells([batch]));
    await expectResumable(source);
  });

  it('reads 200,000 flights in batches of at most 65,536 rows', async () => {
    const all = await readAll(arrowFile(FLIGHTS));
    expect(all.map(({ batch }) => batch.numRows)).toEqual([65_536, 65_536, 65_536, 3_392]);
    const table = tableFromIPC(readFileSync(FLIGHTS));
    expect(cells([all[3]!.batch])).toEqual(cells([table.batches[0]!.slice(196_608, 200_000)]));
  });

  it('can be read on from every position, by random access', async () => {
    const batches = [7, 0, 1, 12].map((rows, i) =>
      withColumns(everyType(rows, i), ['int8', 'text', 'list', 'struct']),
    );
    await expectResumable(arrowFile(file('many', ipc(batches, 'file')), { batchRows: 4 }));
  });

  it('gives one batch without rows for a file without batches', async () => {
    const source = arrowFile(
      file('empty-file', RecordBatchFileWriter.writeAll([everyType(1)]).toUint8Array(true)),
    );
    expect((await readAll(source))[0]!.batch.numRows).toBe(1);
    const none = withColumns(everyType(0), ['int8', 'text']);
    const [only, ...more] = await readAll(arrowFile(file('none', ipc([none], 'file'))));
    expect(only!.batch.numRows).toBe(0);
    expect(more).toEqual([]);
  });

  it('tells what is wrong with a file that is missing, empty or something else', async () => {
    const codeOf = async (path: string) => (await errorOf(readAll(arrowFile(path)))).code;
    expect(await codeOf(at('missing'))).toBe('SOURCE_FAILED');
    expect(await codeOf(at('.'))).toBe('SOURCE_FAILED');
    expect(await codeOf(file('zero', new Uint8Array(0)))).toBe('CORRUPT_INPUT');
    expect(await codeOf(file('text', new TextEncoder().encode('a,b\n1,2\n')))).toBe('CORRUPT_INPUT');
    const error = await errorOf(readAll(arrowFile(at('missing'))));
    expect(error.at.file).toBe(at('missing'));
  });

  it('says TRUNCATED_INPUT for a file cut at any length', async () => {
    const whole = ipc([withColumns(everyType(9), ['int8', 'text', 'dictionary'])], 'file');
    for (let length = 1; length < whole.length; length++) {
      const error = await errorOf(readAll(arrowFile(file('cut', whole.subarray(0, length)))));
      expect(error.code, `at ${length} bytes`).toBe('TRUNCATED_INPUT');
    }
  });

  it('answers a flipped bit with data or an error of ours, never with another', async () => {
    const whole = ipc(
      [everyType(40), everyType(40, 40).select(everyType(1).schema.names)].slice(0, 1),
      'file',
    );
    for (const damaged of withFlippedBits(whole, 400)) {
      await expectDataOrError(arrowFile(file('flipped', damaged)));
    }
  });

  it('refuses a damaged footer without reading what it points to', async () => {
    const whole = ipc([everyType(3)], 'file');
    const damaged = new Uint8Array(whole);
    new DataView(damaged.buffer).setInt32(damaged.length - 10, 2 ** 30, true);
    const error = await errorOf(readAll(arrowFile(file('footer', damaged))));
    expect(error.message).toMatch(/footer length, expected 1 … \d+, got 1073741824/);
  });

  it('stops when the signal aborts', async () => {
    const stop = new AbortController();
    stop.abort(new Error('enough'));
    await expect(readAll(arrowFile(FLIGHTS), undefined, stop.signal)).rejects.toThrow('enough');
  });
});

describe('arrowFile with compressed batches', () => {
  const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];
  const codec = {
    encode: (bytes: Uint8Array) => Uint8Array.of(...MAGIC, ...deflateRawSync(bytes)),
    decode: (bytes: Uint8Array) => new Uint8Array(inflateRawSync(bytes.subarray(4))),
  };
  afterAll(() => compressionRegistry.set(CompressionType.ZSTD, {}));
  const batch = withColumns(everyType(500), ['int64', 'text', 'list', 'dictionary']);
  const path = () => {
    compressionRegistry.set(CompressionType.ZSTD, codec);
    const writer = new RecordBatchFileWriter({ compressionType: CompressionType.ZSTD });
    writer.write(batch);
    return file('zstd', writer.finish().toUint8Array(true));
  };

  it('reads them with the codec that was registered', async () => {
    expect(await rowsOf(arrowFile(path()))).toEqual(cells([batch]));
  });

  it('says which codec is missing', async () => {
    const written = path();
    compressionRegistry.set(CompressionType.ZSTD, {});
    const error = await errorOf(readAll(arrowFile(written)));
    expect(error.code).toBe('SOURCE_FAILED');
    expect(error.message).toMatch(/compression ZSTD, expected a codec set with compressionRegistry/);
  });

  it('answers a flipped bit with data or an error of ours', async () => {
    for (const damaged of withFlippedBits(readFileSync(path()), 200)) {
      await expectDataOrError(arrowFile(file('flipped', damaged)));
    }
  });
});
