/**
 * Takes exact amounts of bytes from chunks of any size.
 */
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
    return joined(pieces, length - missing);
  }

  /** Reads on to the end, and gives the last bytes, at most `length` of them. */
  async drain(length: number): Promise<Uint8Array<ArrayBuffer>> {
    let tail = new Uint8Array(0);
    for (;;) {
      const more = await this.take(1 << 16);
      if (more.length === 0) return tail;
      tail = joined([tail, more], tail.length + more.length).slice(-length);
    }
  }

  /** Lets go of the chunks that are left. */
  async stop(): Promise<void> {
    await this.#chunks.return?.();
  }
}

function joined(pieces: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
