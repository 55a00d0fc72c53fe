/**
 * Builders of structs, of bytes of one length, and of nothing.
 */
import { Data, type DataType, type FixedSizeBinary } from 'apache-arrow';
import { type ColumnBuilder, grown, makeColumn, Validity } from './column-parts.js';

/** A list of values a row, one for each field. */
export class StructBuilder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #children: readonly ColumnBuilder[];
  readonly #validity = new Validity();

  constructor(type: DataType, children: readonly ColumnBuilder[]) {
    this.#type = type;
    this.#children = children;
  }

  set(row: number, value: unknown): void {
    this.#validity.set(row, value !== null);
    const values = value as readonly unknown[] | null;
    for (let c = 0; c < this.#children.length; c++) this.#children[c]!.set(row, values?.[c] ?? null);
  }

  finish(rows: number): Data {
    const children = this.#children.map((child) => child.finish(rows));
    return makeColumn(this.#type, rows, this.#validity, undefined, undefined, children);
  }
}

/** As many bytes a row as the type says. */
export class FixedBytesBuilder implements ColumnBuilder {
  readonly #type: FixedSizeBinary;
  readonly #validity = new Validity();
  #bytes = new Uint8Array(1024);

  constructor(type: FixedSizeBinary) {
    this.#type = type;
  }

  set(row: number, value: unknown): void {
    this.#validity.set(row, value !== null);
    const { byteWidth } = this.#type;
    const start = row * byteWidth;
    this.#bytes = grown(this.#bytes, start + byteWidth);
    if (value === null) this.#bytes.fill(0, start, start + byteWidth);
    else this.#bytes.set(value as Uint8Array, start);
  }

  finish(rows: number): Data {
    const bytes = this.#bytes.subarray(0, rows * this.#type.byteWidth);
    return makeColumn(this.#type, rows, this.#validity, undefined, bytes);
  }
}

/** Nulls alone. */
export class NullBuilder implements ColumnBuilder {
  readonly #type: DataType;

  constructor(type: DataType) {
    this.#type = type;
  }

  set(): void {}

  finish(rows: number): Data {
    return new Data(this.#type, 0, rows, rows);
  }
}
