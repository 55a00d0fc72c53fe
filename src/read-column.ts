/**
 * Arrow columns as the views that steps work with.
 *
 * A column is read without a copy where its values already have the asked type: a plain column (one value a row), a
 * FixedSizeList (a vector a row), a List, text or bytes. Where floats are asked for, other floats and integers of at most
 * 32 bits are converted; where big integers are, smaller ones. A null is refused: a missing value has no right answer.
 */
import { type Data, DataType, type RecordBatch, util, Vector } from 'apache-arrow';
import { arrowType } from './columns.js';
import { columnMissing, columnType, columnWidth, limitExceeded, nullRefused } from './errors.js';
import { type AnyArray, type ArrayType, isArrayOf } from './layout.js';
import {
  type ColumnView,
  type Id,
  isArrayType,
  isListType,
  type ListType,
  type RowType,
  type Varying,
  type ViewOf,
} from './row-types.js';

/** Reads one column; undefined where it is absent and may be. */
export function readColumn<T extends RowType>(
  who: string,
  batch: RecordBatch,
  role: string,
  name: string,
  type: T,
): ViewOf<T> {
  const index = batch.schema.fields.findIndex((field) => field.name === name);
  const column = batch.data.children[index];
  if (column === undefined) {
    if (type.optional) return undefined as ViewOf<T>;
    throw columnMissing(who, role, name, batch.schema.names.map(String));
  }
  return readPresent(who, name, column, type) as ViewOf<T>;
}

function readPresent(who: string, name: string, column: Data, type: RowType): ColumnView {
  if (isArrayType(type)) return readArrays(who, name, column, type);
  if (!isListType(type)) return readIds(who, name, column);
  return type.kind === 'list' ? readLists(who, name, column, type) : readBytes(who, name, column, type);
}

/** `column.length * type.length` values, viewed where possible, converted otherwise. */
function readArrays(who: string, name: string, column: Data, type: ArrayType): AnyArray {
  const isVector = DataType.isFixedSizeList(column.type);
  const width = isVector ? column.type.listSize : 1;
  const elements = isVector ? column.children[0]! : column;
  const keeps = type.unrounded && elements.values instanceof Float64Array;
  const values = valuesAs(elements, keeps ? 'f64' : type.dtype);
  if (values === undefined) throw columnType(who, name, String(arrowType(type)), String(column.type));
  if (width !== type.length) throw columnWidth(who, name, type.length, width);
  refuseNulls(who, name, column);
  if (isVector) refuseNulls(who, name, elements, (i) => Math.floor(i / width));
  const length = column.length * width;
  return values.length === length ? values : values.subarray(0, length);
}

/** Lists of elements: `element.length` plain values each, or a vector. */
function readLists(who: string, name: string, column: Data, type: ListType): Varying {
  const refuse = () => columnType(who, name, String(arrowType(type)), String(column.type));
  if (!DataType.isList(column.type)) throw refuse();
  const child = column.children[0]!;
  const isVector = DataType.isFixedSizeList(child.type);
  const values = valuesAs(isVector ? child.children[0]! : child, type.element.dtype);
  if (values === undefined) throw refuse();
  const { length: width } = type.element;
  if (isVector && child.type.listSize !== width) throw columnWidth(who, name, width, child.type.listSize);
  refuseNulls(who, name, column);
  const offsets = offsetsOf(who, column);
  const rowOf = (i: number) => offsets.findIndex((offset) => offset > i) - 1;
  refuseNulls(who, name, child, rowOf);
  if (isVector) refuseNulls(who, name, child.children[0]!, (i) => rowOf(Math.floor(i / width)));
  if (isVector || width === 1) return { offsets, values };
  const ragged = offsets.findIndex((offset, i) => (offset - offsets[0]!) % width !== 0 && i > 0);
  if (ragged > 0) throw columnWidth(who, name, width, offsets[ragged]! - offsets[ragged - 1]!);
  const first = offsets[0]!;
  return { offsets: offsets.map((offset) => (offset - first) / width), values: values.subarray(first) };
}

function readBytes(who: string, name: string, column: Data, type: ListType): Varying {
  const { type: own } = column;
  const isText = DataType.isUtf8(own) || DataType.isLargeUtf8(own);
  refuseNulls(who, name, column);
  if (isText || (type.kind === 'binary' && (DataType.isBinary(own) || DataType.isLargeBinary(own)))) {
    return { offsets: offsetsOf(who, column), values: column.values as Uint8Array };
  }
  if (type.kind === 'binary' && DataType.isFixedSizeBinary(own)) {
    const offsets = Int32Array.from({ length: column.length + 1 }, (_, row) => row * own.byteWidth);
    return { offsets, values: column.values as Uint8Array };
  }
  if (DataType.isDictionary(own) && DataType.isUtf8(own.dictionary)) return utf8Of(textsOf(column));
  const expected = type.kind === 'binary' ? 'Binary or Utf8' : 'Utf8';
  throw columnType(who, name, expected, String(own));
}

