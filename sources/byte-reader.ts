/**
 * Takes exact amounts of bytes from chunks of any size.
 */
import { joinBytes } from './join-bytes.js';

export class ByteReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #current: Uint8Array = new Uint8Array(0);
  #taken = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Bytes taken so far. */
  get taken(): number {
    return this.#taken;
  }

  /**
   * The next `length` bytes, in memory of their own; fewer where the input ends. Room is made for what has arrived,
   * never for what was only announced.
   */
  async take(length: number): Promise<Uint8Array<ArrayBuffer>> {
    const pieces: Uint8Array[] = [];
    let missing = length;
    while (missing > 0) {
      if (this.#current.length === 0) {
        const { done, value } = await this.#chunks.next();
        if (done) break;
        this.#current = value;
      }
      const piece = this.#current.subarray(0, missing);
      this.#current = this.#current.subarray(piece.length);
      missing -= piece.length;
      pieces.push(piece);
    }
    this.#taken += length - missing;
    return joinBytes(pieces);
  }

  /** Reads on to the end, and gives the last bytes, at most `length` of them. */
  async drain(length: number): Promise<Uint8Array<ArrayBuffer>> {
    let tail = new Uint8Array(0);
    for (;;) {
      const more = await this.take(1 << 16);
      if (more.length === 0) return tail;
      tail = joinBytes([tail, more]).slice(-length);
    }
  }

  /** Lets go of the chunks that are left. */
  async stop(): Promise<void> {
    await this.#chunks.return?.();
  }
}
