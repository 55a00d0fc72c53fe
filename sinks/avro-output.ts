/**
 * Bytes of Avro, written one value after the other.
 */
const encoder = new TextEncoder();
const MOST_SHORT = 2 ** 30;

export class AvroOutput {
  #bytes = new Uint8Array(2 ** 12);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What was written since it was last taken, in memory of its own. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#length++] = value;
  }

  /** An int or a long. */
  integer(value: number | bigint): void {
    if (typeof value === 'number' && value < MOST_SHORT && value >= -MOST_SHORT) {
      let coded = (value << 1) ^ (value >> 31);
      for (; coded > 127; coded >>>= 7) this.byte((coded & 127) | 128);
      this.byte(coded);
      return;
    }
    const long = BigInt(value);
    let coded = BigInt.asUintN(64, (long << 1n) ^ (long >> 63n));
    for (; coded > 127n; coded >>= 7n) this.byte(Number(coded & 127n) | 128);
    this.byte(Number(coded));
  }

  float(value: number): void {
    this.#room(4);
    this.#view.setFloat32(this.#length, value, true);
    this.#length += 4;
  }

  double(value: number): void {
    this.#room(8);
    this.#view.setFloat64(this.#length, value, true);
    this.#length += 8;
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Bytes behind their length. */
  bytes(bytes: Uint8Array): void {
    this.integer(bytes.length);
    this.raw(bytes);
  }

  text(text: string): void {
    this.bytes(encoder.encode(text));
  }

  #room(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