function utf8Of(texts: readonly string[]): Varying {
  const encoder = new TextEncoder();
  const rows = texts.map((text) => encoder.encode(text));
  const offsets = new Int32Array(rows.length + 1);
  for (const [row, bytes] of rows.entries()) offsets[row + 1] = offsets[row]! + bytes.length;
  const values = new Uint8Array(offsets[rows.length]!);
  for (const [row, bytes] of rows.entries()) values.set(bytes, offsets[row]!);
  return { offsets, values };
}

function readIds(who: string, name: string, column: Data): readonly Id[] {
  const { type } = column;
  const values: DataType = DataType.isDictionary(type) ? type.dictionary : type;
  const isText = DataType.isUtf8(values) || DataType.isLargeUtf8(values);
  if (!isText && !DataType.isInt(values)) throw columnType(who, name, 'integers or text', String(type));
  refuseNulls(who, name, column);
  return isText ? textsOf(column) : Array.from(new Vector([column]) as Iterable<number>, BigInt);
}

const textsOf = (column: Data): string[] => Array.from(new Vector([column]) as Iterable<string>);

/** Offsets as 32-bit numbers, one more than there are rows. */
function offsetsOf(who: string, { valueOffsets, length }: Data): Int32Array {
  if (length === 0) return new Int32Array(1);
  const offsets = valueOffsets as Int32Array | BigInt64Array;
  if (offsets instanceof Int32Array)
    return offsets.length === length + 1 ? offsets : offsets.subarray(0, length + 1);
  if (offsets[length]! >= 2n ** 31n)
    throw limitExceeded(who, 'bytes a column', 2 ** 31 - 1, 'Cut the batch smaller.');
  return Int32Array.from(offsets.subarray(0, length + 1), Number);
}

/** The values of a primitive column in the asked type, or undefined where that would lose meaning. */
function valuesAs(data: Data, dtype: ArrayType['dtype']): AnyArray | undefined {
  const { type, values } = data as Data & { values: AnyArray };
  if (dtype === 'bool') return DataType.isBool(type) ? truthsOf(data) : undefined;
  if (!DataType.isInt(type) && !DataType.isFloat(type)) return undefined;
  if (isArrayOf(dtype, values)) return values;
  const isNumbers = !(values instanceof BigInt64Array || values instanceof BigUint64Array);
  const isFloat16 = DataType.isFloat(type) && values instanceof Uint16Array;
  if (isNumbers && !isFloat16 && dtype === 'f32') return Float32Array.from(values as Float64Array);
  if (isNumbers && !isFloat16 && dtype === 'f64') return Float64Array.from(values as Float32Array);
  if (dtype === 'i64' && DataType.isInt(type) && type.bitWidth < 64) {
    return BigInt64Array.from(values as Int32Array, BigInt);
  }
  return undefined;
}

/** A byte for each packed bit. */
const truthsOf = ({ values, offset, length }: Data): Uint8Array =>
  Uint8Array.from(new util.BitIterator(values as Uint8Array, offset, length, null, util.getBit));

/** Refuses a null, in the row that `rowOf` finds for it; what lies in no row (−1) does not count. */
function refuseNulls(who: string, name: string, data: Data, rowOf = (i: number) => i): void {
  if (data.nullCount === 0) return;
  for (let i = 0; i < data.length; i++) {
    if (!data.getValid(i) && rowOf(i) >= 0) throw nullRefused(who, name, rowOf(i));
  }
}

/** The values of a key column, one a row: text, numbers, big integers or truth values. */
export function readKeys(who: string, batch: RecordBatch, name: string): ArrayLike<Key> {
  const column = batch.getChild(name);
  if (column === null) throw columnMissing(who, 'the key', name, batch.schema.names.map(String));
  const type: DataType = DataType.isDictionary(column.type) ? column.type.dictionary : column.type;
  const isNumber = DataType.isInt(type) || DataType.isFloat(type);
  if (!isNumber && !DataType.isUtf8(type) && !DataType.isLargeUtf8(type) && !DataType.isBool(type)) {
    throw columnType(who, name, 'text, integers, floats or truth values', String(type));
  }
  for (const data of column.data) refuseNulls(who, name, data);
  return isNumber && !DataType.isDictionary(column.type) ? column.toArray() : Array.from(column);
}

export type Key = string | number | bigint | boolean;
