import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../../src/checksum.js';
import { uniform } from '../support/property.js';
import { decode, encode, openModel } from './byte-model-helpers.js';

const dependency = (path: string) =>
  new Uint8Array(readFileSync(new URL(`../../node_modules/${path}`, import.meta.url)));
const source = dependency('typescript/lib/lib.dom.d.ts');
const zipcodes = dependency('vega-datasets/data/zipcodes.csv');
const picture = dependency('vega-datasets/data/7zip.png');

/** Small tables, so that a test's model is made quickly. */
const SHIFT = 9;

const filled = (length: number, value: (i: number) => number) =>
  Uint8Array.from({ length }, (_, i) => value(i));
const randomBytes = (length: number, seed: number) => {
  const random = uniform(seed);
  return filled(length, () => Math.floor(256 * random()));
};

const hostile: Readonly<Record<string, Uint8Array>> = {
  'every byte value': filled(1024, (i) => i & 255),
  'a run': new Uint8Array(3000).fill(0xff),
  'two values in turn': filled(2000, (i) => (i & 1) * 255),
  'random bytes': randomBytes(3000, 5),
  'a run with flips further and further apart': filled(4000, (i) => (Number.isInteger(Math.sqrt(i)) ? 1 : 0)),
  'broken UTF-8': filled(1500, (i) => [0xe2, 0x82, 0xc3, 0x28, 0xf0][i % 5]!),
  'markup that never closes': filled(1500, (i) => "[[{<(\"|''==&".charCodeAt(i % 12)),
};

const kinds: Readonly<Record<string, Uint8Array>> = {
  source: source.subarray(50_000, 51_200),
  table: zipcodes.subarray(0, 1200),
  picture: picture.subarray(0, 800),
  'a long run': new Uint8Array(1500),
};

