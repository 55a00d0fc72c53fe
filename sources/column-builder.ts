/**
 * Fills a column row by row, in any of the types that text can have. A row that is set again is overwritten, as long as
 * none behind it was set: so a row whose last cell is bad leaves nothing behind.
 */
import type { Data, FixedSizeList, List } from 'apache-arrow';
import { type ColumnBuilder, grown, makeColumn, Validity } from './column-parts.js';
import { arrowTypeOf, type ColumnType, vectorLength } from './column-type.js';
import { BoolBuilder, BytesBuilder, PlainBuilder, TextBuilder } from './flat-builders.js';

export function columnBuilder(type: ColumnType): ColumnBuilder {
  const arrow = arrowTypeOf(type);
  const length = vectorLength(type);
  if (length !== undefined) return new VectorBuilder(arrow as FixedSizeList, length);
  if (type === 'bool') return new BoolBuilder(arrow);
  if (type === 'utf8') return new TextBuilder(arrow);
  if (type === 'binary') return new BytesBuilder(arrow);
  if (type === 'list<float64>') return new ListBuilder(arrow as List, columnBuilder('float64'));
  if (type === 'list<utf8>') return new ListBuilder(arrow as List, columnBuilder('utf8'));
  return new PlainBuilder(arrow);
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
  readonly #type: List;
  readonly #elements: ColumnBuilder;
  readonly #validity = new Validity();
  #offsets = new Int32Array(65);

  constructor(type: List, elements: ColumnBuilder) {
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
