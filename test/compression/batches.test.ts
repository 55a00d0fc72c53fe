/**
 * compressBatches: what goes in comes out, of any schema, however it is cut and where it is interrupted.
 */
import {
  Decimal,
  DenseUnion,
  Dictionary,
  Field,
  FixedSizeList,
  Float16,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  IntervalDayTime,
  IntervalMonthDayNano,
  IntervalYearMonth,
  LargeBinary,
  LargeUtf8,
  List,
  Map_,
  makeData,
  Null,
  type RecordBatch,
  Schema,
  SparseUnion,
  Struct,
  TimeNanosecond,
  TimestampMicrosecond,
  Uint64,
  Utf8,
  Utf8View,
  Vector,
  vectorFromArray,
} from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compressBatches } from '../../operators/compression/compress-batches.js';
import { decompressBatches } from '../../operators/compression/decompress-batches.js';
import { rowsAsBatch } from '../../operators/compression/rows-of-bytes.js';
import { emptyData } from '../../sources/empty-data.js';
import { crc32c } from '../../src/checksum.js';
import { newBatch } from '../../src/columns.js';
import { builtBatch, columnOf, kindNames } from '../support/arrow-columns.js';
import {
  compressedPieces,
  expectSameBatches,
  piecesOf,
  roundTrip,
  runBatches,
  SMALL,
} from '../support/batch-coding.js';
import { campaign, uniform } from '../support/property.js';

const batchFrom = (
  columns: Readonly<Record<string, Vector>>,
  metadata?: Map<string, string>,
): RecordBatch => {
  const fields = Object.entries(columns).map(([name, { type }]) => new Field(name, type, true));
  const numRows = Object.values(columns)[0]!.length;
  return newBatch(
    new Schema(fields, metadata),
    numRows,
    Object.values(columns).map(({ data }) => data[0]!),
  );
};

const rowsOf = (count: number, value: (row: number, random: () => number) => unknown, seed = 1) => {
  const random = uniform(seed);
  return Array.from({ length: count }, (_, row) => value(row, random));
};

