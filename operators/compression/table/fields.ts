/**
 * Small numbers as bytes, seven bits each, the lowest first: what is told of a batch before its rows.
 */
import { corruptInput } from '../../../src/errors.js';

const MOST_VARINT_BYTES = 8;
const MOST_BIG_BYTES = 40;

export class FieldWriter {
  readonly #bytes: number[] = [];

  /** An integer from 0 on, below 2^53. */
  put(n: number): void {
    let rest = n;
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#bytes.push((rest % 128) + 128);
    this.#bytes.push(rest);
  }

  /** Any integer. */
  putBig(n: bigint): void {
    let rest = n < 0n ? -2n * n - 1n : 2n * n;
    for (; rest >= 128n; rest >>= 7n) this.#bytes.push(Number(rest & 127n) + 128);
    this.#bytes.push(Number(rest));
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#bytes);
  }
}

export class FieldReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** An integer of at most `most`. */
  take(most: number): number {
    let n = 0;
    for (let i = 0; i < MOST_VARINT_BYTES; i++) {
      const byte = this.#byte();
      n += (byte & 127) * 128 ** i;
      if (byte < 128) {
        if (n > most) throw damaged(`${n}`, `at most ${most}`);
        return n;
      }
    }
    throw damaged('a longer one', `${MOST_VARINT_BYTES} bytes`);
  }

  takeBig(): bigint {
    let n = 0n;
    for (let i = 0; i < MOST_BIG_BYTES; i++) {
      const byte = this.#byte();
      n |= BigInt(byte & 127) << BigInt(7 * i);
      if (byte < 128) return n & 1n ? -(n + 1n) / 2n : n / 2n;
    }
    throw damaged('a longer one', `${MOST_BIG_BYTES} bytes`);
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw damaged('none', 'a further field');
    return byte;
  }
}

const damaged = (got: string, expected: string) =>
  corruptInput('decompressBatches', 'field of a batch', expected, got);
