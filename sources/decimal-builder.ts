/**
 * Decimals: a big integer a row, which counts the last digit, as two's complement in words of 32 bits, lowest first.
 */
import type { Data, Decimal } from 'apache-arrow';
import { type ColumnBuilder, grown, makeColumn, Validity } from './column-parts.js';

export class DecimalBuilder implements ColumnBuilder {
  readonly #type: Decimal;
  readonly #words: number;
  readonly #validity = new Validity();
  #values = new Int32Array(64);

  constructor(type: Decimal) {
    this.#type = type;
    this.#words = type.bitWidth / 32;
  }

  set(row: number, value: unknown): void {
    this.#validity.set(row, value !== null);
    const start = row * this.#words;
    this.#values = grown(this.#values, start + this.#words);
    let rest = (value ?? 0n) as bigint;
    for (let word = 0; word < this.#words; word++) {
      this.#values[start + word] = Number(BigInt.asIntN(32, rest));
      rest >>= 32n;
    }
  }

  finish(rows: number): Data {
    const { buffer } = this.#values;
    const values = new Uint32Array(buffer, 0, rows * this.#words) as unknown as Int32Array;
    return makeColumn(this.#type, rows, this.#validity, undefined, values);
  }
}
