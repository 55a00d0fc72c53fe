/**
 * Arrow columns as typed arrays and back: the one file that touches Arrow's inside.
 *
 * A fixed-width column is read without a copy where its values already have the asked type: a plain column (one value
 * a row) or a FixedSizeList (a vector a row). Where floats are asked for, other floats and integers of at most 32 bits
 * are converted; where big integers are, smaller ones. A null is refused: a missing vector has no right answer.
 */
import {
  type Data,
  DataType,
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int8,
  Int32,
  Int64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Uint8,
  Uint32,
} from 'apache-arrow';
import { columnMissing, columnType, columnWidth, DataflowError, notFinite } from './errors.js';
import {
  type AnyArray,
  type Arrays,
  type ArrayType,
  type ArrayTypes,
  allocate,
  type Dtype,
  isArrayOf,
} from './layout.js';

const arrowTypes: Record<Dtype, () => DataType> = {
  f32: () => new Float32(),
  f64: () => new Float64(),
  i8: () => new Int8(),
  i32: () => new Int32(),
  i64: () => new Int64(),
  u8: () => new Uint8(),
  u32: () => new Uint32(),
};

/** The Arrow type of a column that holds such an array a row. */
export function arrowType({ dtype, length, shape }: ArrayType): DataType {
  const element = arrowTypes[dtype]();
  return shape.length === 0 ? element : new FixedSizeList(length, new Field('item', element, false));
}

/** Reads one column: `numRows * type.length` values, viewed where possible, converted otherwise. */
export function readColumn<D extends Dtype>(
  who: string,
  batch: RecordBatch,
  role: string,
  name: string,
  type: ArrayType<D>,
): Arrays[D] {
  const index = batch.schema.fields.findIndex((field) => field.name === name);
  const column = batch.data.children[index];
  if (column === undefined) throw columnMissing(who, role, name, batch.schema.names.map(String));
  const isVector = DataType.isFixedSizeList(column.type);
  const width = isVector ? column.type.listSize : 1;
  const elements = isVector ? column.children[0]! : column;
  const values = valuesAs(elements, type.dtype);
  if (values === undefined) throw columnType(who, name, String(arrowType(type)), String(column.type));
  if (width !== type.length) throw columnWidth(who, name, type.length, width);
  refuseNulls(who, name, column, 1);
  if (isVector) refuseNulls(who, name, elements, width);
  const length = batch.numRows * width;
  return (values.length === length ? values : values.subarray(0, length)) as Arrays[D];
}

