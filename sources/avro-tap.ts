/**
 * Bytes of Avro, read from front to back. What does not fit is a RangeError, before anything is made room for.
 */
const SHORT_VARINT_BITS = 28;

/** There are fewer bytes than are asked for. */
export class EndOfBytes extends RangeError {}

export class AvroTap {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes read so far. */
  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  byte(): number {
    if (this.#at === this.#bytes.length) throw new EndOfBytes('the end of the bytes');
    return this.#bytes[this.#at++]!;
  }

  /** An int or a long: a number where it is short, a big integer otherwise. */
  integer(): number | bigint {
    let coded = 0;
    for (let shift = 0; shift < SHORT_VARINT_BITS; shift += 7) {
      const byte = this.byte();
      coded |= (byte & 127) << shift;
      if (byte < 128) return (coded >>> 1) ^ -(coded & 1);
    }
    return this.#longInteger(BigInt(coded));
  }

  /** A count or a length: at least 0, and no more than `most`. */
  count(most: number): number {
    const count = Number(this.integer());
    if (count >= 0 && count <= most) return count;
    throw new RangeError(`a length of ${count}`);
  }

  bytes(length: number): Uint8Array {
    if (length > this.left) throw new EndOfBytes(`${length} bytes where ${this.left} are left`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  float(): number {
    return this.#view.getFloat32(this.#taken(4), true);
  }

  double(): number {
    return this.#view.getFloat64(this.#taken(8), true);
  }

  #longInteger(low: bigint): bigint {
    let coded = low;
    for (let shift = BigInt(SHORT_VARINT_BITS); ; shift += 7n) {
      if (shift > 63n) throw new RangeError('an integer of more than 64 bits');
      const byte = this.byte();
      coded |= BigInt(byte & 127) << shift;
      if (byte < 128) break;
    }
    return BigInt.asIntN(64, coded & 1n ? -(coded >> 1n) - 1n : coded >> 1n);
  }

  #taken(length: number): number {
    this.bytes(length);
    return this.#at - length;
  }
}
