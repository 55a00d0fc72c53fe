/**
 * Fills a column row by row, in any of the types that text can have. A row that is set again is overwritten, as long as
 * none behind it was set: so a row whose last cell is bad leaves nothing behind.
 */
import { type Data, DataType, type FixedSizeList, type List, type Map_ } from 'apache-arrow';
import { type ColumnBuilder, grown, makeColumn, Validity } from './column-parts.js';
import { arrowTypeOf, type ColumnType } from './column-type.js';
import { DecimalBuilder } from './decimal-builder.js';
import { BoolBuilder, BytesBuilder, PlainBuilder, TextBuilder } from './flat-builders.js';
import { FixedBytesBuilder, NullBuilder, StructBuilder } from './nested-builders.js';

export const columnBuilder = (type: ColumnType): ColumnBuilder => arrowBuilder(arrowTypeOf(type));

/**
 * A builder of any flat type, of lists, maps and structs of them, and of vectors of numbers. Decimals are given as big integers
 * that count the last digit, dates and times as Arrow counts them, structs as lists of their fields, maps as lists of entries.
 */
export function arrowBuilder(type: DataType): ColumnBuilder {
  if (DataType.isFixedSizeList(type)) return new VectorBuilder(type, type.listSize);
  if (DataType.isList(type)) return new ListBuilder(type, arrowBuilder(type.children[0]!.type));
  if (DataType.isMap(type)) return new ListBuilder(type, arrowBuilder(type.children[0]!.type));
  if (DataType.isStruct(type)) {
    const children = type.children.map((field) => arrowBuilder(field.type));
    return new StructBuilder(type, children);
  }
  if (DataType.isBool(type)) return new BoolBuilder(type);
  if (DataType.isUtf8(type)) return new TextBuilder(type);
  if (DataType.isBinary(type)) return new BytesBuilder(type);
  if (DataType.isFixedSizeBinary(type)) return new FixedBytesBuilder(type);
  if (DataType.isDecimal(type)) return new DecimalBuilder(type);
  if (DataType.isNull(type)) return new NullBuilder(type);
  return new PlainBuilder(type);
}

/** A vector of one length a row. */
class VectorBuilder implements ColumnBuilder {
  readonly #type: FixedSizeList;
  readonly #length: number;
  readonly #validity = new Validity();
  #values: Float64Array;

  constructor(type: FixedSizeList, length: number) {
    this.#type = type;
    this.#length = length;
    this.#values = new (type.children[0]!.type.ArrayType as Float64ArrayConstructor)(64);
  }

  set(row: number, value: unknown): void {
    this.#validity.set(row, value !== null);
    const start = row * this.#length;
    this.#values = grown(this.#values, start + this.#length);
    if (value === null) this.#values.fill(0, start, start + this.#length);
    else this.#values.set(value as number[], start);
  }

  finish(rows: number): Data {
    const length = rows * this.#length;
    const element = this.#type.children[0]!.type;
    const child = makeColumn(element, length, undefined, undefined, this.#values.subarray(0, length));
    return makeColumn(this.#type, rows, this.#validity, undefined, undefined, [child]);
  }
}

/** A list of any length a row. */
class ListBuilder implements ColumnBuilder {
  readonly #type: List | Map_;
  readonly #elements: ColumnBuilder;
  readonly #validity = new Validity();
  #offsets = new Int32Array(65);

  constructor(type: List | Map_, elements: ColumnBuilder) {
    this.#type = type;
    this.#elements = elements;
  }

  set(row: number, value: unknown): void {
    const list = (value ?? []) as unknown[];
    this.#validity.set(row, value !== null);
    this.#offsets = grown(this.#offsets, row + 2);
    const start = this.#offsets[row]!;
    for (let i = 0; i < list.length; i++) this.#elements.set(start + i, list[i]);
    this.#offsets[row + 1] = start + list.length;
  }

  finish(rows: number): Data {
    const offsets = this.#offsets.subarray(0, rows + 1);
    return makeColumn(this.#type, rows, this.#validity, offsets, undefined, [
      this.#elements.finish(offsets[rows]!),
    ]);
  }
}
