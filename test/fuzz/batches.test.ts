/**
 * Damaged streams of record batches: each is a typed error or equal batches; no wrong value, no crash, no hang.
 * `FUZZ_RUNS` makes a long campaign, `FUZZ_SEED` another one; a failure names the seed that replays it.
 */
import {
  Dictionary,
  Field,
  Float64,
  Int32,
  List,
  type RecordBatch,
  Schema,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../../operators/compression/container.js';
import { ContainerReader } from '../../operators/compression/container-reader.js';
import { decompressBatches } from '../../operators/compression/decompress-batches.js';
import { rowsAsBatch } from '../../operators/compression/rows-of-bytes.js';
import { newBatch } from '../../src/columns.js';
import { DataflowError } from '../../src/errors.js';
import { compressedPieces, expectSameBatches } from '../support/batch-coding.js';
import { uniform } from '../support/property.js';

const RUNS = Number(process.env.FUZZ_RUNS ?? 60);
const SEED = Number(process.env.FUZZ_SEED ?? 1);
/** Seeds of damage that once was not noticed as it should be. */
const REGRESSIONS: readonly number[] = [];
const MOST_MS = 5000;
const CODES = ['CORRUPT_INPUT', 'TRUNCATED_INPUT', 'LIMIT_EXCEEDED'];
const LIMITS = { maxBatchCells: 2000, maxTextBytes: 20_000 };

const words = new Dictionary(new Utf8(), new Int32(), 1);

const rows = (from: number, count: number): RecordBatch => {
  const columns = {
    number: vectorFromArray(
      Array.from({ length: count }, (_, i) => ((from + i) * 7) % 50),
      new Int32(),
    ),
    price: vectorFromArray(
      Array.from({ length: count }, (_, i) => (i % 5 ? i / 8 : null)),
      new Float64(),
    ),
    text: vectorFromArray(
      Array.from({ length: count }, (_, i) => `text ${from + i}`),
      new Utf8(),
    ),
    word: vectorFromArray(
      Array.from({ length: count }, (_, i) => `w${i % 3}`),
      words,
    ),
    list: vectorFromArray(
      Array.from({ length: count }, (_, i) => Array.from({ length: i % 3 }, (_, j) => j)),
      new List(new Field('item', new Int32(), true)),
    ),
  };
  const fields = Object.entries(columns).map(([name, { type }]) => new Field(name, type, true));
  return newBatch(
    new Schema(fields),
    count,
    Object.values(columns).map(({ data }) => data[0]!),
  );
};

const original = [rows(0, 12), rows(12, 9)];
const pieces = compressedPieces(original).map((piece) => piece.slice());
const whole = new Uint8Array(Buffer.concat(pieces));

/** What comes out before it ends, and the code that it ends with. */
function decompressed(bytes: Uint8Array): {
  readonly batches: RecordBatch[];
  readonly code: string | undefined;
} {
  const open = decompressBatches(LIMITS).open();
  const batches: RecordBatch[] = [];
  try {
    open.step(rowsAsBatch('compressed', [bytes]), (batch) => batches.push(batch));
    open.flush(() => {});
  } catch (error) {
    if (!(error instanceof DataflowError) || !CODES.includes(error.code)) throw error;
    return { batches, code: error.code };
  }
  return { batches, code: undefined };
}

type Change = (random: () => number) => Uint8Array;
const below = (random: () => number, n: number) => Math.floor(n * random());

/** The payload of a frame changed, its lengths and its checksum as they were: what only the payload's coder can notice. */
const forged =
  (change: (payload: Uint8Array, random: () => number) => Uint8Array): Change =>
  (random) => {
    const reader = new ContainerReader('test');
    reader.limit(2 ** 31);
    reader.push(whole);
    const which = below(random, 2);
    const out: Uint8Array[] = [pieces[0]!];
    for (let piece = reader.next(), f = 0; piece !== undefined; piece = reader.next()) {
      if (piece.type !== 'frame') continue;
      const payload = f++ === which ? change(piece.frame.payload.slice(), random) : piece.frame.payload;
      out.push(encodeFrame({ ...piece.frame, payload }));
    }
    return new Uint8Array(Buffer.concat([...out, pieces.at(-1)!]));
  };

const flipped = (bytes: Uint8Array, random: () => number): Uint8Array => {
  for (let i = 1 + below(random, 3); i > 0; i--) bytes[below(random, bytes.length)]! ^= 1 << below(random, 8);
  return bytes;
};

const changes: readonly Change[] = [
  (random) => flipped(whole.slice(), random),
  (random) => whole.slice(0, below(random, whole.length)),
  forged(flipped),
  forged((payload, random) => payload.slice(0, 1 + below(random, payload.length))),
  forged((_, random) => Uint8Array.from({ length: 1 + below(random, 300) }, () => below(random, 256))),
  forged((payload, random) => payload.fill(random() < 0.5 ? 0 : 255, below(random, payload.length))),
];

/** What is wrong with how a damaged stream ended; undefined where nothing is. */
function complaint(seed: number): string | undefined {
  const random = uniform(seed);
  const kind = below(random, changes.length);
  const bytes = changes[kind]!(random);
  const startedMs = performance.now();
  const { batches, code } = decompressed(bytes);
  const ms = performance.now() - startedMs;
  if (ms > MOST_MS) return `seed ${seed}, change ${kind}: took ${ms} ms`;
  try {
    expectSameBatches(batches, original.slice(0, batches.length));
  } catch (error) {
    return `seed ${seed}, change ${kind}: ${(error as Error).message}, ${code ?? 'and no error'}`;
  }
  return code === undefined && batches.length < original.length
    ? `seed ${seed}: rows are missing`
    : undefined;
}

describe('damaged streams of record batches', () => {
  it('of old regressions are noticed', () => {
    expect(REGRESSIONS.map(complaint).filter((found) => found !== undefined)).toEqual([]);
  });

  it(`are each a typed error or equal batches, over ${RUNS} of them (seed ${SEED})`, {
    timeout: 7_200_000,
  }, () => {
    const complaints: string[] = [];
    for (let run = 0; run < RUNS && complaints.length < 10; run++) {
      const found = complaint(SEED + run);
      if (found !== undefined) complaints.push(found);
    }
    expect(complaints).toEqual([]);
  });

  it('cut off at a border or inside of a frame are TRUNCATED_INPUT', () => {
    for (const length of [0, 3, 15, 16, 40, whole.length - 12, whole.length - 1]) {
      expect(decompressed(whole.slice(0, length)).code, `${length} bytes`).toBe('TRUNCATED_INPUT');
    }
    expect(decompressed(whole).code).toBeUndefined();
    expectSameBatches(decompressed(whole).batches, original);
  });

  it('of more cells or text than the limits allow are LIMIT_EXCEEDED', () => {
    const many = new Uint8Array(Buffer.concat(compressedPieces([rows(0, 600)])));
    expect(decompressed(many).code).toBe('LIMIT_EXCEEDED');
    const long = vectorFromArray(
      Array.from({ length: 60 }, () => 'x'.repeat(500)),
      new Utf8(),
    );
    const batch = newBatch(new Schema([new Field('long', long.type, true)]), 60, [long.data[0]!]);
    expect(decompressed(new Uint8Array(Buffer.concat(compressedPieces([batch])))).code).toBe(
      'LIMIT_EXCEEDED',
    );
  });
});
