import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import {
  Dictionary,
  Int32,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  tableFromIPC,
  Utf8,
  type Vector,
  vectorFromArray,
} from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrowStream } from '../../sources/index.js';
import {
  cells,
  errorOf,
  everyType,
  expectDataOrError,
  expectResumable,
  ipc,
  never,
  readAll,
  rowsOf,
  withColumns,
  withFlippedBits,
} from './helpers.js';

const FLIGHTS = 'node_modules/vega-datasets/data/flights-200k.arrow';
const MARKER_BYTES = 8;

async function* inChunks(bytes: Uint8Array, sizes: readonly number[]) {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length]!;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

const joined = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

describe('arrowStream', () => {
  it('reads bytes, Node streams, web streams and async iterables alike', async () => {
    const batch = everyType(65);
    const bytes = ipc([batch], 'stream');
    const expected = cells([batch]);
    expect(await rowsOf(arrowStream(bytes))).toEqual(expected);
    expect(await rowsOf(arrowStream(Readable.from(inChunks(bytes, [100]))))).toEqual(expected);
    expect(await rowsOf(arrowStream(new Blob([bytes as Uint8Array<ArrayBuffer>]).stream()))).toEqual(
      expected,
    );
    expect(await rowsOf(arrowStream(inChunks(bytes, [7, 1000, 1])))).toEqual(expected);
  });

  it('does not care how the bytes are cut', async () => {
    const batches = [everyType(9), everyType(30, 4)].map((batch) =>
      withColumns(batch, ['int8', 'text', 'list', 'bool']),
    );
    const bytes = ipc(batches, 'stream');
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1 }), async (sizes) => {
        expect(await rowsOf(arrowStream(inChunks(bytes, sizes)))).toEqual(cells(batches));
      }),
      { numRuns: 30 },
    );
  });

  it('reads an Arrow file from front to back', async () => {
    const rows = await rowsOf(arrowStream(createReadStream(FLIGHTS)));
    expect(rows.length).toBe(200_000);
    const short = (await errorOf(readAll(arrowStream(createReadStream(FLIGHTS, { end: 1_600_000 }))))).code;
    expect(short).toBe('TRUNCATED_INPUT');
  });

  it('can be read on from every position', async () => {
    const batches = [7, 0, 1, 12].map((rows, i) =>
      withColumns(everyType(rows, i), ['int8', 'text', 'dense', 'struct']),
    );
    await expectResumable(arrowStream(ipc(batches, 'stream'), { batchRows: 4 }));
  });

  it('takes dictionaries that grow and dictionaries that are replaced', async () => {
    const type = new Dictionary(new Utf8(), new Int32(), 7);
    const first = vectorFromArray(['a', 'b'], new Utf8());
    const column = (dictionary: Vector<Utf8>, indices: number[]) =>
      new RecordBatch({
        x: makeData({ type, data: Int32Array.from(indices), length: indices.length, dictionary }),
      });
    const grown = first.concat(vectorFromArray(['c'], new Utf8()));
    const other = vectorFromArray(['z', 'y'], new Utf8());
    const writer = new RecordBatchStreamWriter();
    for (const batch of [column(first, [0, 1]), column(grown, [2, 0]), column(other, [0, 1])])
      writer.write(batch);
    const all = await readAll(arrowStream(writer.finish().toUint8Array(true)));
    expect(cells(all.map(({ batch }) => batch))).toEqual(['a', 'b', 'c', 'a', 'z', 'y']);
  });

  it('reads streams of one schema behind each other as one, and refuses another schema', async () => {
    const one = ipc([withColumns(everyType(4), ['int8', 'dictionary'])], 'stream');
    const same = ipc([withColumns(everyType(2, 5), ['int8', 'dictionary'])], 'stream');
    const other = ipc([withColumns(everyType(2), ['text'])], 'stream');
    expect((await rowsOf(arrowStream(joined(one, same)))).length).toBe(6);
    expect((await errorOf(readAll(arrowStream(joined(one, other))))).code).toBe('COLUMN_TYPE');
    const noMarker = one.subarray(0, one.length - MARKER_BYTES);
    expect((await errorOf(readAll(arrowStream(joined(noMarker, same))))).code).toBe('COLUMN_TYPE');
    expect((await errorOf(readAll(arrowStream(joined(one, Uint8Array.of(1, 2, 3, 4, 5)))))).code).toMatch(
      /INPUT$/,
    );
  });

  it('says TRUNCATED_INPUT for a stream cut at any length', async () => {
    const whole = ipc([withColumns(everyType(9), ['int8', 'text', 'dictionary'])], 'stream');
    for (let length = 0; length < whole.length; length++) {
      const error = await errorOf(readAll(arrowStream(whole.subarray(0, length))));
      expect(error.code, `at ${length} bytes`).toBe('TRUNCATED_INPUT');
    }
  });

  it('takes a stream without its end marker only when it is optional, and only between messages', async () => {
    const batch = withColumns(everyType(9), ['int8']);
    const whole = ipc([batch], 'stream');
    const options = { endMarker: 'optional' } as const;
    const unmarked = whole.subarray(0, whole.length - MARKER_BYTES);
    expect(await rowsOf(arrowStream(unmarked, options))).toEqual(cells([batch]));
    for (const cut of [
      unmarked.subarray(0, -1),
      whole.subarray(0, -1),
      whole.subarray(0, -4),
      whole.subarray(0, 0),
    ]) {
      expect((await errorOf(readAll(arrowStream(cut, options)))).code).toBe('TRUNCATED_INPUT');
    }
  });

  it('refuses absurd lengths without making room for them', async () => {
    const whole = ipc([withColumns(everyType(9), ['int8'])], 'stream');
    const withLength = (length: number) => {
      const damaged = new Uint8Array(whole);
      new DataView(damaged.buffer).setInt32(4, length, true);
      return readAll(arrowStream(damaged));
    };
    expect((await errorOf(withLength(-5))).code).toBe('CORRUPT_INPUT');
    expect((await errorOf(withLength(2 ** 31 - 1))).code).toBe('CORRUPT_INPUT');
    expect((await errorOf(withLength(2 ** 29))).code).toBe('TRUNCATED_INPUT');
    const small = await errorOf(readAll(arrowStream(whole, { maxMessageBytes: 16 })));
    expect(small.message).toMatch(/0 … 16 \(maxMessageBytes\)/);
  });

  it('refuses what is not Arrow', async () => {
    for (const text of ['hello, world, this is text', '{"a": 1}\n', 'ARROW2\0\0']) {
      const error = await errorOf(readAll(arrowStream(new TextEncoder().encode(text))));
      expect(error.code).toBe('CORRUPT_INPUT');
    }
  });

  it('answers a flipped bit with data or an error of ours, never with another', async () => {
    const whole = ipc([everyType(40)], 'stream');
    for (const damaged of withFlippedBits(whole, 600)) {
      await expectDataOrError(arrowStream(damaged));
    }
  });

  it('answers random bytes with an error of ours', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), fc.boolean(), async (noise, isPrefixed) => {
        const bytes = isPrefixed
          ? joined(Uint8Array.of(255, 255, 255, 255, noise.length, 0, 0, 0), noise)
          : noise;
        await errorOf(readAll(arrowStream(bytes)));
      }),
    );
  });

  it('asks for no more bytes than the batch it was asked for needs, and lets go of the stream', async () => {
    const bytes = ipc(
      Array.from({ length: 50 }, (_, i) => withColumns(everyType(100, i), ['int64'])),
      'stream',
    );
    let given = 0;
    let isClosed = false;
    async function* counted() {
      try {
        for await (const chunk of inChunks(bytes, [64])) {
          given += chunk.length;
          yield chunk;
        }
      } finally {
        isClosed = true;
      }
    }
    for await (const _ of arrowStream(counted()).read(undefined, never)) break;
    expect(given).toBeLessThan(bytes.length / 20);
    expect(isClosed).toBe(true);
  });

  it('stops waiting for a silent input when the signal aborts', async () => {
    const stop = new AbortController();
    const silent = new Readable({ read() {} });
    const reading = readAll(arrowStream(silent), undefined, stop.signal);
    setTimeout(() => stop.abort(new Error('enough')), 10);
    await expect(reading).rejects.toThrow('enough');
    expect(silent.destroyed).toBe(true);
  });

  it('says SOURCE_FAILED when the stream fails or carries no bytes', async () => {
    const failing = new Readable({ read: () => failing.destroy(new Error('connection reset')) });
    const error = await errorOf(readAll(arrowStream(failing)));
    expect([error.code, error.message]).toEqual([
      'SOURCE_FAILED',
      expect.stringContaining('connection reset'),
    ]);
    const texts = Readable.from(['text']) as unknown as AsyncIterable<Uint8Array>;
    expect((await errorOf(readAll(arrowStream(texts)))).code).toBe('SOURCE_FAILED');
  });

  it('reads what arrow-js reads', async () => {
    const bytes = ipc([everyType(30)], 'stream');
    expect(await rowsOf(arrowStream(bytes))).toEqual(cells(tableFromIPC(bytes).batches));
  });
});
