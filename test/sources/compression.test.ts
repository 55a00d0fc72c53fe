import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { bytesFileSink, csvSink, jsonLinesSink } from '../../sinks/index.js';
import { decompressed } from '../../sources/compression.js';
import { bytesFile, csvFile, jsonLines } from '../../sources/index.js';
import { zstdCompressor } from '../../sources/zstd.js';
import { ZstdFrames } from '../../sources/zstd-frames.js';
import {
  cells,
  errorOf,
  everyType,
  expectResumable,
  expectSameBytes,
  readAll,
  rowsOf,
  scratch,
  withColumns,
  withFlippedBits,
  writeAll,
} from './helpers.js';

const at = scratch();
const compress = {
  gzip: async (bytes: Uint8Array) => gzipSync(bytes),
  zstd: async (bytes: Uint8Array) => (await zstdCompressor('test'))(bytes),
};
const methods = ['gzip', 'zstd'] as const;
const ending = { gzip: 'gz', zstd: 'zst' };

const csv = `n,word\n${Array.from({ length: 5000 }, (_, i) => `${i},word ${i % 7}`).join('\n')}\n`;
const expected = Array.from({ length: 5000 }, (_, i) => `${i} | word ${i % 7}`);

/** Chunks of a few bytes each. */
async function* cut(bytes: Uint8Array, size = 7) {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

async function joined(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

describe.each(methods)('%s', (method) => {
  it('is read by the ending of the path, or where the option says so', async () => {
    const bytes = await compress[method](Buffer.from(csv));
    writeFileSync(at(`a.csv.${ending[method]}`), bytes);
    writeFileSync(at('a.packed'), bytes);
    expect(await rowsOf(csvFile(at(`a.csv.${ending[method]}`)))).toEqual(expected);
    expect(await rowsOf(csvFile(at('a.packed'), { compression: method }))).toEqual(expected);
    expect(await rowsOf(csvFile(cut(bytes), { compression: method }))).toEqual(expected);
    const plain = csvFile(at(`a.csv.${ending[method]}`), { compression: 'none' });
    expect(await errorOf(readAll(plain))).toMatchObject({ code: 'CORRUPT_INPUT' });
  });

  it('is read as one stream where several stand one behind the other', async () => {
    const parts = [csv.slice(0, 1000), '', csv.slice(1000)].map((part) =>
      compress[method](Buffer.from(part)),
    );
    writeFileSync(at('parts'), Buffer.concat(await Promise.all(parts)));
    expect(await rowsOf(csvFile(at('parts'), { compression: method }))).toEqual(expected);
  });

  it('goes on from any position', async () => {
    const lines = Array.from({ length: 100 }, (_, i) => `{"n":${i}}`).join('\n');
    const path = at(`r.jsonl.${ending[method]}`);
    writeFileSync(path, await compress[method](Buffer.from(lines)));
    await expectResumable(jsonLines(path, { batchRows: 7 }));
    await expectResumable(bytesFile(path, { blockBytes: 100, compression: method }));
    const blocks = await readAll(bytesFile(path, { blockBytes: 100, compression: method }));
    expect(blocks.map(({ next }) => next).at(-1)).toEqual({ bytes: lines.length });
  });

  it('is an error where it ends early, at every byte', async () => {
    const bytes = await compress[method](Buffer.from(csv.slice(0, 200)));
    for (let length = 1; length < bytes.length; length++) {
      const chunks = decompressed('test', method, cut(bytes.subarray(0, length)));
      expect(await errorOf(joined(chunks)), `${length}`).toMatchObject({ code: 'TRUNCATED_INPUT' });
    }
  });

  it('is an error where it is damaged, and names the file', async () => {
    const path = at(`damaged.${ending[method]}`);
    for (const damaged of withFlippedBits(await compress[method](Buffer.from(csv)), 60)) {
      writeFileSync(path, damaged);
      const error = await rowsOf(csvFile(path)).then(
        (rows) => (method === 'gzip' ? expect(rows).toEqual(expected) : undefined),
        (thrown: unknown) => thrown,
      );
      if (error !== undefined) expect(error).toMatchObject({ at: { file: path } });
    }
    writeFileSync(path, 'n,word\n1,x\n');
    expect(await errorOf(readAll(csvFile(path)))).toMatchObject({ code: 'CORRUPT_INPUT' });
  });

  it('comes in bounded pieces, however much a few bytes stand for', async () => {
    const bomb = await compress[method](Buffer.alloc(2 ** 26));
    let most = 0;
    let total = 0;
    for await (const piece of decompressed('test', method, cut(bomb, 2 ** 16))) {
      most = Math.max(most, piece.length);
      total += piece.length;
    }
    expect(total).toBe(2 ** 26);
    expect(most).toBeLessThanOrEqual(2 ** 25);
  });

  it('is written as one stream, the same however often it was stopped and resumed', async () => {
    const batches = [0, 1, 2].map((seed) =>
      withColumns(everyType(9000, seed), ['int64', 'text', 'list', 'day']),
    );
    const make = {
      csv: (path: string) => csvSink(path, { compression: method, overwrite: true }),
      jsonl: (path: string) => jsonLinesSink(path, { compression: method, overwrite: true }),
    };
    for (const [format, sink] of Object.entries(make)) {
      await expectSameBytes(sink, (name) => at(`${format}-${method}-${name}`), batches);
      await writeAll(sink(at('plain')), batches);
      await writeAll(
        format === 'csv'
          ? csvSink(at('plain'), { overwrite: true })
          : jsonLinesSink(at('plain'), { overwrite: true }),
        batches,
      );
      const packed = readFileSync(at(`${format}-${method}-whole`));
      const text = await joined(decompressed('test', method, cut(packed, 1000)));
      expect(text.equals(readFileSync(at('plain')))).toBe(true);
      expect(text.length).toBeGreaterThan(2 ** 20);
      expect(packed.length).toBeLessThan(text.length / 2);
      if (method === 'gzip') expect(gunzipSync(packed).equals(text)).toBe(true);
    }
  });

  it('is written by the ending of the path, and whole where there is nothing to write', async () => {
    const batch = withColumns(everyType(10), ['int64', 'text']);
    const path = at(`sink.csv.${ending[method]}`);
    await writeAll(csvSink(path), [batch]);
    expect(await rowsOf(csvFile(path))).toEqual(cells([batch]));
    await writeAll(csvSink(at(`nothing-${method}`), { compression: method, header: false }), []);
    expect(
      await joined(decompressed('test', method, cut(readFileSync(at(`nothing-${method}`))))),
    ).toHaveLength(0);
    expect(readFileSync(at(`nothing-${method}`)).length).toBeGreaterThan(0);
  });
});

describe('bytesFile and bytesFileSink', () => {
  it('leave bytes as they are unless they are told otherwise', async () => {
    writeFileSync(at('raw.gz'), gzipSync(csv));
    await writeAll(bytesFileSink(at('copy.gz')), [(await readAll(bytesFile(at('raw.gz'))))[0]!.batch]);
    expect(readFileSync(at('copy.gz')).equals(readFileSync(at('raw.gz')))).toBe(true);
    const [{ batch }] = (await readAll(bytesFile(at('raw.gz'), { compression: 'auto' }))) as [
      { batch: ReturnType<typeof everyType>; next: null },
    ];
    expect(Buffer.from(batch.getChildAt(0)!.get(0)).toString()).toBe(csv);
  });
});

describe('zstd', () => {
  it('follows frames of every shape, skippable ones too', () => {
    const windows: number[] = [];
    const frames = new ZstdFrames((bytes) => windows.push(bytes));
    const skippable = Uint8Array.of(0x53, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9);
    // One block of one repeated byte, in a single segment of 300 bytes, with a checksum.
    const single = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x64, 44, 0, 0x63, 9, 0, 7, 1, 2, 3, 4);
    // A window of 1 MiB and a quarter, a raw block of two bytes that is not the last, then an empty one.
    const windowed = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, (10 << 3) | 2, 0x10, 0, 0, 5, 6, 1, 0, 0);
    for (const byte of [...skippable, ...single, ...windowed])
      expect(frames.push(Uint8Array.of(byte))).toBe(true);
    expect(frames.isWhole).toBe(true);
    expect(windows).toEqual([300, 2 ** 20 * 1.25]);
    expect(frames.push(Uint8Array.of(1, 2, 3, 4, 5))).toBe(false);
  });

  it('refuses a frame that asks for more memory than there is room for', async () => {
    const frame = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x04, 17 << 3, 1, 0, 0, 0, 0, 0, 0);
    const error = await errorOf(joined(decompressed('test', 'zstd', cut(frame))));
    expect(error).toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect(error.message).toMatch(/134217728/);
  });

  it('has room for many streams at once', async () => {
    const bytes = await compress.zstd(Buffer.from(csv));
    const streams = Array.from({ length: 8 }, () => joined(decompressed('test', 'zstd', cut(bytes, 100))));
    for (const text of await Promise.all(streams)) expect(text.toString()).toBe(csv);
  });
});
