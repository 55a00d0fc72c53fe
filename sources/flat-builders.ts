/**
 * Builders of columns that have one number, truth value or text a row.
 */
import type { Data, DataType } from 'apache-arrow';
import { limitExceeded } from '../src/errors.js';
import { type ColumnBuilder, grown, makeColumn, Validity } from './column-parts.js';

const MOST_BYTES = 2 ** 31 - 1;
const NO_BYTES = new Uint8Array(0);

/** One number a row. */
export class PlainBuilder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #validity = new Validity();
  readonly #isBig: boolean;
  #values: Float64Array;

  constructor(type: DataType) {
    this.#type = type;
    this.#values = new (type.ArrayType as Float64ArrayConstructor)(64);
    this.#isBig = type.ArrayType === BigInt64Array;
  }

  set(row: number, value: unknown): void {
    this.#validity.set(row, value !== null);
    this.#values = grown(this.#values, row + 1);
    if (value !== null) this.#values[row] = (this.#isBig ? BigInt(value as number) : value) as number;
  }

  finish(rows: number): Data {
    return makeColumn(this.#type, rows, this.#validity, undefined, this.#values.subarray(0, rows));
  }
}

export class BoolBuilder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #validity = new Validity();
  #bits = new Uint8Array(64);

  constructor(type: DataType) {
    this.#type = type;
  }

  set(row: number, value: unknown): void {
    this.#validity.set(row, value !== null);
    this.#bits = grown(this.#bits, (row >> 3) + 1);
    if (value === true) this.#bits[row >> 3]! |= 1 << (row & 7);
    else this.#bits[row >> 3]! &= ~(1 << (row & 7));
  }

  finish(rows: number): Data {
    return makeColumn(this.#type, rows, this.#validity, undefined, this.#bits.subarray(0, (rows + 7) >> 3));
  }
}

export class TextBuilder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #validity = new Validity();
  readonly #encoder = new TextEncoder();
  #offsets = new Int32Array(65);
  #bytes = new Uint8Array(1024);

  constructor(type: DataType) {
    this.#type = type;
  }

  set(row: number, value: unknown): void {
    this.#validity.set(row, value !== null);
    this.#offsets = grown(this.#offsets, row + 2);
    const start = this.#offsets[row]!;
    const text = (value ?? '') as string;
    const most = start + text.length * 3;
    if (most > MOST_BYTES) throw tooLarge();
    this.#bytes = grown(this.#bytes, most);
    this.#offsets[row + 1] = start + (writeAscii(text, this.#bytes, start) ?? this.#encode(text, start));
  }

  #encode(text: string, start: number): number {
    return this.#encoder.encodeInto(text, this.#bytes.subarray(start)).written;
  }

  finish(rows: number): Data {
    const offsets = this.#offsets.subarray(0, rows + 1);
    return makeColumn(this.#type, rows, this.#validity, offsets, this.#bytes.subarray(0, offsets[rows]));
  }
}

export class BytesBuilder implements ColumnBuilder {
  readonly #type: DataType;
  readonly #validity = new Validity();
  #offsets = new Int32Array(65);
  #bytes = new Uint8Array(1024);

  constructor(type: DataType) {
    this.#type = type;
  }

  set(row: number, value: unknown): void {
    this.#validity.set(row, value !== null);
    this.#offsets = grown(this.#offsets, row + 2);
    const start = this.#offsets[row]!;
    const bytes = (value ?? NO_BYTES) as Uint8Array;
    const end = start + bytes.length;
    if (end > MOST_BYTES) throw tooLarge();
    this.#bytes = grown(this.#bytes, end);
    this.#bytes.set(bytes, start);
    this.#offsets[row + 1] = end;
  }

  finish(rows: number): Data {
    const offsets = this.#offsets.subarray(0, rows + 1);
    return makeColumn(this.#type, rows, this.#validity, offsets, this.#bytes.subarray(0, offsets[rows]));
  }
}

const tooLarge = () => limitExceeded('column', 'bytes in a batch', MOST_BYTES, 'Use a smaller batchRows.');

/** Writes short ASCII text, several times faster than an encoder; undefined for any other. */
function writeAscii(text: string, bytes: Uint8Array, start: number): number | undefined {
  if (text.length > 64) return undefined;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127) return undefined;
    bytes[start + i] = code;
  }
  return text.length;
}
