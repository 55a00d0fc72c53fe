/**
 * What column builders share: arrays that grow, validity bits, and the column that comes out.
 */
import { Data, type DataType } from 'apache-arrow';

export interface ColumnBuilder {
  /** Sets a row to a value of the type, or to null. */
  set(row: number, value: unknown): void;
  /** The first `rows` rows. */
  finish(rows: number): Data;
}

export type Growable = Uint8Array | Int32Array | Float64Array;

/** The array, or a copy twice as long if `length` elements do not fit. */
export function grown<T extends Growable>(array: T, length: number): T {
  if (length <= array.length) return array;
  const larger = new (array.constructor as { new (length: number): T })(
    Math.max(length, array.length * 2, 64),
  );
  larger.set(array as never);
  return larger;
}

/** One bit a row: whether it has a value. */
export class Validity {
  #bits = new Uint8Array(64);

  set(row: number, isValid: boolean): void {
    this.#bits = grown(this.#bits, (row >> 3) + 1);
    if (isValid) this.#bits[row >> 3]! |= 1 << (row & 7);
    else this.#bits[row >> 3]! &= ~(1 << (row & 7));
  }

  finish(rows: number): { nullCount: number; bits: Uint8Array | undefined } {
    let valid = 0;
    for (let row = 0; row < rows; row++) valid += (this.#bits[row >> 3]! >> (row & 7)) & 1;
    const bits = valid === rows ? undefined : this.#bits.subarray(0, (rows + 7) >> 3);
    return { nullCount: rows - valid, bits };
  }
}

export function makeColumn(
  type: DataType,
  rows: number,
  validity: Validity | undefined,
  offsets: Int32Array | undefined,
  values: Growable | undefined,
  children: Data[] = [],
): Data {
  const { nullCount, bits } = validity?.finish(rows) ?? { nullCount: 0, bits: undefined };
  return new Data(type, 0, rows, nullCount, [offsets, values, bits] as never, children);
}