describe('compressBatches', () => {
  it('gives equal batches back, whatever their types, nulls and cuts', () => {
    const batches = fc
      .uniqueArray(fc.constantFrom(...kindNames), { minLength: 1, maxLength: 5 })
      .chain((kinds) =>
        fc.record({
          columns: fc.tuple(...kinds.map((kind) => columnOf(kind, 40))),
          cuts: fc.array(fc.nat(40), { maxLength: 4 }),
        }),
      )
      .map(({ columns, cuts }) => {
        const borders = [0, ...cuts.sort((a, b) => a - b), 40];
        return borders.slice(1).map((to, i) => builtBatch(columns, borders[i]!, to));
      });
    fc.assert(
      fc.property(batches, (given) => expectSameBatches(roundTrip(given), given)),
      campaign(2),
    );
  });

  it.each(kindNames)('keeps a column of %s, sliced and whole', (kind) => {
    const [column] = fc.sample(columnOf(kind, 50), { numRuns: 1, seed: 7 });
    const whole = builtBatch([column!], 0, 50);
    const given = [whole, whole.slice(3, 21), whole.slice(0, 0), whole.slice(49, 50)];
    expectSameBatches(roundTrip(given), given);
  });

  it('keeps NaN payloads, −0, infinities and the smallest numbers of every float', () => {
    const doubles = new Float64Array([0.1, 0.2, -0, 1e-310, Number.NaN, 1 / 0, -1 / 0, 12.5, 3]);
    new BigUint64Array(doubles.buffer)[4] = 0xfff8_0000_dead_beefn;
    const floats = new Float32Array([0.1, 0.25, -0, 1e-40, Number.NaN, 1 / 0, -1 / 0, 12.5, 3]);
    new Uint32Array(floats.buffer)[4] = 0xffc0_1234;
    const halves = new Uint16Array([0, 0x8000, 0x7c00, 0x7e01, 1, 0x3c00, 0xfc00, 0xffff, 5]);
    const mostly = Float64Array.from({ length: 9 }, (_, i) => (i === 4 ? Number.NaN : i / 100));
    const given = [
      newBatch(
        new Schema([
          new Field('doubles', new Float64()),
          new Field('floats', new Float32()),
          new Field('halves', new Float16()),
          new Field('mostly', new Float64()),
        ]),
        9,
        [
          makeData({ type: new Float64(), data: doubles }),
          makeData({ type: new Float32(), data: floats }),
          makeData({ type: new Float16(), data: halves }),
          makeData({ type: new Float64(), data: mostly }),
        ],
      ),
    ];
    expectSameBatches(roundTrip(given), given);
  });

  it('keeps what is at the ends of the integers, decimals, times and intervals', () => {
    const big = [
      2n ** 63n - 1n,
      -(2n ** 63n),
      0n,
      null,
      1_700_000_000_000_000_000n,
      1_700_000_000_000_001_000n,
    ];
    const given = [
      batchFrom({
        int64: vectorFromArray(big, new Int64()),
        uint64: vectorFromArray([2n ** 64n - 1n, 0n, null, 1n, 2n ** 63n, 5n], new Uint64()),
        int8: vectorFromArray([-128, 127, null, 0, 1, -1], new Int8()),
        time: vectorFromArray([0n, 86_399_999_999_999n, null, 1n, 2n, 3n], new TimeNanosecond()),
        zoned: vectorFromArray([1, 2, null, 3, 5, 8], new TimestampMicrosecond('Europe/Paris')),
        decimal: vectorFromArray(
          [[1, 0, 0, 0], [-1, -1, -1, -1], null, [0, 0, 0, 2 ** 31], [5, 4, 3, 2], [7, 0, 0, 0]].map(
            (words) => words && Uint32Array.from(words),
          ),
          new Decimal(2, 38, 128),
        ),
        months: vectorFromArray(
          [0, -5, null, 2 ** 31 - 1, 3, 4].map((n) => (n === null ? null : Int32Array.of(n))) as never,
          new IntervalYearMonth(),
        ),
        days: vectorFromArray(
          [0, -5, null, 7, 3, 4].map((n) => (n === null ? null : Int32Array.of(n, -n))),
          new IntervalDayTime(),
        ),
        nanos: vectorFromArray(
          [0, -5, null, 7, 3, 4].map((n) => (n === null ? null : Int32Array.of(n, -n, n, 9))),
          new IntervalMonthDayNano(),
        ),
        large: vectorFromArray(['a', '', null, '\u0000\u0000', 'a', 'b'], new LargeUtf8()),
        bytes: vectorFromArray(
          [0, 1, 2, 3, 4, 5].map((n) => Uint8Array.of(0, 255, n, 0)),
          new LargeBinary(),
        ),
        none: new Vector([makeData({ type: new Null(), length: 6, nullCount: 6 })]),
      }),
    ];
    expectSameBatches(roundTrip(given), given);
  });

  it('keeps maps, nested lists, unions and dictionaries inside of them', () => {
    const entry = new Struct([new Field('key', new Utf8(), false), new Field('value', new Int32(), true)]);
    const map = vectorFromArray(
      [
        new Map([
          ['a', 1],
          ['b', null],
        ]),
        null,
        new Map(),
        new Map([['a', 9]]),
      ] as never,
      new Map_(new Field('entries', entry, false) as never),
    );
    const nested = vectorFromArray(
      [[['x'], null, []], null, [], [['y', null], ['x']]],
      new List(new Field('item', new List(new Field('item', new Utf8(), true)), true)),
    );
    const words = vectorFromArray(
      ['red', 'green', 'red', 'blue', 'red', null],
      new Dictionary(new Utf8(), new Int16()),
    );
    const lists = makeData({
      type: new List(new Field('item', words.type, true)),
      length: 4,
      nullCount: 0,
      valueOffsets: Int32Array.of(0, 2, 2, 3, 6),
      child: words.data[0]!,
    });
    const numbers = vectorFromArray([1, 2, 3, 4], new Int32()).data[0]!;
    const texts = vectorFromArray(['p', 'q', null, 's'], new Utf8()).data[0]!;
    const members = [new Field('n', new Int32(), true), new Field('s', new Utf8(), true)];
    const dense = makeData({
      type: new DenseUnion([5, 7], members),
      length: 4,
      nullCount: 0,
      typeIds: Int8Array.of(7, 5, 7, 5),
      valueOffsets: Int32Array.of(3, 0, 2, 1),
      children: [numbers, texts],
    } as never);
    const sparse = makeData({
      type: new SparseUnion([0, 1], members),
      length: 4,
      nullCount: 0,
      typeIds: Int8Array.of(0, 1, 1, 0),
      children: [numbers, texts],
    } as never);
    const points = vectorFromArray(
      [[1, 2], null, [3, 4], [5, 6]],
      new FixedSizeList(2, new Field('item', new Float32(), true)),
    );
    const given = [
      batchFrom({
        map,
        nested,
        lists: new Vector([lists]),
        dense: new Vector([dense]),
        sparse: new Vector([sparse]),
        points,
      }),
    ];
    expectSameBatches(roundTrip([...given, given[0]!.slice(1, 3)]), [...given, given[0]!.slice(1, 3)]);
  });

  it('keeps dictionaries in any order, with unused entries, that grow, and that are replaced', () => {
    const type = () => new Dictionary(new Utf8(), new Int32(), 3);
    const shared = type();
    const column = (indices: readonly (number | null)[], entries: readonly string[]) => {
      const values = vectorFromArray(
        indices.map((index) => index ?? 0),
        new Int32(),
      ).data[0]!.values;
      const bits = indices.reduce<number>((sum, index, i) => sum | (index === null ? 0 : 1 << i), 0);
      return makeData({
        type: shared,
        length: indices.length,
        nullCount: indices.filter((index) => index === null).length,
        nullBitmap: Uint8Array.of(bits),
        data: values,
        dictionary: vectorFromArray(entries, new Utf8()),
      } as never);
    };
    const batch = (indices: readonly (number | null)[], entries: readonly string[]) =>
      batchFrom({ d: new Vector([column(indices, entries)]) });
    const first = [batch([0, 1, 1, null, 2], ['a', 'b', 'c']), batch([2, 3, 0], ['a', 'b', 'c', 'd'])];
    const unused = [
      batch([2, 0, 2], ['a', 'b', 'c']),
      batch([1, 1], ['a', 'b', 'c', 'd']),
      batch([0], ['z']),
    ];
    const doubled = [batch([1, 0, 2], ['a', 'a', 'b']), batch([], [])];
    for (const given of [first, unused, doubled, [...first, ...unused, ...doubled]]) {
      expectSameBatches(roundTrip(given), given);
    }
  });

  it('keeps the metadata of schema and fields, and streams without batches or rows', () => {
    const field = new Field('x', new Int32(), false, new Map([['unit', 'metre']]));
    const schema = new Schema([field], new Map([['origin', 'test']]));
    const data = vectorFromArray([1, 2, 3], new Int32()).data[0]!;
    const given = [newBatch(schema, 3, [data]), newBatch(schema, 0, [data.slice(0, 0)])];
    expectSameBatches(roundTrip(given), given);
    expectSameBatches(roundTrip([given[1]!]), [given[1]!]);
    expect(roundTrip([])).toEqual([]);
    expectSameBatches(roundTrip([newBatch(new Schema([]), 0, [])]), [newBatch(new Schema([]), 0, [])]);
  });

  it('learns from batch to batch, so that the second costs less', () => {
    const random = uniform(3);
    const words = ['north', 'south', 'east', 'west'];
    const make = () =>
      batchFrom({
        word: vectorFromArray(
          Array.from({ length: 300 }, () => words[Math.floor(random() * 4)]!),
          new Utf8(),
        ),
        price: vectorFromArray(
          Array.from({ length: 300 }, () => Math.round(random() * 1e4) / 100),
          new Float64(),
        ),
      });
    const [first, second] = compressedPieces([make(), make()]).slice(1);
    expect(second!.length).toBeLessThan(first!.length * 0.9);
  });

  it('goes on from a saved state with the same bytes, on both ways', () => {
    const text = rowsOf(200, (row, random) => (row % 3 ? `w${Math.floor(random() * 20)}` : null));
    const numbers = rowsOf(200, (row, random) => BigInt(row * 3 + Math.floor(random() * 4)));
    const whole = batchFrom({
      text: vectorFromArray(text, new Utf8()),
      word: vectorFromArray(text, new Dictionary(new Utf8(), new Int32())),
      numbers: vectorFromArray(numbers, new Int64()),
      lists: vectorFromArray(
        numbers.map((n) => [Number(n), 1]),
        new List(new Field('item', new Int32(), true)),
      ),
    });
    const given = [0, 40, 90, 140].map((from) => whole.slice(from, from + 45));
    const pieces = compressedPieces(given);
    const compressing = compressBatches(SMALL);
    const resumed: Uint8Array[] = [];
    let open = compressing.open();
    for (const batch of given) {
      const state = open.snapshot();
      open = compressing.open();
      open.restore(state);
      open.step(batch, (out) => resumed.push(...piecesOf(out)));
    }
    open.flush((out) => resumed.push(...piecesOf(out)));
    expect(Buffer.concat(resumed)).toEqual(Buffer.concat(pieces));
    const back: RecordBatch[] = [];
    const decompressing = decompressBatches();
    let reading = decompressing.open();
    for (const batch of runBatches(compressing, given)) {
      const state = reading.snapshot();
      reading = decompressing.open();
      reading.restore(state);
      reading.step(batch, (out) => back.push(out));
    }
    reading.flush(() => {});
    expectSameBatches(back, given);
  });

  it('reads a stream in any pieces', () => {
    const columns = fc.sample(fc.tuple(columnOf('utf8', 30), columnOf('int64', 30)), {
      numRuns: 1,
      seed: 4,
    })[0]!;
    const given = [builtBatch(columns, 0, 10), builtBatch(columns, 10, 30)];
    const whole = new Uint8Array(Buffer.concat(compressedPieces(given)));
    const lengths = fc.array(fc.integer({ min: 1, max: whole.length }), { maxLength: 20 });
    fc.assert(
      fc.property(lengths, (cuts) => {
        const borders = [0, ...cuts.sort((a, b) => a - b), whole.length];
        const rows = borders.slice(1).map((to, i) => whole.slice(borders[i], to));
        const batches = rows.map((row) => rowsAsBatch('compressed', [row]));
        expectSameBatches(runBatches(decompressBatches(), batches), given);
      }),
      campaign(0.5),
    );
  });

  it('keeps a wide table, and one of more columns than the model has room for', () => {
    const random = uniform(9);
    const columns = Object.fromEntries(
      Array.from({ length: 90 }, (_, c) => [
        `c${c}`,
        vectorFromArray(
          Array.from({ length: 20 }, () => Math.floor(random() * (c + 1))),
          new Int32(),
        ),
      ]),
    );
    const given = [batchFrom(columns)];
    expectSameBatches(roundTrip(given), given);
  });

  it('refuses another schema, views and options out of range, by name', () => {
    const [a, b] = ['int32', 'utf8'].map((kind) => builtBatch([fc.sample(columnOf(kind, 3), 1)[0]!], 0, 3));
    expect(() => roundTrip([a!, b!])).toThrow(/schema changes inside the stream/);
    expect(() => compressBatches({ level: 10 })).toThrow(
      /compressBatches: option level, expected an integer/,
    );
    const view = new Utf8View();
    const batch = newBatch(new Schema([new Field('v', view)]), 0, [emptyData(view)]);
    expect(() => roundTrip([batch])).toThrow(/views/);
  });

  it('makes the bytes that it made when its format was fixed', () => {
    const texts = rowsOf(60, (row, random) => (row % 7 ? `place ${Math.floor(random() * 9)}` : null), 11);
    const given = batchFrom({
      text: vectorFromArray(texts, new Utf8()),
      count: vectorFromArray(
        rowsOf(60, (row, random) => row + Math.floor(random() * 3)),
        new Int32(),
      ),
      price: vectorFromArray(
        rowsOf(60, (_, random) => Math.round(random() * 1e4) / 100, 12),
        new Float64(),
      ),
    });
    const bytes = new Uint8Array(Buffer.concat(compressedPieces([given, given.slice(10, 40)])));
    expect({ length: bytes.length, checksum: crc32c(bytes) }).toEqual({ length: 349, checksum: 632_917_528 });
  });

  it('makes the same bytes with the TypeScript twin', () => {
    const whole = fc.sample(
      fc.tuple(...['int32', 'float64', 'utf8', 'dictionary', 'list'].map((kind) => columnOf(kind, 60))),
      {
        numRuns: 1,
        seed: 5,
      },
    )[0]!;
    const given = [builtBatch(whole, 0, 30), builtBatch(whole, 30, 60)];
    const bytes = (backend: 'wasm' | 'typescript') => Buffer.concat(compressedPieces(given, { backend }));
    expect(bytes('typescript')).toEqual(bytes('wasm'));
  });
});
