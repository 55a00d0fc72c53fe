/**
 * Columns as they are written: plain types, no room for rows that are not there, the same bytes for the same rows.
 *
 * Dictionaries are written out as the values that they stand for, and views as Utf8 or Binary. Batches of different
 * readers bring different dictionaries, a file can hold only one for each column, and so this alone is always right.
 * arrow-js writes the whole validity bitmap of the original for each slice of it; here a slice has its own.
 */
import { Data, DataType, type RecordBatch, Schema } from 'apache-arrow';
import { emptyData } from '../sources/empty-data.js';
import { gather, withChildren } from '../sources/gather.js';
import { allRows, isView } from '../sources/picks.js';
import { newBatch } from '../src/columns.js';

/** A batch of the same rows whose columns are plain and compact. */
export function compactBatch(batch: RecordBatch): RecordBatch {
  const children = batch.data.children.map(compact);
  const fields = batch.schema.fields.map((field, c) => field.clone({ type: children[c]!.type }));
  return newBatch(new Schema(fields, batch.schema.metadata), batch.numRows, children);
}

/** A column of the same rows, plain and compact. */
export function compact(data: Data): Data {
  const { type, length, values, valueOffsets } = data;
  if (DataType.isDictionary(type) || DataType.isUnion(type) || isView(type))
    return gather([data], allRows(length));
  if (DataType.isNull(type)) return new Data(type, 0, length, length);
  const children = data.children.map((child) => compact(usedPart(data, child)));
  const plain = children.length > 0 ? withChildren(type, children) : type;
  if (length === 0) return emptyData(plain);
  const { nullCount } = data;
  const bitmap = nullCount > 0 ? bits(data.nullBitmap, data.offset, length) : undefined;
  const own = DataType.isBool(type) ? bits(values, data.offset, length) : values;
  const offsets = children.length > 0 && valueOffsets ? fromZero(valueOffsets, length) : valueOffsets;
  return new Data(plain, 0, length, nullCount, [offsets, own, bitmap] as never, children);
}

/** The rows of a child that its parent refers to. */
function usedPart({ type, length, valueOffsets }: Data, child: Data): Data {
  if (length === 0) return child.slice(0, 0);
  if (DataType.isFixedSizeList(type)) return child.slice(0, length * type.listSize);
  if (DataType.isStruct(type)) return child.slice(0, length);
  const begin = Number(valueOffsets[0]);
  return child.slice(begin, Number(valueOffsets[length]) - begin);
}

function fromZero(offsets: Int32Array | BigInt64Array, length: number): Int32Array | BigInt64Array {
  const [begin] = offsets;
  if (offsets instanceof Int32Array)
    return offsets.subarray(0, length + 1).map((offset) => offset - (begin as number));
  return offsets.subarray(0, length + 1).map((offset) => offset - (begin as bigint));
}

/** `length` bits from bit `offset` on, packed from bit 0; what is behind them is 0. */
function bits(source: Uint8Array, offset: number, length: number): Uint8Array {
  const out = new Uint8Array((length + 7) >> 3);
  const first = offset >> 3;
  const shift = offset & 7;
  for (let i = 0; i < out.length; i++) {
    out[i] = (source[first + i]! >> shift) | ((source[first + i + 1] ?? 0) << (8 - shift));
  }
  if (length & 7) out[out.length - 1]! &= (1 << (length & 7)) - 1;
  return out;
}
