/**
 * Arrow columns from leaves: the inverse of `table-from-arrow`.
 */
import { Data, DataType, type RecordBatch, type Schema, type Union, type Vector } from 'apache-arrow';
import { emptyData } from '../../../sources/empty-data.js';
import { newBatch } from '../../../src/columns.js';
import { limitExceeded } from '../../../src/errors.js';
import type { NumberArray } from './number-transform.js';
import { isText, type Leaf, type NumberArrayConstructor, type Table, wordsOf } from './table.js';
import type { TextColumn } from './text-column.js';

const MOST_OFFSET = 2 ** 31 - 1;

/** The leaves and tables of a table in their order. */
class Cursor {
  readonly rows: number;
  readonly #table: Table;
  #leaf = 0;
  #child = 0;

  constructor(table: Table) {
    this.#table = table;
    this.rows = table.rows;
  }

  leaf(): Leaf {
    return this.#table.leaves[this.#leaf++]!;
  }

  table(): Cursor {
    return new Cursor(this.#table.tables[this.#child++]!);
  }
}

/** A batch from its table. */
export function batchFromTable(schema: Schema, table: Table): RecordBatch {
  const cursor = new Cursor(table);
  return newBatch(
    schema,
    table.rows,
    schema.fields.map(({ type }) => column(type, cursor)),
  );
}

/** One column that is all of a table, as the entries of a dictionary are. */
export const columnFromTable = (type: DataType, table: Table): Data => column(type, new Cursor(table));

function column(type: DataType, cursor: Cursor): Data {
  const { rows } = cursor;
  if (DataType.isNull(type)) return new Data(type, 0, rows, rows);
  if (DataType.isUnion(type)) return unionColumn(type, cursor);
  const first = cursor.leaf();
  const { nullCount, bitmap } = validityOf(first.nulls);
  const made = (offsets: unknown, values: unknown, children: Data[] = [], dictionary?: Vector) =>
    rows === 0 && dictionary === undefined
      ? emptyData(type)
      : new Data(type, 0, rows, nullCount, [offsets, values, bitmap] as never, children, dictionary);
  if (DataType.isDictionary(type)) {
    return made(undefined, indicesAs(type.indices.ArrayType, first.numbers as Int32Array), [], first.vector);
  }
  if (DataType.isBool(type)) return made(undefined, packed(first.numbers as Uint8Array));
  if (DataType.isStruct(type)) {
    return made(
      undefined,
      undefined,
      type.children.map((field) => column(field.type, cursor)),
    );
  }
  if (DataType.isFixedSizeList(type)) {
    return made(undefined, undefined, [column(type.children[0]!.type, cursor.table())]);
  }
  if (DataType.isList(type) || DataType.isLargeList(type) || DataType.isMap(type)) {
    const offsets = offsetsFrom(cursor.leaf().numbers as Int32Array, rows);
    return made(offsetsFor(type, offsets), undefined, [column(type.children[0]!.type, cursor.table())]);
  }
  if (isText(type)) {
    const { offsets, bytes } = spread(first.text!, first.nulls, rows);
    return made(offsetsFor(type, offsets), bytes);
  }
  if (DataType.isFixedSizeBinary(type)) {
    return made(undefined, spreadFixed(first.text!, type.byteWidth, first.nulls, rows));
  }
  return made(undefined, words(type, first, cursor));
}

function unionColumn(type: Union, cursor: Cursor): Data {
  const { rows } = cursor;
  const typeIds = cursor.leaf().numbers as Int8Array;
  const isDense = DataType.isDenseUnion(type);
  const children = type.children.map((field) => column(field.type, isDense ? cursor.table() : cursor));
  if (rows === 0) return emptyData(type);
  const offsets = isDense ? new Int32Array(rows) : undefined;
  const used = new Int32Array(children.length);
  if (offsets) for (let i = 0; i < rows; i++) offsets[i] = used[type.typeIdToChildIndex[typeIds[i]!]!]!++;
  return new Data(type, 0, rows, 0, [offsets, undefined, undefined, typeIds] as never, children);
}

function words(type: DataType, first: Leaf, cursor: Cursor): unknown {
  const arrays = wordsOf(type);
  if (arrays.length === 1) return first.numbers;
  const all = [first, ...arrays.slice(1).map(() => cursor.leaf())].map(
    ({ numbers }) => numbers as Int32Array,
  );
  const wide = new arrays[0]!(cursor.rows * all.length) as Int32Array;
  for (let i = 0; i < cursor.rows; i++) {
    for (let w = 0; w < all.length; w++) wide[i * all.length + w] = all[w]![i]!;
  }
  return DataType.isDecimal(type) ? new Uint32Array(wide.buffer) : wide;
}

function indicesAs(array: NumberArrayConstructor, indices: Int32Array): NumberArray {
  const made = new array(indices.length);
  const isWide = made instanceof BigInt64Array || made instanceof BigUint64Array;
  for (let i = 0; i < indices.length; i++) {
    if (isWide) made[i] = BigInt(indices[i]!);
    else made[i] = indices[i]!;
  }
  return made;
}

function validityOf(nulls: Uint8Array | undefined): { nullCount: number; bitmap?: Uint8Array } {
  if (nulls === undefined) return { nullCount: 0 };
  const bitmap = packed(nulls.map((isNull) => 1 - isNull));
  return { nullCount: nulls.reduce((sum, isNull) => sum + isNull, 0), bitmap };
}

function packed(bits: Uint8Array): Uint8Array {
  const bytes = new Uint8Array((bits.length + 7) >> 3);
  for (let i = 0; i < bits.length; i++) if (bits[i]) bytes[i >> 3]! |= 1 << (i & 7);
  return bytes;
}

function offsetsFrom(lengths: Int32Array, rows: number): Float64Array {
  const offsets = new Float64Array(rows + 1);
  for (let i = 0; i < rows; i++) offsets[i + 1] = offsets[i]! + lengths[i]!;
  return offsets;
}

function offsetsFor(type: DataType, offsets: Float64Array): Int32Array | BigInt64Array {
  if (type.OffsetArrayType === BigInt64Array) return BigInt64Array.from(offsets, BigInt);
  const last = offsets[offsets.length - 1]!;
  if (last > MOST_OFFSET) {
    throw limitExceeded(
      'compressBatches',
      'bytes or elements in a batch',
      MOST_OFFSET,
      'Use smaller batches.',
    );
  }
  return Int32Array.from(offsets);
}

/** Text with an empty string for each null. */
function spread(text: TextColumn, nulls: Uint8Array | undefined, rows: number) {
  const offsets = new Float64Array(rows + 1);
  for (let row = 0, i = 0; row < rows; row++)
    offsets[row + 1] = nulls?.[row] ? offsets[row]! : text.offsets[++i]!;
  return { offsets, bytes: text.bytes.slice(0, offsets[rows]!) };
}

function spreadFixed(
  text: TextColumn,
  width: number,
  nulls: Uint8Array | undefined,
  rows: number,
): Uint8Array {
  const bytes = new Uint8Array(rows * width);
  for (let row = 0, i = 0; row < rows; row++) if (!nulls?.[row]) bytes.set(text.at(i++), row * width);
  return bytes;
}
