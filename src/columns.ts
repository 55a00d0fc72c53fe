/**
 * Typed arrays as Arrow columns and batches, without a copy. With read-column.ts, output-columns.ts and concat.ts this is
 * what touches Arrow's inside.
 */
import {
  Binary,
  Bool,
  Data,
  type DataType,
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int8,
  Int32,
  Int64,
  List,
  makeData,
  RecordBatch,
  type Schema,
  Struct,
  Uint8,
  Uint32,
  Utf8,
  util,
  vectorFromArray,
} from 'apache-arrow';
import type { AnyArray, ArrayType, Dtype } from './layout.js';
import {
  type ColumnView,
  type Id,
  isArrayType,
  isListType,
  type RowType,
  type Varying,
} from './row-types.js';

const arrowTypes: Readonly<Record<Dtype, DataType>> = {
  bool: new Bool(),
  f32: new Float32(),
  f64: new Float64(),
  i8: new Int8(),
  i32: new Int32(),
  i64: new Int64(),
  u8: new Uint8(),
  u32: new Uint32(),
};

/** The Arrow type of a column that holds such a row; `ids` is the type of the stream's ids, where there are some. */
export function arrowType(type: RowType, ids: DataType = new Int64()): DataType {
  if (isArrayType(type)) return arrayArrowType(type);
  if (!isListType(type)) return type.kind === 'key' ? ids : listOf(ids);
  if (type.kind === 'list') return listOf(arrayArrowType(type.element));
  return type.kind === 'utf8' ? new Utf8() : new Binary();
}

const vectorTypes = new WeakMap<ArrayType, DataType>();

function arrayArrowType(type: ArrayType): DataType {
  const { dtype, length, shape } = type;
  const element = arrowTypes[dtype];
  if (shape.length === 0) return element;
  const known = vectorTypes.get(type);
  if (known !== undefined) return known;
  const made = new FixedSizeList(length, new Field('item', element, false));
  vectorTypes.set(type, made);
  return made;
}

const listOf = (element: DataType) => new List(new Field('item', element, false));

/** A column of `numRows` rows. No value is copied, but for truth values, which are packed, and ids. */
export function columnData(type: RowType, view: ColumnView, numRows: number, ids?: DataType): Data {
  if (isArrayType(type)) return arrayData(type, view as AnyArray, numRows);
  const arrow = arrowType(type, ids);
  if (!isListType(type) && type.kind === 'key') return idData(view as readonly Id[], arrow);
  const { offsets, values } = view as Varying<AnyArray | readonly Id[]>;
  const own = { type: arrow as List, length: numRows, nullCount: 0, valueOffsets: offsets };
  if (!isListType(type)) {
    return makeData({ ...own, child: idData(values as readonly Id[], (arrow as List).children[0]!.type) });
  }
  if (type.kind !== 'list') return makeData({ ...own, data: values } as never);
  const { element } = type;
  return makeData({ ...own, child: arrayData(element, values as AnyArray, values.length / element.length) });
}

function arrayData(type: ArrayType, values: AnyArray, numRows: number): Data {
  const packed = type.dtype === 'bool' ? util.packBools(values as Uint8Array) : values;
  const leaf = newData(arrowTypes[type.dtype], values.length, packed);
  return type.shape.length === 0 ? leaf : newData(arrayArrowType(type), numRows, undefined, [leaf]);
}

const NO_NULLS = new Uint8Array();

/** What `makeData` makes of a column without nulls, without its dispatch on the type. */
const newData = (type: DataType, length: number, values?: AnyArray, children?: Data[]): Data =>
  new Data(type, 0, length, 0, [undefined, values, NO_NULLS] as never, children);

/** Ids in their type; where there are none, an empty column of it. */
const idData = (ids: readonly Id[], type: DataType): Data =>
  vectorFromArray(ids, type).data[0] ?? makeData({ type, length: 0, nullCount: 0 } as never);

/**
 * A record batch over columns as they are. Where all have the rows, this is what Arrow's constructor comes to, without its
 * copies of schema and data: they take longer than the rest of a short batch's way through an operator.
 */
export function newBatch(schema: Schema, numRows: number, children: readonly Data[]): RecordBatch {
  const data = newData(new Struct(schema.fields), numRows, undefined, [...children]);
  for (let i = 0; i < children.length; i++) {
    if (children[i]!.length !== numRows) return new RecordBatch(schema, data as Data<Struct>);
  }
  const parts = { schema, data, _metadata: new Map<string, string>() };
  return Object.assign(Object.create(RecordBatch.prototype) as RecordBatch, parts);
}

/** The rows `from` … `to − 1` of a batch, without a copy. */
export const sliceRows = (batch: RecordBatch, from: number, to: number): RecordBatch =>
  from === 0 && to === batch.numRows ? batch : batch.slice(from, to);

/** Bytes that a batch's columns take. It is asked for every batch: Arrow's own sum takes half as long again. */
export function batchBytes(batch: RecordBatch): number {
  return dataBytes(batch.data);
}

function dataBytes({ values, valueOffsets, nullBitmap, typeIds, variadicBuffers, children }: Data): number {
  let bytes = values === undefined ? 0 : values.byteLength;
  if (valueOffsets !== undefined) bytes += valueOffsets.byteLength;
  if (nullBitmap !== undefined) bytes += nullBitmap.byteLength;
  if (typeIds !== undefined) bytes += typeIds.byteLength;
  for (let i = 0; i < variadicBuffers.length; i++) bytes += variadicBuffers[i]!.byteLength;
  for (let i = 0; i < children.length; i++) bytes += dataBytes(children[i]!);
  return bytes;
}

/** A schema in words: `q: FixedSizeList[8]<Float32>, id: Utf8`. */
export const describeSchema = (schema: Schema): string =>
  schema.fields.map(({ name, type }) => `${name}: ${type}`).join(', ') || 'no columns';

/** Whether two schemas name the same columns of the same types; metadata does not count. */
export const sameSchema = (a: Schema, b: Schema): boolean =>
  sameFields(a, b) || describeSchema(a) === describeSchema(b);

/** Whether two schemas are of the same field objects: every record batch makes a schema, but keeps the fields. */
export const sameFields = (a: Schema, b: Schema): boolean =>
  a === b || (a.fields.length === b.fields.length && a.fields.every((field, i) => field === b.fields[i]));
