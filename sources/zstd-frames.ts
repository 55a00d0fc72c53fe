/**
 * Follows the frames of a Zstandard stream from outside, without decoding them: how much memory the next one asks for, and
 * whether a stream ends where a frame does. (RFC 8878, section 3.)
 *
 *   frame = magic, descriptor, window, dictionary id, content size, blocks, checksum
 *   block = 3 bytes: is it the last, of which kind, how long; content
 */
const MAGIC = 0xfd2fb528;
const SKIPPABLE = 0x184d2a50;
const LEAST_HEAD_BYTES = 5;
const BLOCK_HEAD_BYTES = 3;
const DICTIONARY_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];
const REPEATED_BYTE = 1;

export class ZstdFrames {
  readonly #onWindow: (bytes: number) => void;
  /** Bytes of the head that is being read. */
  #head: number[] = [];
  #isInFrame = false;
  #hasChecksum = false;
  /** Bytes of content that are still to come. */
  #left = 0;

  /** `onWindow` hears of the memory that each frame asks for. */
  constructor(onWindow: (bytes: number) => void) {
    this.#onWindow = onWindow;
  }

  /** Whether the bytes so far are whole frames. */
  get isWhole(): boolean {
    return !this.#isInFrame && this.#head.length === 0 && this.#left === 0;
  }

  /** Takes the next bytes; false where they cannot be a frame. */
  push(bytes: Uint8Array): boolean {
    for (let at = 0; at < bytes.length; ) {
      const passed = Math.min(this.#left, bytes.length - at);
      this.#left -= passed;
      at += passed;
      if (at === bytes.length) return true;
      this.#head.push(bytes[at++]!);
      if (this.#isInFrame) this.#block();
      else if (!this.#frame()) return false;
    }
    return true;
  }

  #block(): void {
    if (this.#head.length < BLOCK_HEAD_BYTES) return;
    const word = this.#number(0, BLOCK_HEAD_BYTES);
    const isLast = (word & 1) === 1;
    const kind = (word >> 1) & 3;
    this.#left = kind === REPEATED_BYTE ? 1 : word >> 3;
    if (isLast && this.#hasChecksum) this.#left += 4;
    this.#isInFrame = !isLast;
    this.#head = [];
  }

  #frame(): boolean {
    if (this.#head.length < LEAST_HEAD_BYTES) return true;
    const magic = this.#number(0, 4);
    if (magic - (magic % 16) === SKIPPABLE) {
      if (this.#head.length < 8) return true;
      this.#left = this.#number(4, 4);
      this.#head = [];
      return true;
    }
    if (magic !== MAGIC) return false;
    const descriptor = this.#head[4]!;
    const isSingle = ((descriptor >> 5) & 1) === 1;
    const dictionaryBytes = DICTIONARY_BYTES[descriptor & 3]!;
    const sizeBytes = CONTENT_SIZE_BYTES[descriptor >> 6] || (isSingle ? 1 : 0);
    const headBytes = LEAST_HEAD_BYTES + (isSingle ? 0 : 1) + dictionaryBytes + sizeBytes;
    if (this.#head.length < headBytes) return true;
    const contentBytes = this.#number(headBytes - sizeBytes, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
    this.#onWindow(isSingle ? contentBytes : windowBytes(this.#head[LEAST_HEAD_BYTES]!));
    this.#hasChecksum = ((descriptor >> 2) & 1) === 1;
    this.#isInFrame = true;
    this.#head = [];
    return true;
  }

  /** An integer in the head, lowest byte first. */
  #number(from: number, bytes: number): number {
    return this.#head.slice(from, from + bytes).reduceRight((value, byte) => value * 256 + byte, 0);
  }
}

function windowBytes(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}