describe('byte model', () => {
  it.each([
    [1, 'both'],
    [5, 'both'],
    [9, 'both'],
    [5, 'ssm'],
    [5, 'ngrams'],
  ] as const)('has a twin in TypeScript that makes the same bytes (level %i, %s)', (level, parts) => {
    const options = { level, parts, tableShift: SHIFT };
    for (const [kind, bytes] of Object.entries(kinds)) {
      expect(encode(bytes, options, 'typescript'), kind).toEqual(encode(bytes, options, 'wasm'));
    }
  });

  it('is decoded by its twin', () => {
    const options = { level: 5, tableShift: SHIFT };
    const bytes = source.subarray(0, 1500);
    expect(decode(encode(bytes, options), bytes.length, options, 'typescript')).toEqual(bytes);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9])('gives back what it took in at level %i', (level) => {
    const options = { level, tableShift: SHIFT };
    for (const [kind, bytes] of Object.entries({ ...hostile, ...kinds })) {
      expect(decode(encode(bytes, options), bytes.length, options), kind).toEqual(bytes);
    }
  });

  it('makes the same bytes whatever pieces it is handed', () => {
    const options = { level: 5, tableShift: SHIFT };
    const bytes = source.subarray(0, 6000);
    const whole = encode(bytes, options);
    const lengths = fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 1, maxLength: 20 });
    const pieces = lengths.filter((all) => all.some((length) => length > 0));
    fc.assert(
      fc.property(pieces, pieces, (encoding, decoding) => {
        expect(encode(bytes, options, 'wasm', encoding)).toEqual(whole);
        expect(decode(whole, bytes.length, options, 'wasm', decoding)).toEqual(bytes);
      }),
      { numRuns: 8 },
    );
  });

  it('goes on from frame to frame: what is learned in one makes the next shorter', () => {
    const { arrays, kernels, input, output } = openModel({ level: 5, tableShift: SHIFT }, 4000);
    input.set(source.subarray(0, 4000));
    const lengths = [0, 1].map(() => {
      kernels.startFrame(...arrays);
      const at = kernels.encodeBytes(...arrays, input, 0, 4000, output, 0, output.length);
      return kernels.finishFrame(...arrays, output, at, output.length);
    });
    expect(lengths[1]).toBeLessThan(lengths[0]! / 10);
  });

  it('is left in the same state by bytes that are coded and by bytes that are only learned', () => {
    const bytes = source.subarray(0, 5000);
    const coded = openModel({ level: 5, tableShift: SHIFT }, bytes.length);
    const learned = openModel({ level: 5, tableShift: SHIFT }, bytes.length);
    coded.input.set(bytes);
    learned.input.set(bytes);
    coded.kernels.startFrame(...coded.arrays);
    const at = coded.kernels.encodeBytes(...coded.arrays, coded.input, 0, 5000, coded.output, 0, 9000);
    const bits = learned.kernels.learnBytes(...learned.arrays, learned.input, 0, 5000);
    expect(Math.abs(bits / 8 - at)).toBeLessThan(8);
    for (const slot of Object.keys(coded.state) as (keyof typeof coded.state)[]) {
      const behindCoder = slot === 'registers' ? 7 : 0;
      expect(learned.state[slot].subarray(behindCoder), slot).toEqual(
        coded.state[slot].subarray(behindCoder),
      );
    }
  });

  it('counts what does not fit into the output, and writes nothing behind its end', () => {
    const { arrays, kernels, input, output } = openModel({ level: 1, tableShift: SHIFT }, 2000);
    input.set(randomBytes(2000, 9));
    kernels.startFrame(...arrays);
    const at = kernels.encodeBytes(...arrays, input, 0, 2000, output, 0, 100);
    expect(at).toBeGreaterThan(1900);
    expect(output.subarray(100).every((byte) => byte === 0)).toBe(true);
  });

  it('decodes any bytes to something, reads no further than their end, and stays finite', () => {
    const options = { level: 5, tableShift: SHIFT };
    const inputs = [new Uint8Array(40), new Uint8Array(40).fill(255), randomBytes(600, 2), new Uint8Array(0)];
    for (const bytes of inputs) {
      const { arrays, kernels, input, output, state } = openModel(options, 4000);
      input.fill(0xa5).set(bytes);
      const read = kernels.startDecoding(...arrays, input, 0, bytes.length);
      expect(read).toBe(Math.min(4, bytes.length));
      const end = kernels.decodeBytes(...arrays, input, read, bytes.length, output, 0, 4000);
      expect(end).toBeLessThanOrEqual(bytes.length);
      expect(output.subarray(4000).every((byte) => byte === 0)).toBe(true);
      expectFinite(state);
    }
  });

  it('never makes a NaN, whatever the bytes are', () => {
    for (const level of [1, 9]) {
      const bytes = Object.values(hostile).flatMap((kind) => Array.from(kind));
      const { arrays, kernels, input, state } = openModel({ level, tableShift: SHIFT }, bytes.length);
      input.set(bytes);
      expect(kernels.learnBytes(...arrays, input, 0, bytes.length)).toBeGreaterThan(0);
      expectFinite(state);
    }
  });

  it('codes a million zeros in a few bytes', () => {
    const options = { level: 5, tableShift: SHIFT };
    const zeros = new Uint8Array(1_000_000);
    const coded = encode(zeros, options);
    expect(coded.length).toBeLessThan(16);
    expect(decode(coded, zeros.length, options)).toEqual(zeros);
  });

  it('codes random bytes at hardly more than their length', () => {
    const bytes = randomBytes(20_000, 3);
    expect(encode(bytes, { level: 5, tableShift: SHIFT }).length).toBeLessThan(1.03 * bytes.length);
  });
});

function expectFinite(state: Readonly<Record<string, ArrayLike<number>>>): void {
  for (const [slot, values] of Object.entries(state)) {
    if (values instanceof Float32Array)
      expect(
        values.findIndex((x) => !Number.isFinite(x)),
        slot,
      ).toBe(-1);
  }
}

describe('compressed bytes', () => {
  const text = filled(5000, (i) => 'the quick brown fox, 1234.\n'.charCodeAt((i * i) % 27));

  it.each([
    [1, 697235536],
    [5, 3969304858],
    [9, 1639080088],
  ])('are those that earlier builds made (level %i)', (level, crc) => {
    expect(crc32c(encode(text, { level, tableShift: SHIFT }))).toBe(crc);
  });

  it.each([
    ['source', source, 6573],
    ['a table', zipcodes, 9826],
  ] as const)('are no more than they were for 64 KB of %s', (_, bytes, most) => {
    const excerpt = bytes.subarray(100_000, 165_536);
    expect(encode(excerpt, { level: 5, tableShift: 2 }).length).toBeLessThanOrEqual(most);
  });
});
