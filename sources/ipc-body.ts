/**
 * The body of an Arrow IPC message as one array a buffer: inside of the body, aligned, decompressed where need be.
 */
import { type Codec, CompressionType, compressionRegistry } from 'apache-arrow';
import type { RecordBatch as BatchHeader } from 'apache-arrow/ipc/metadata/message';
import { corruptInput, limitExceeded, sourceFailed } from '../src/errors.js';
import { attempt } from './ipc-metadata.js';

/**
 * A compressed buffer begins with its plain length, an int64; −1 says that it is stored plain after all. It is only held
 * against the limit: arrow-js writes the compressed length there. The columns are checked for their room later.
 */
const PREFIX_BYTES = 8;
const STORED_PLAIN = -1n;

/** The buffers that a batch's header names, in order. */
export function bodyBuffers(
  who: string,
  header: BatchHeader,
  body: Uint8Array,
  mostBytes: number,
): Uint8Array[] {
  const codec = header.compression === null ? undefined : codecFor(who, header.compression.type);
  let plainBytes = 0;
  return header.buffers.map(({ offset, length }, index) => {
    if (offset < 0 || length < 0 || offset + length > body.length) {
      throw corruptInput(
        who,
        `buffer ${index}`,
        `within a body of ${body.length} bytes`,
        `${length} at ${offset}`,
      );
    }
    const bytes = body.subarray(offset, offset + length);
    if (codec === undefined || length === 0) return aligned(bytes);
    const plain = decompressed(who, bytes, codec, mostBytes - plainBytes);
    plainBytes += plain.length;
    return aligned(plain);
  });
}

/** Typed arrays must begin at a multiple of their element's size. */
const aligned = (bytes: Uint8Array) => (bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes));

function codecFor(who: string, type: CompressionType): Codec {
  const codec = compressionRegistry.get(type);
  if (codec?.decode !== undefined) return codec;
  const name = CompressionType[type] ?? `number ${type}`;
  const advice = `a codec set with compressionRegistry.set(CompressionType.${name}, { decode }) of apache-arrow`;
  throw sourceFailed(who, `compression ${name}`, advice, 'none');
}

function decompressed(who: string, bytes: Uint8Array, codec: Codec, mostBytes: number): Uint8Array {
  if (bytes.length < PREFIX_BYTES)
    throw corruptInput(who, 'compressed buffer', 'its length first', `${bytes.length} bytes`);
  const plainBytes = new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(0, true);
  const packed = bytes.subarray(PREFIX_BYTES);
  if (plainBytes === STORED_PLAIN) return packed;
  if (plainBytes < 0n)
    throw corruptInput(who, 'length of a compressed buffer', 'at least 0', `${plainBytes}`);
  if (plainBytes > mostBytes)
    throw limitExceeded(who, 'maxMessageBytes', mostBytes, 'A decompressed body is larger.');
  return attempt(who, 'compressed buffer', () => codec.decode!(packed));
}
