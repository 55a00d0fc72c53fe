/**
 * Arrow files that come through a pipe without a schema message in front, as arrow-js writes them. Only the footer tells
 * their schema, so the whole file must be there before its first batch can be.
 */
import { limitExceeded } from '../src/errors.js';
import { ByteReader } from './byte-reader.js';
import { startsAsArrowFile } from './ipc-messages.js';
import { decodeMetadata } from './ipc-metadata.js';
import { joinBytes } from './join-bytes.js';

/** Chunks that can be looked at before they are read. */
export class PeekedChunks implements AsyncIterable<Uint8Array> {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #seen: Uint8Array[] = [];

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The chunks from the first on; they stay to be read. */
  async *peek(): AsyncGenerator<Uint8Array> {
    for (let i = 0; ; i++) {
      if (i === this.#seen.length) {
        const { done, value } = await this.#chunks.next();
        if (done) return;
        this.#seen.push(value);
      }
      yield this.#seen[i]!;
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      yield* this.#seen.splice(0);
      for (let next = await this.#chunks.next(); !next.done; next = await this.#chunks.next())
        yield next.value;
    } finally {
      await this.#chunks.return?.();
    }
  }
}

const END_MARKER = [-1, 0];

/** Whether the chunks are an Arrow file whose first message is not its schema. */
export async function isBareFile(who: string, chunks: PeekedChunks): Promise<boolean> {
  const reader = new ByteReader(chunks.peek());
  if (!startsAsArrowFile(await reader.take(8))) return false;
  const prefix = await reader.take(8);
  if (prefix.length < 8) return false;
  const [marker, length] = new Int32Array(prefix.buffer, 0, 2) as unknown as [number, number];
  if (marker !== END_MARKER[0]) return false;
  if (length === END_MARKER[1]) return true;
  const metadata = await reader.take(Math.min(length, MOST_METADATA_BYTES));
  return metadata.length === length && !decodeMetadata(who, metadata).isSchema();
}

const MOST_METADATA_BYTES = 2 ** 24;

/** All bytes in memory, at most `mostBytes`. */
export async function wholeFile(who: string, chunks: PeekedChunks, mostBytes: number) {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > mostBytes) {
      throw limitExceeded(
        who,
        'maxMessageBytes',
        mostBytes,
        'Read it by its path with arrowFile, or write a stream.',
      );
    }
    parts.push(chunk);
  }
  const bytes = joinBytes(parts);
  return { size, read: async (offset: number, length: number) => bytes.slice(offset, offset + length) };
}
