/**
 * Cuts a stream of bytes into Arrow IPC messages, each whole and in memory of its own.
 *
 *   message = FF FF FF FF, int32 metadata length, metadata, body     (older writers leave out the FF FF FF FF)
 *   stream  = schema message, dictionaries and batches, end marker   (a message with metadata length 0)
 *
 * 1. An Arrow *file* is read as well: behind its magic bytes the same messages follow, then the end marker.
 * 2. A length below 0 or above the limit is CORRUPT_INPUT before any room is made for it.
 * 3. Input that ends inside of a message, or without the end marker, is TRUNCATED_INPUT.
 * 4. Behind the end marker of a stream nothing may follow but another stream.
 */
import { MessageHeader } from 'apache-arrow';
import { corruptInput, schemaChanged, truncatedInput } from '../src/errors.js';
import { ByteReader } from './byte-reader.js';
import type { IpcMessage } from './ipc-decoder.js';
import { decodeMetadata } from './ipc-metadata.js';

export interface FramingOptions {
  /** Whether a stream may end without its end marker, between two messages. */
  readonly endMarker: 'required' | 'optional';
  readonly maxMessageBytes: number;
}

/** ARROW1 and two bytes of padding. */
const MAGIC = [0x41, 0x52, 0x52, 0x4f, 0x57, 0x31, 0, 0];
const MAGIC_BYTES = 6;
/** A first length without FF FF FF FF in front is believed up to here; text read as a length is far beyond. */
const MOST_BARE_LENGTH = 2 ** 24;

export const startsAsArrowFile = (bytes: Uint8Array) =>
  bytes.length >= MAGIC_BYTES && MAGIC.slice(0, MAGIC_BYTES).every((byte, i) => bytes[i] === byte);

/** Every message of one stream or of several one behind the other. */
export async function* ipcMessages(
  who: string,
  chunks: AsyncIterable<Uint8Array>,
  { endMarker, maxMessageBytes }: FramingOptions,
): AsyncGenerator<IpcMessage> {
  const framer = new Framer(who, new ByteReader(chunks), maxMessageBytes);
  try {
    const isFile = await framer.skipMagic();
    let inStream = false;
    for (let length = await framer.metadataLength(); ; length = await framer.metadataLength()) {
      if (length === 'end of input') {
        if (inStream && endMarker === 'required')
          throw framer.truncated('the end-of-stream marker', 'the end');
        return;
      }
      if (length === 0 && isFile) return await framer.expectFooter();
      if (length === 0 && inStream) {
        inStream = false;
        continue;
      }
      const message = await framer.message(length);
      framer.refuseMisplaced(message, inStream);
      inStream = true;
      yield message;
    }
  } finally {
    await framer.stop();
  }
}

class Framer {
  readonly #who: string;
  readonly #reader: ByteReader;
  readonly #maxMessageBytes: number;
  /** The first four bytes, which may have been read to look for the magic. */
  #first: Uint8Array<ArrayBuffer> | undefined;

  constructor(who: string, reader: ByteReader, maxMessageBytes: number) {
    this.#who = who;
    this.#reader = reader;
    this.#maxMessageBytes = maxMessageBytes;
  }

  async skipMagic(): Promise<boolean> {
    this.#first = await this.#reader.take(4);
    if (this.#first.length < 4 || !this.#first.every((byte, i) => byte === MAGIC[i])) return false;
    const rest = await this.#take(4, 'the magic bytes ARROW1');
    if (!rest.every((byte, i) => byte === MAGIC[i + 4]))
      throw this.#corrupt('magic bytes', 'ARROW1', 'others');
    this.#first = undefined;
    return true;
  }

  /** The length of the next message's metadata; 0 is the end marker. */
  async metadataLength(): Promise<number | 'end of input'> {
    const isStart = this.#reader.taken <= 4;
    const word = this.#first ?? (await this.#reader.take(4));
    this.#first = undefined;
    if (word.length === 0 && !isStart) return 'end of input';
    if (word.length < 4)
      throw this.truncated(isStart ? 'a schema message' : '4 bytes of a length', `${word.length} bytes`);
    let length = int32(word);
    if (length === -1) length = int32(await this.#take(4, '4 bytes of a length'));
    else if (isStart && (length <= 0 || length > MOST_BARE_LENGTH)) {
      throw this.#corrupt('input', 'an Arrow IPC stream', `bytes ${Array.from(word).join(' ')} …`);
    }
    this.#refuseLength('metadata', length);
    return length;
  }

  async message(length: number): Promise<IpcMessage> {
    const bytes = await this.#take(length, `${length} bytes of metadata`);
    const metadata = decodeMetadata(this.#who, bytes);
    this.#refuseLength('body', metadata.bodyLength);
    const body = await this.#take(metadata.bodyLength, `${metadata.bodyLength} bytes of a message's body`);
    return { metadata, body };
  }

  /** A schema comes first in a stream, and nowhere else. */
  refuseMisplaced({ metadata }: IpcMessage, inStream: boolean): void {
    if (metadata.isSchema() === !inStream) return;
    if (inStream)
      throw schemaChanged(this.#who, 'one schema', 'another schema message before the end marker');
    throw this.#corrupt('first message', 'a schema', `${MessageHeader[metadata.headerType]}`);
  }

  /** Reads an Arrow file to its end, which has the magic bytes again. */
  async expectFooter(): Promise<void> {
    const tail = await this.#reader.drain(MAGIC_BYTES);
    if (!startsAsArrowFile(tail))
      throw this.truncated('a footer that ends with ARROW1', `${tail.length} other bytes`);
  }

  truncated(expected: string, got: string) {
    return truncatedInput(this.#who, `input at byte ${this.#reader.taken}`, expected, got);
  }

  stop(): Promise<void> {
    return this.#reader.stop();
  }

  async #take(length: number, expected: string): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await this.#reader.take(length);
    if (bytes.length < length) throw this.truncated(expected, `${bytes.length} bytes`);
    return bytes;
  }

  #refuseLength(what: string, length: number): void {
    if (length >= 0 && length <= this.#maxMessageBytes) return;
    throw this.#corrupt(
      `length of a message's ${what}`,
      `0 … ${this.#maxMessageBytes} (maxMessageBytes)`,
      `${length}`,
    );
  }

  #corrupt(what: string, expected: string, got: string) {
    return corruptInput(this.#who, `${what} at byte ${this.#reader.taken}`, expected, got);
  }
}

const int32 = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true);
