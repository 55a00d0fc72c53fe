import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerOf } from '../../operators/compression/compress.js';
import { encodeHeader, type Frame } from '../../operators/compression/container.js';
import { ContainerReader } from '../../operators/compression/container-reader.js';
import { Decompressor, defaultMemoryBytes } from '../../operators/compression/decompressor.js';
import { checkParameters } from '../../operators/compression/parameters.js';
import { type CompressOptions, compress, decompress } from '../../operators/index.js';
import { applyTo } from '../../src/apply.js';
import type { Backend } from '../../src/kernels/kernel.js';
import { binary } from '../../src/row-types.js';
import { compressed, joined, pieces, TINY, textBytes, through } from '../support/compressed.js';
import { expectError } from '../support/errors.js';
import { outputsOf } from '../support/outcome.js';
import { campaign, cuttings, seeds, uniform } from '../support/property.js';
import { batchOf } from '../support/rows.js';

const read = (path: string, length: number) => new Uint8Array(readFileSync(path)).subarray(0, length);

function executable(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const file = openSync(process.execPath, 'r');
  readSync(file, bytes, 0, length, 4096);
  closeSync(file);
  return bytes;
}

function noise(length: number, seed = 1): Uint8Array {
  const random = uniform(seed);
  return Uint8Array.from({ length }, () => 256 * random());
}

const vega = 'node_modules/vega-datasets/data';
const inputs: Readonly<Record<string, Uint8Array>> = {
  'nothing at all': new Uint8Array(),
  'one byte': Uint8Array.of(200),
  'all byte values': Uint8Array.from({ length: 256 }, (_, i) => i),
  noise: noise(3000),
  zeros: new Uint8Array(5000),
  'UTF-8 broken in the middle': joined([
    textBytes('grüße aus köln '.repeat(20)),
    Uint8Array.of(0xc3),
    textBytes(' – ü'.repeat(50)),
  ]),
  'what is compressed already': new Uint8Array(gzipSync(read(`${vega}/movies.json`, 20_000))),
  'an executable': executable(4000),
  CSV: read(`${vega}/zipcodes.csv`, 4000),
  JSON: read(`${vega}/movies.json`, 4000),
};

function framesOf(bytes: Uint8Array): Frame[] {
  const reader = new ContainerReader('test');
  reader.limit(2 ** 24);
  reader.push(bytes);
  const frames: Frame[] = [];
  for (let piece = reader.next(); piece !== undefined; piece = reader.next()) {
    if (piece.type === 'frame') frames.push(piece.frame);
  }
  return frames;
}

const decompressed = (bytes: Uint8Array, backend?: Backend): Uint8Array => {
  const decompressor = new Decompressor('test', { maxMemoryBytes: defaultMemoryBytes() }, backend);
  const parts: Uint8Array[] = [];
  decompressor.push(bytes, (raw) => parts.push(raw.slice()));
  decompressor.finish();
  return joined(parts);
};

describe('compress', () => {
  const ways: readonly CompressOptions[] = [
    { ...TINY, frameBytes: 1000 },
    { level: 9, tableShift: 14, frameBytes: 2000, streams: 2 },
  ];
  for (const options of ways) {
    it.each(Object.entries(inputs))(`gives %s back (${JSON.stringify(options)})`, (_name, bytes) => {
      const coded = compressed(bytes, options);
      expect(coded.length).toBeLessThanOrEqual(bytes.length + 40 + 19 * Math.ceil(bytes.length / 1000));
      expect(joined(through(decompress({}), pieces(coded, [1, 0, 100, 7])))).toEqual(bytes);
    });
  }

  it('makes the same bytes however rows and batches are cut, frame borders and skipped frames among them', () => {
    const bytes = joined([inputs.JSON!.subarray(0, 1500), noise(1500), inputs.CSV!.subarray(0, 700)]);
    const options = { ...TINY, frameBytes: 400, streams: 3 };
    const whole = compressed(bytes, options);
    fc.assert(
      fc.property(cuttings, cuttings, (lengths, batches) => {
        const rows = pieces(
          bytes,
          lengths.map((length) => 9 * length),
        );
        expect(
          joined(
            through(
              compress(options),
              rows,
              batches.map((length) => length % 5),
            ),
          ),
        ).toEqual(whole);
      }),
      campaign(),
    );
  });

  it('is decompressed by the TypeScript twin, and decompresses what the twin compressed', () => {
    const bytes = inputs.JSON!.subarray(0, 600);
    const coded = compressed(bytes, { ...TINY, frameBytes: 250 });
    expect(decompressed(coded, 'typescript')).toEqual(bytes);
  });

  it('emits a frame as soon as its last byte is there', () => {
    const open = compress({ ...TINY, frameBytes: 100 }).open();
    const rowsAfter = (length: number) => {
      let rows = 0;
      const batch = batchOf(
        { bytes: binary() },
        { bytes: { offsets: Int32Array.of(0, length), values: new Uint8Array(length) } },
      );
      open.step(batch, ({ numRows }) => {
        rows += numRows;
      });
      return rows;
    };
    expect([rowsAfter(99), rowsAfter(1), rowsAfter(99), rowsAfter(2)]).toEqual([0, 2, 0, 1]);
  });

  it('looks at a small part of what cannot be compressed, and at all of what follows', () => {
    const options = { ...TINY, frameBytes: 2 ** 16 };
    const text = read(`${vega}/movies.json`, 30_000);
    const frames = framesOf(compressed(joined([noise(2 ** 18), text]), options));
    const lengths = (kind: string) =>
      frames.flatMap((frame) => (frame.kind === kind ? [frame.rawLength] : []));
    expect(lengths('coded')).toEqual([text.length]);
    expect(lengths('stored')).toEqual([]);
    // A probe of 2^14, twice as long at first, then up to the end of the block.
    expect(lengths('skipped')).toEqual([2 ** 15, 2 ** 15, 2 ** 16, 2 ** 16, 2 ** 16]);
  });

  it('adds at most a thousandth to a megabyte of noise', () => {
    expect(compressed(noise(2 ** 20), TINY).length).toBeLessThan(1.001 * 2 ** 20);
  });

  it('says before the first row how many bytes of state it has', () => {
    const operator = compress(TINY);
    expect(operator.open().snapshot().length).toBe(operator.stateBytes);
    expect(operator.stateBytes).toBeGreaterThan(2 ** 20);
  });

  it('refuses options out of range', () => {
    for (const wrong of [
      { level: 0 },
      { level: 10 },
      { streams: 65 },
      { frameBytes: 63 },
      { tableShift: 15 },
    ]) {
      expectError('OPTION_RANGE', () => compress(wrong));
    }
  });
});

