/**
 * Tables of plain leaves: what record batches become before they are coded, and what is decoded.
 *
 * A column of a batch is one leaf or several in the same rows: a struct's children, a decimal's words. What is inside of
 * lists has rows of its own: a table inside of the table. An outline says what leaves a schema has; it is all that a
 * decoder knows before the first row.
 */
import { type DataType, type Schema, DataType as Type, type Vector } from 'apache-arrow';
import { columnType } from '../../../src/errors.js';
import type { NumberArray } from './number-transform.js';
import type { TextColumn } from './text-column.js';

/** Numbers, text of any length, bytes of one width, or indices into a dictionary. */
export type LeafType =
  | {
      readonly kind: 'number';
      readonly array: NumberArrayConstructor;
      readonly isFloat: boolean;
      /** The only values there can be. */
      readonly among?: readonly number[];
    }
  | { readonly kind: 'text' }
  | { readonly kind: 'bytes'; readonly width: number }
  | { readonly kind: 'index'; readonly entries: Outline; readonly type: DataType };

export type NumberArrayConstructor = (new (
  length: number,
) => NumberArray) & {
  readonly BYTES_PER_ELEMENT: number;
};

export interface Outline {
  readonly leaves: LeafType[];
  /** Tables inside of this one, in the order of their columns. */
  readonly tables: InnerOutline[];
}

export interface InnerOutline {
  readonly outline: Outline;
  readonly rows: RowCount;
}

/** What says how many rows an inner table has: so many a row, the sum of a leaf, how often it has a value. */
export type RowCount =
  | { readonly count: 'each'; readonly size: number }
  | { readonly count: 'sum'; readonly leaf: number }
  | { readonly count: 'of'; readonly leaf: number; readonly value: number };

/** The content of a leaf. Numbers of a null are 0; text is that of rows that are not null. */
export interface Leaf {
  /** 1 where there is no value; absent where all rows have one. */
  nulls: Uint8Array | undefined;
  numbers?: NumberArray;
  text?: TextColumn;
  /** Of indices: the entries of the dictionary as a table, made when it is asked for. */
  dictionary?: Dictionary;
  /** Of indices: the entries of the dictionary that this batch tells. */
  told?: Table | undefined;
  /** Of indices that were decoded: what they point into. */
  vector?: Vector | undefined;
}

export interface Dictionary {
  readonly length: number;
  /** The same object where it is the same dictionary. */
  readonly identity: Vector;
  /** The entries from `from` on. */
  entries(from: number): Table;
}

export interface Table {
  readonly rows: number;
  readonly leaves: Leaf[];
  readonly tables: Table[];
}

const numbers = (array: NumberArrayConstructor, isFloat = false): LeafType => ({
  kind: 'number',
  array,
  isFloat,
});

/** The rows that an inner table has, beside the leaves of the outer one. */
export function countRows(count: RowCount, leaves: readonly Leaf[], rows: number): number {
  if (count.count === 'each') return rows * count.size;
  let sum = 0;
  const numbers = leaves[count.leaf]!.numbers as Int32Array;
  for (const n of numbers) sum += count.count === 'sum' ? n : n === count.value ? 1 : 0;
  return sum;
}

export const outlineOf = (schema: Schema): Outline => outline(schema.fields.map(({ type }) => type));

function outline(types: readonly DataType[]): Outline {
  const made: Outline = { leaves: [], tables: [] };
  for (const type of types) addOutline(type, made);
  return made;
}

/** Adds the leaves of a column: the order here is that of `table-from-arrow` and `arrow-from-table`. */
function addOutline(type: DataType, { leaves, tables }: Outline): void {
  const children = (type.children ?? []).map((field) => field.type as DataType);
  const addAll = () => {
    for (const child of children) addOutline(child, { leaves, tables });
  };
  if (Type.isNull(type)) return;
  if (Type.isDictionary(type)) {
    leaves.push({ kind: 'index', entries: outline([type.dictionary]), type: type.dictionary });
  } else if (Type.isBool(type)) leaves.push(numbers(Uint8Array));
  else if (Type.isStruct(type)) {
    leaves.push(numbers(Uint8Array));
    addAll();
  } else if (Type.isList(type) || Type.isLargeList(type) || Type.isMap(type)) {
    leaves.push(numbers(Uint8Array), numbers(Int32Array));
    tables.push({ outline: outline(children), rows: { count: 'sum', leaf: leaves.length - 1 } });
  } else if (Type.isFixedSizeList(type)) {
    leaves.push(numbers(Uint8Array));
    tables.push({ outline: outline(children), rows: { count: 'each', size: type.listSize } });
  } else if (Type.isUnion(type)) {
    const among = [...type.typeIds];
    leaves.push({ kind: 'number', array: Int8Array, isFloat: false, among });
    const leaf = leaves.length - 1;
    if (Type.isDenseUnion(type)) {
      children.forEach((child, c) => {
        tables.push({ outline: outline([child]), rows: { count: 'of', leaf, value: among[c]! } });
      });
    } else addAll();
  } else if (isText(type)) leaves.push({ kind: 'text' });
  else if (Type.isFixedSizeBinary(type)) leaves.push({ kind: 'bytes', width: type.byteWidth });
  else
    for (const array of wordsOf(type)) leaves.push(numbers(array, Type.isFloat(type) && type.precision > 0));
}

export const isText = (type: DataType): boolean =>
  Type.isUtf8(type) || Type.isBinary(type) || Type.isLargeUtf8(type) || Type.isLargeBinary(type);

/** The arrays of a fixed-width value's words: one for most, several for intervals and decimals. */
export function wordsOf(type: DataType): NumberArrayConstructor[] {
  if (Type.isDecimal(type)) return new Array(type.bitWidth / 64).fill(BigInt64Array);
  if (type.ArrayType === undefined || Type.isUtf8View(type) || Type.isBinaryView(type)) {
    throw columnType(
      'compressBatches',
      '',
      'a type that arrow-js reads, other than views',
      `${type}`,
      'Convert it first.',
    );
  }
  const stride = strideOf(type);
  return new Array(stride).fill(type.ArrayType);
}

/** Elements of one value. */
export function strideOf(type: DataType): number {
  if (Type.isInterval(type)) return type.unit === 0 ? 1 : type.unit === 1 ? 2 : 4;
  return 1;
}
