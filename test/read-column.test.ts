/**
 * Columns whose rows differ in length, ids, truth values and columns that may be absent, as steps see them.
 */
import {
  Binary,
  Bool,
  type DataType,
  Dictionary,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float32,
  Float64,
  Int8,
  Int32,
  Int64,
  LargeUtf8,
  List,
  type RecordBatch,
  Schema,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { columnData, newBatch } from '../src/columns.js';
import { bool, f32, f64, i8 } from '../src/layout.js';
import { readColumn } from '../src/read-column.js';
import { binary, key, list, optional, type RowType, utf8, type Varying } from '../src/row-types.js';
import { expectError } from './support/errors.js';

function batchOfX(values: readonly unknown[], type: DataType): RecordBatch {
  const data = vectorFromArray(values, type).data[0]!;
  return newBatch(new Schema([new Field('x', type, true)]), values.length, [data]);
}

const read = <T extends RowType>(batch: RecordBatch, type: T) => readColumn('who', batch, 'role', 'x', type);
const listOf = (type: DataType) => new List(new Field('item', type, true));
const vectors = (element: DataType, width: number) =>
  new FixedSizeList(width, new Field('item', element, true));
const text = (bytes: ArrayLike<number>) => new TextDecoder().decode(Uint8Array.from(bytes));

/** Each row of a varying column, as plain numbers. */
const rowsOf = ({ offsets, values }: Varying, width = 1) =>
  Array.from({ length: offsets.length - 1 }, (_, t) =>
    Array.from(values.subarray(offsets[t]! * width, offsets[t + 1]! * width), Number),
  );

describe('a list column', () => {
  it('is read row by row, whole and sliced, without a copy', () => {
    const batch = batchOfX([[1, 2], [], [3], [4, 5, 6]], listOf(new Float32()));
    const column = read(batch, list(f32()));
    expect(rowsOf(column)).toEqual([[1, 2], [], [3], [4, 5, 6]]);
    expect(column.values.buffer).toBe(batch.data.children[0]!.children[0]!.values.buffer);
    expect(rowsOf(read(batch.slice(2), list(f32())))).toEqual([[3], [4, 5, 6]]);
    expect(rowsOf(read(batch.slice(1).slice(0, 2), list(f32())))).toEqual([[], [3]]);
    expect(rowsOf(read(batch.slice(4), list(f32())))).toEqual([]);
  });

  it('of vectors and of flat numbers reads the same', () => {
    const nested = batchOfX([[[1, 2]], [], [[3, 4], [5, 6]]], listOf(vectors(new Float32(), 2))); // biome-ignore format: rows
    const flat = batchOfX([[1, 2], [], [3, 4, 5, 6]], listOf(new Float64()));
    for (const batch of [nested, flat]) {
      expect(rowsOf(read(batch, list(f32(2))), 2)).toEqual([[1, 2], [], [3, 4, 5, 6]]);
      expect(rowsOf(read(batch.slice(1), list(f32(2))), 2)).toEqual([[], [3, 4, 5, 6]]);
    }
  });

  it('is refused where it is none, of another width, or holds a null in a row that is read', () => {
    const flat = batchOfX([[1, 2, 3]], listOf(new Float32()));
    expectError('COLUMN_WIDTH', () => read(flat, list(f32(2))), { column: 'x' });
    expectError('COLUMN_TYPE', () => read(batchOfX([1], new Float32()), list(f32())), { column: 'x' });
    expectError('COLUMN_TYPE', () => read(batchOfX([['a']], listOf(new Utf8())), list(f32())), {
      column: 'x',
    });
    const holes = batchOfX([[1], [2, null], null, [3]], listOf(new Float32()));
    expectError('NOT_FINITE', () => read(holes, list(f32())), { column: 'x', row: 2 });
    expectError('NOT_FINITE', () => read(holes.slice(0, 2), list(f32())), { column: 'x', row: 1 });
    expect(rowsOf(read(holes.slice(3), list(f32())))).toEqual([[3]]);
  });
});

describe('a column of text or bytes', () => {
  const words = ['', 'ä', 'word', 'word'];

  it('is read from every type that holds them', () => {
    const dictionary = new Dictionary(new Utf8(), new Int8());
    for (const type of [new Utf8(), new LargeUtf8(), dictionary]) {
      const batch = batchOfX(words, type);
      for (const wanted of [utf8(), binary()]) {
        expect(rowsOf(read(batch, wanted)).map(text)).toEqual(words);
        expect(rowsOf(read(batch.slice(1, 3), wanted)).map(text)).toEqual(['ä', 'word']);
      }
    }
    const bytes = words.map((word) => new TextEncoder().encode(word));
    expect(rowsOf(read(batchOfX(bytes, new Binary()), binary())).map(text)).toEqual(words);
    const fixed = batchOfX([Uint8Array.of(1, 2), Uint8Array.of(3, 4)], new FixedSizeBinary(2));
    expect(rowsOf(read(fixed, binary()))).toEqual([[1, 2], [3, 4]]); // biome-ignore format: rows
    expect(rowsOf(read(fixed.slice(1), binary()))).toEqual([[3, 4]]);
  });

  it('is refused where it holds something else or nothing', () => {
    expectError('COLUMN_TYPE', () => read(batchOfX([Uint8Array.of(1)], new Binary()), utf8()), {
      column: 'x',
    });
    expectError('COLUMN_TYPE', () => read(batchOfX([1], new Int32()), binary()), { column: 'x' });
    expectError('NOT_FINITE', () => read(batchOfX(['a', null], new Utf8()), utf8()), { column: 'x', row: 1 });
  });
});

describe('ids', () => {
  it('are big integers or text, whatever holds them', () => {
    expect(read(batchOfX([1, -2], new Int8()), key())).toEqual([1n, -2n]);
    expect(read(batchOfX([2n ** 60n], new Int64()), key())).toEqual([2n ** 60n]);
    expect(read(batchOfX(['a', 'b'], new Utf8()), key())).toEqual(['a', 'b']);
    expect(read(batchOfX(['a', 'b', 'a'], new Dictionary(new Utf8(), new Int8())).slice(1), key())).toEqual([
      'b',
      'a',
    ]);
    expectError('COLUMN_TYPE', () => read(batchOfX([1.5], new Float64()), key()), { column: 'x' });
    expectError('NOT_FINITE', () => read(batchOfX([1, null], new Int32()), key()), { column: 'x', row: 1 });
  });

  it('come out as lists of the type they came in with', () => {
    const view = { offsets: Int32Array.of(0, 1, 3), values: ['a', 'b', 'c'] };
    const data = columnData(list(key()), view, 2, new Utf8());
    expect(String(data.type)).toBe('List<Utf8>');
    const none = columnData(list(key()), { offsets: Int32Array.of(0, 0), values: [] }, 1);
    expect([String(none.type), none.length]).toEqual(['List<Int64>', 1]);
  });
});

describe('truth values', () => {
  it('are a byte each in a step, and packed in Arrow', () => {
    const truths = Array.from({ length: 21 }, (_, i) => i % 3 === 0);
    const batch = batchOfX(truths, new Bool());
    expect(Array.from(read(batch, bool()), Boolean)).toEqual(truths);
    expect(Array.from(read(batch.slice(5, 17), bool()), Boolean)).toEqual(truths.slice(5, 17));
    const written = columnData(bool(), Uint8Array.from(truths, Number), truths.length);
    const again = newBatch(new Schema([new Field('x', written.type)]), truths.length, [written]);
    expect(Array.from(again.getChild('x')!)).toEqual(truths);
  });
});

describe('a column that may be absent', () => {
  it('is undefined where it is, and checked where it is not', () => {
    const batch = batchOfX([1.5], new Float64());
    expect(readColumn('who', batch, 'role', 'y', optional(f64()))).toBeUndefined();
    expect(read(batch, optional(f64()))).toEqual(Float64Array.of(1.5));
    expectError('COLUMN_TYPE', () => read(batch, optional(i8())), { column: 'x' });
    expectError('COLUMN_MISSING', () => readColumn('who', batch, 'role', 'y', f64()), { column: 'y' });
  });
});