describe('decompress', () => {
  const bytes = joined([inputs.CSV!.subarray(0, 1000), noise(300)]);
  const coded = compressed(bytes, { ...TINY, frameBytes: 300, streams: 2 });

  it('takes compressed rows cut anywhere, and goes on from a state saved anywhere', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 0, max: coded.length }), (seed, cut) => {
        const operator = decompress({});
        const random = uniform(seed);
        const lengths = Array.from({ length: 9 }, () => Math.floor(200 * random()));
        const batch = (part: Uint8Array) =>
          batchOf(
            { compressed: binary() },
            { compressed: { offsets: Int32Array.of(0, part.length), values: part } },
          );
        const first = operator.open();
        const parts: Uint8Array[] = [];
        const keep = (emitted: Parameters<typeof outputsOf>[1][number]) =>
          parts.push((outputsOf(operator, [emitted]).bytes as { values: Uint8Array }).values);
        for (const piece of pieces(coded.subarray(0, cut), lengths)) first.step(batch(piece), keep);
        const second = operator.open();
        second.step(batch(coded.subarray(0, 500)), () => {});
        second.restore(first.snapshot());
        for (const piece of pieces(coded.subarray(cut), lengths)) second.step(batch(piece), keep);
        second.flush(keep);
        expect(joined(parts)).toEqual(bytes);
      }),
      campaign(2),
    );
  });

  it('is what inverse() of compress gives', () => {
    const operator = compress({ ...TINY, frameBytes: 300, streams: 2 });
    expect(joined(through(operator.inverse!(), [coded]))).toEqual(bytes);
  });

  it('refuses a stream that asks for more memory than it may take, before it takes any', () => {
    const before = process.memoryUsage();
    const header = headerOf(checkParameters({ level: 9, streams: 64 }));
    const error = expectError('LIMIT_EXCEEDED', () => through(decompress({}), [header]));
    expect(error.message).toMatch(/maxMemoryBytes/);
    expect(process.memoryUsage().rss - before.rss).toBeLessThan(2 ** 28);
  });

  it('refuses a stream that ends early only once it is told of the end', () => {
    const open = decompress({}).open();
    const rows = { compressed: { offsets: Int32Array.of(0, coded.length - 1), values: coded } };
    open.step(batchOf({ compressed: binary() }, rows), () => {});
    expectError('TRUNCATED_INPUT', () => open.flush(() => {}));
    expectError('TRUNCATED_INPUT', () => through(decompress({}), []));
  });

  it('refuses another model and another content', () => {
    const parameters = coded.slice(11, 11 + coded[10]!);
    const stream = (content: 'bytes' | 'batches', fingerprint: number) =>
      encodeHeader({ content, fingerprint, parameters });
    expectError('CORRUPT_INPUT', () => through(decompress({}), [stream('bytes', 1)]));
    expectError('CORRUPT_INPUT', () => through(decompress({}), [stream('batches', 1)]));
    expectError('CORRUPT_INPUT', () => through(decompress({}), [textBytes('not compressed at all')]));
  });

  it('gives out nothing of a frame that is damaged', () => {
    const changed = coded.slice();
    changed[60]! ^= 4;
    const operator = decompress({});
    const open = operator.open();
    let rows = 0;
    const batch = batchOf(
      { compressed: binary() },
      { compressed: { offsets: Int32Array.of(0, changed.length), values: changed } },
    );
    expectError('CORRUPT_INPUT', () => open.step(batch, () => rows++));
    expect(rows).toBe(0);
  });

  it('leaves its rows as a stream of bytes to applyTo as well', () => {
    const operator = compress({ ...TINY, frameBytes: 300 });
    const rows = { bytes: { offsets: Int32Array.of(0, 700, 700, bytes.length), values: bytes } };
    const { batches } = applyTo(batchOf({ bytes: binary() }, rows), operator);
    const undone = applyTo(batches, operator.inverse!()).batches;
    const values = undone.map(
      (batch) => (outputsOf(operator.inverse!(), [batch]).bytes as { values: Uint8Array }).values,
    );
    expect(joined(values)).toEqual(bytes);
  });
});
