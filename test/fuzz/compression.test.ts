/**
 * Damaged compressed streams: each is a typed error or the exact original; no wrong byte, no crash, no hang, no memory
 * beyond the limit. `FUZZ_RUNS` makes a long campaign, `FUZZ_SEED` another one; a failure names the seed that replays it.
 */
import { describe, expect, it } from 'vitest';
import { Decompressor } from '../../operators/compression/decompressor.js';
import { DataflowError } from '../../src/errors.js';
import { uniform } from '../support/property.js';
import { damaged, makeSamples, type Sample } from './damage.js';

const RUNS = Number(process.env.FUZZ_RUNS ?? 3000);
const SEED = Number(process.env.FUZZ_SEED ?? 1);
/** Seeds of damage that once was not noticed as it should be. */
const REGRESSIONS: readonly number[] = [];

const MOST_MEMORY_BYTES = 2 ** 24;
const MOST_MS = 5000;
const CODES = ['CORRUPT_INPUT', 'TRUNCATED_INPUT', 'LIMIT_EXCEEDED'];

const samples = makeSamples();
/** One for each sample's parameters, so that models are not made anew for each stream. */
const decompressors = new Map<string, Decompressor>();

interface Ended {
  readonly raw: Uint8Array;
  /** Undefined where it ended well. */
  readonly code: string | undefined;
}

/** Decompresses in pieces; anything thrown but a typed error goes through. */
function decompressed(decompressor: Decompressor, bytes: Uint8Array, random: () => number): Ended {
  const parts: Uint8Array[] = [];
  decompressor.reset();
  try {
    for (let from = 0; from < bytes.length; ) {
      const to = random() < 0.5 ? bytes.length : from + 1 + Math.floor(40 * random());
      decompressor.push(bytes.subarray(from, to), (raw) => parts.push(raw.slice()));
      from = to;
    }
    decompressor.finish();
  } catch (error) {
    if (!(error instanceof DataflowError) || !CODES.includes(error.code)) throw error;
    return { raw: new Uint8Array(Buffer.concat(parts)), code: error.code };
  }
  return { raw: new Uint8Array(Buffer.concat(parts)), code: undefined };
}

const decompressorFor = (name: string): Decompressor => {
  const known = decompressors.get(name) ?? new Decompressor('test', { maxMemoryBytes: MOST_MEMORY_BYTES });
  decompressors.set(name, known);
  return known;
};

const isPrefix = (part: Uint8Array, whole: Uint8Array) =>
  Buffer.from(whole.buffer, whole.byteOffset, part.length > whole.length ? 0 : part.length).equals(part);

/** What is wrong with how a damaged stream ended; undefined where nothing is. */
function complaint(seed: number): string | undefined {
  const { of, what, bytes, originals, isForged } = damaged(seed, samples);
  const startedMs = performance.now();
  const { raw, code } = decompressed(decompressorFor(of), bytes, uniform(seed + 1));
  const ms = performance.now() - startedMs;
  if (ms > MOST_MS) return `seed ${seed}, ${of}, ${what}: took ${ms} ms`;
  if (isForged) return undefined;
  const isRight = originals.some((original) =>
    code === undefined ? Buffer.from(original).equals(raw) : isPrefix(raw, original),
  );
  return isRight ? undefined : `seed ${seed}, ${of}, ${what}: wrong bytes, ${code ?? 'and no error'}`;
}

describe('damaged compressed streams', () => {
  it('of old regressions are noticed', () => {
    expect(REGRESSIONS.map(complaint).filter((found) => found !== undefined)).toEqual([]);
  });

  it(`are each a typed error or the exact original, over ${RUNS} of them (seed ${SEED})`, {
    timeout: 7_200_000,
  }, () => {
    const before = process.memoryUsage().rss;
    const complaints: string[] = [];
    for (let run = 0; run < RUNS && complaints.length < 10; run++) {
      const found = complaint(SEED + run);
      if (found !== undefined) complaints.push(found);
    }
    expect(complaints).toEqual([]);
    for (const sample of samples) expectWhole(sample, decompressorFor(sample.name));
    expect(process.memoryUsage().rss - before).toBeLessThan(20 * MOST_MEMORY_BYTES);
  });

  it.each(samples.map((sample) => [sample.name, sample] as const))(
    'of %s, cut off at every length, are TRUNCATED_INPUT',
    (_name, sample) => {
      const decompressor = decompressorFor('cut');
      for (let length = 0; length < sample.bytes.length; length++) {
        const { raw, code } = decompressed(decompressor, sample.bytes.subarray(0, length), () => 0);
        expect(code, `${length} bytes`).toBe('TRUNCATED_INPUT');
        expect(isPrefix(raw, sample.raw)).toBe(true);
      }
      expectWhole(sample, decompressor);
    },
  );

  it.each(samples.map((sample) => [sample.name, sample] as const))(
    'of %s, with any one bit flipped, are refused',
    (_name, sample) => {
      expect(flippedAndTaken(sample)).toEqual([]);
      expectWhole(sample, decompressorFor('flipped'));
    },
  );
});

/** After all that a decompressor has seen, it still decompresses what is not damaged. */
function expectWhole({ bytes, raw }: Sample, decompressor: Decompressor): void {
  expect(decompressed(decompressor, bytes, () => 0)).toEqual({ raw, code: undefined });
}

/** The bits whose flipping was not noticed, though something else came out. */
function flippedAndTaken({ bytes, raw }: Sample): number[] {
  const decompressor = decompressorFor('flipped');
  return Array.from({ length: 8 * bytes.length }, (_, bit) => bit).filter((bit) => {
    const changed = bytes.slice();
    changed[bit >> 3]! ^= 1 << (bit % 8);
    const ended = decompressed(decompressor, changed, () => 0);
    return ended.code === undefined ? !Buffer.from(ended.raw).equals(raw) : !isPrefix(ended.raw, raw);
  });
}
