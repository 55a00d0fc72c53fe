import {
  type DataType,
  Field,
  FixedSizeList,
  Float16,
  Float32,
  Float64,
  Int8,
  Int16,
  Int32,
  Int64,
  makeData,
  type RecordBatch,
  Schema,
  Uint8,
  Uint32,
  Uint64,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import { arrowType, columnData, describeSchema, newBatch, sameSchema, sliceRows } from '../src/columns.js';
import { type ArrayType, f32, f64, i8, i32, i64, u8, u32 } from '../src/layout.js';
import { OutputColumns } from '../src/output-columns.js';
import { readColumn, readKeys } from '../src/read-column.js';
import { expectError } from './support/errors.js';

/** A batch of one column, `x`. */
function batchOfX(values: readonly unknown[], type: DataType): RecordBatch {
  const data = vectorFromArray(values, type).data[0]!;
  return newBatch(new Schema([new Field('x', type, true)]), values.length, [data]);
}

const vectors = (element: DataType, width: number) =>
  new FixedSizeList(width, new Field('item', element, true));
const read = (batch: RecordBatch, type: ArrayType) => readColumn('who', batch, 'role', 'x', type);

describe('readColumn', () => {
  it('views what is already of the type, without a copy', () => {
    const plain = batchOfX([1, 2, 3], new Float32());
    expect(read(plain, f32()).buffer).toBe(plain.data.children[0]!.values.buffer);
    const list = batchOfX([[1, 2], [3, 4]], vectors(new Float32(), 2)); // biome-ignore format: rows
    expect(read(list, f32(2))).toEqual(Float32Array.of(1, 2, 3, 4));
    expect(read(list, f32(2)).buffer).toBe(list.data.children[0]!.children[0]!.values.buffer);
  });

  it('reads of a slice its own rows', () => {
    const list = batchOfX([[1, 2], [3, 4], [5, 6], [7, 8]], vectors(new Float32(), 2)); // biome-ignore format: rows
    expect(read(list.slice(1, 3), f32(2))).toEqual(Float32Array.of(3, 4, 5, 6));
    expect(read(list.slice(1).slice(1, 2), f32(2))).toEqual(Float32Array.of(5, 6));
    expect(read(list.slice(2, 2), f32(2))).toEqual(new Float32Array());
    expect(read(batchOfX([1, 2, 3], new Int32()).slice(1), i32())).toEqual(Int32Array.of(2, 3));
  });

  const conversions: readonly [string, DataType, readonly unknown[], ArrayType, ArrayLike<unknown>][] = [
    ['Float64 as f32', new Float64(), [0.1, 2], f32(), Float32Array.of(0.1, 2)],
    ['Float32 as f64', new Float32(), [0.5], f64(), Float64Array.of(0.5)],
    ['Int32 as f64', new Int32(), [-7], f64(), Float64Array.of(-7)],
    ['Uint8 as f32', new Uint8(), [200], f32(), Float32Array.of(200)],
    ['Int16 as f32', new Int16(), [-300], f32(), Float32Array.of(-300)],
    ['Int32 as i64', new Int32(), [-5], i64(), BigInt64Array.of(-5n)],
    ['Int8 as i64', new Int8(), [-5], i64(), BigInt64Array.of(-5n)],
    ['Int8 as i8', new Int8(), [-5], i8(), Int8Array.of(-5)],
    ['Uint8 as u8', new Uint8(), [5], u8(), Uint8Array.of(5)],
    ['Uint32 as u32', new Uint32(), [4e9], u32(), Uint32Array.of(4e9)],
  ];
  it.each(conversions)('takes %s', (_, type, values, asked, expected) => {
    expect(read(batchOfX(values, type), asked)).toEqual(expected);
  });

  const refusals: readonly [string, DataType, readonly unknown[], ArrayType][] = [
    ['text as f32', new Utf8(), ['1'], f32()],
    ['Float16 as f32', new Float16(), [1], f32()],
    ['Int64 as f64', new Int64(), [1n], f64()],
    ['Uint64 as i64', new Uint64(), [1n], i64()],
    ['Float64 as i32', new Float64(), [1], i32()],
    ['Int64 as i32', new Int64(), [1n], i32()],
    ['Int8 as i32', new Int8(), [1], i32()],
    ['Uint32 as i32', new Uint32(), [1], i32()],
  ];
  it.each(refusals)('refuses %s, naming both types', (_, type, values, asked) => {
    const error = expectError('COLUMN_TYPE', () => read(batchOfX(values, type), asked), { column: 'x' });
    expect(error.message).toContain(`expected ${arrowType(asked)}, got ${type}`);
  });

  it('refuses another width, naming both', () => {
    const list = batchOfX([[1, 2]], vectors(new Float32(), 2)); // biome-ignore format: rows
    const error = expectError('COLUMN_WIDTH', () => read(list, f32(3)), { column: 'x' });
    expect(error.message).toBe("who: width of column 'x', expected 3, got 2.");
    expectError('COLUMN_WIDTH', () => read(batchOfX([1], new Float32()), f32(3)));
    expect(read(batchOfX([1], new Float32()), f32(1))).toEqual(Float32Array.of(1));
  });

  it('refuses a column that is not there, naming those that are', () => {
    const error = expectError('COLUMN_MISSING', () =>
      readColumn('who', batchOfX([1], new Float32()), 'q', 'query', f32()),
    );
    expect(error.message).toContain("column 'query' is missing, expected a column for role q, got columns x");
  });

  it('refuses nulls by row, in slices too, and not those that are sliced away', () => {
    const plain = batchOfX([1, 2, null, 4], new Float32());
    expectError('NOT_FINITE', () => read(plain, f32()), { row: 2 });
    expectError('NOT_FINITE', () => read(plain.slice(1), f32()), { row: 1 });
    expect(read(plain.slice(0, 2), f32())).toEqual(Float32Array.of(1, 2));
    expect(read(plain.slice(3), f32())).toEqual(Float32Array.of(4));
    const lists = batchOfX([[1, 2], null, [3, null]], vectors(new Float32(), 2)); // biome-ignore format: rows
    expectError('NOT_FINITE', () => read(lists, f32(2)), { row: 1 });
    expectError('NOT_FINITE', () => read(lists.slice(2), f32(2)), { row: 0 });
    expect(read(lists.slice(0, 1), f32(2))).toEqual(Float32Array.of(1, 2));
  });

  it('reads no more values than there are rows, though the buffer is longer', () => {
    const data = makeData({ type: new Float32(), length: 2, nullCount: 0, data: new Float32Array(16) });
    const batch = newBatch(new Schema([new Field('x', new Float32(), false)]), 2, [data]);
    expect(read(batch, f32()).length).toBe(2);
  });
});

describe('columnData', () => {
  it('is what readColumn reads, for every type and shape', () => {
    const cases = [f32(), f32(3), f64(2, 2), i8(1), i32(), i64(2), u8(4), u32()];
    for (const type of cases) {
      const values = Array.from({ length: 6 * type.length }, (_, i) => i);
      const array =
        type.dtype === 'i64'
          ? BigInt64Array.from(values, BigInt)
          : new {
              f32: Float32Array,
              f64: Float64Array,
              i8: Int8Array,
              i32: Int32Array,
              u8: Uint8Array,
              u32: Uint32Array,
            }[type.dtype](values);
      const data = columnData(type, array, 6);
      expect(String(data.type)).toBe(String(arrowType(type)));
      const batch = newBatch(new Schema([new Field('x', data.type, false)]), 6, [data]);
      expect(batch.numRows).toBe(6);
      expect(read(batch, type)).toEqual(array);
      expect(read(batch, type).buffer).toBe(array.buffer);
    }
  });
});

describe('OutputColumns', () => {
  it('adds its columns behind those of the input, unless a name is taken', () => {
    const columns = new OutputColumns('who', { o: f32() }, { o: 'out' });
    const batch = batchOfX([1, 2], new Float32());
    for (const out of [
      columns.append(batch, columns.allocate(2)),
      columns.append(batch.slice(1), columns.allocate(1)),
    ]) {
      expect(describeSchema(out.schema)).toBe('x: Float32, out: Float32');
    }
    const alone = new OutputColumns('who', { o: f32() }, { o: 'out' });
    expect(describeSchema(alone.alone(alone.allocate(3), 3).schema)).toBe('out: Float32');
    const taken = new OutputColumns('who', { o: f32() }, { o: 'x' });
    const error = expectError('COLUMN_TYPE', () => taken.append(batch, taken.allocate(2)), { column: 'x' });
    expect(error.message).toContain("Name the output otherwise with columns: { o: '…' }.");
  });
});

describe('readKeys', () => {
  const keys = (values: readonly unknown[], type: DataType) =>
    Array.from(readKeys('who', batchOfX(values, type), 'x'));

  it('reads text and numbers as they are', () => {
    expect(keys(['a', 'ä'], new Utf8())).toEqual(['a', 'ä']);
    expect(keys([1, -2], new Int32())).toEqual([1, -2]);
    expect(keys([1n], new Int64())).toEqual([1n]);
    expect(keys([0.5], new Float64())).toEqual([0.5]);
  });
});

describe('schemas', () => {
  const schema = (...fields: [string, DataType][]) =>
    new Schema(fields.map(([name, type]) => new Field(name, type, true)));

  it('are the same where names and types are, in order', () => {
    const a = schema(['x', new Float32()], ['y', new Utf8()]);
    expect(sameSchema(a, schema(['x', new Float32()], ['y', new Utf8()]))).toBe(true);
    expect(sameSchema(a, schema(['y', new Utf8()], ['x', new Float32()]))).toBe(false);
    expect(sameSchema(a, schema(['x', new Float64()], ['y', new Utf8()]))).toBe(false);
    expect(describeSchema(schema())).toBe('no columns');
  });
});

describe('sliceRows', () => {
  it('hands a whole batch on as it is', () => {
    const batch = batchOfX([1, 2, 3], new Float32());
    expect(sliceRows(batch, 0, 3)).toBe(batch);
    expect(sliceRows(batch, 1, 3).numRows).toBe(2);
  });
});