/** The values of a primitive column in the asked type, or undefined where that would lose meaning. */
function valuesAs(data: Data, dtype: Dtype): AnyArray | undefined {
  const { type, values } = data as Data & { values: AnyArray };
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

function refuseNulls(who: string, name: string, data: Data, perRow: number): void {
  if (data.nullCount === 0) return;
  for (let i = 0; i < data.length; i++) {
    if (!data.getValid(i)) throw notFinite(who, name, Math.floor(i / perRow), 'null');
  }
}

/** Builds output batches with the columns of the input and the new ones behind them; schemas are made once. */
export class OutputColumns {
  readonly #who: string;
  readonly #types: ArrayTypes;
  readonly #names: Readonly<Record<string, string>>;
  #input: Schema | undefined;
  #appendedTo: Schema | undefined;
  /** The schema of the new columns alone. */
  #own: Schema | undefined;

  constructor(who: string, types: ArrayTypes, names: Readonly<Record<string, string>>) {
    this.#who = who;
    this.#types = types;
    this.#names = names;
  }

  /** One fresh array per output role, for `numRows` rows. */
  allocate(numRows: number): Record<string, AnyArray> {
    const arrays: Record<string, AnyArray> = {};
    for (const role in this.#types) {
      const { dtype, length } = this.#types[role]!;
      arrays[role] = allocate(dtype, numRows * length);
    }
    return arrays;
  }

  /** The input batch with `arrays` as further columns; no value is copied. */
  append(batch: RecordBatch, arrays: Readonly<Record<string, AnyArray>>): RecordBatch {
    const added = this.#children(arrays, batch.numRows);
    return newBatch(this.#appended(batch.schema), batch.numRows, [...batch.data.children, ...added]);
  }

  /** A batch of `arrays` alone. */
  alone(arrays: Readonly<Record<string, AnyArray>>, numRows: number): RecordBatch {
    this.#own ??= new Schema(this.#fields());
    return newBatch(this.#own, numRows, this.#children(arrays, numRows));
  }

  #fields(): Field[] {
    return Object.entries(this.#types).map(
      ([role, type]) => new Field(this.#names[role]!, arrowType(type), false),
    );
  }

  #children(arrays: Readonly<Record<string, AnyArray>>, numRows: number): Data[] {
    return Object.entries(this.#types).map(([role, type]) => columnData(type, arrays[role]!, numRows));
  }

  #appended(input: Schema): Schema {
    if (this.#appendedTo !== undefined && sameFields(this.#input!, input)) return this.#appendedTo;
    for (const role in this.#types) {
      const name = this.#names[role]!;
      if (input.fields.some((field) => field.name === name)) {
        const advice = `Name the output otherwise with columns: { ${role}: '…' }.`;
        throw columnType(
          this.#who,
          name,
          'a name that is free for the output',
          'a column of the input',
          advice,
        );
      }
    }
    this.#input = input;
    this.#appendedTo = new Schema([...input.fields, ...this.#fields()], input.metadata);
    return this.#appendedTo;
  }
}

/** A typed array as one Arrow column of `numRows` rows, without a copy. */
export function columnData(type: ArrayType, values: AnyArray, numRows: number): Data {
  const element = arrowTypes[type.dtype]();
  const leaf = makeData({
    type: element as Float32,
    length: values.length,
    nullCount: 0,
    data: values as Float32Array,
  });
  if (type.shape.length === 0) return leaf;
  const list = arrowType(type) as FixedSizeList<Float32>;
  return makeData({ type: list, length: numRows, nullCount: 0, child: leaf });
}

/** A record batch over columns as they are. */
export function newBatch(schema: Schema, numRows: number, children: readonly Data[]): RecordBatch {
  const type = new Struct(schema.fields);
  return new RecordBatch(schema, makeData({ type, length: numRows, nullCount: 0, children: [...children] }));
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
const sameFields = (a: Schema, b: Schema): boolean =>
  a === b || (a.fields.length === b.fields.length && a.fields.every((field, i) => field === b.fields[i]));

/** The values of a key column, one a row: text, numbers, big integers or truth values. */
export function readKeys(who: string, batch: RecordBatch, name: string): ArrayLike<Key> {
  const column = batch.getChild(name);
  if (column === null) throw columnMissing(who, 'the key', name, batch.schema.names.map(String));
  const type: DataType = DataType.isDictionary(column.type) ? column.type.dictionary : column.type;
  const isNumber = DataType.isInt(type) || DataType.isFloat(type);
  if (!isNumber && !DataType.isUtf8(type) && !DataType.isLargeUtf8(type) && !DataType.isBool(type)) {
    throw columnType(who, name, 'text, integers, floats or truth values', String(type));
  }
  if (column.nullCount > 0) {
    for (let row = 0; row < column.length; row++) {
      if (!column.isValid(row)) {
        const advice = 'A row without a key belongs nowhere: fill or filter it first.';
        throw new DataflowError(
          'NOT_FINITE',
          `${who}: key '${name}' in row ${row}, expected a value, got null. ${advice}`,
          {
            column: name,
            row,
          },
        );
      }
    }
  }
  return isNumber && !DataType.isDictionary(column.type) ? column.toArray() : Array.from(column);
}

export type Key = string | number | bigint | boolean;
