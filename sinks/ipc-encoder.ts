/**
 * Writes Arrow IPC messages: a schema, a record batch, the marker behind the last one.
 */
import { Message, type RecordBatch, type Schema } from 'apache-arrow';
import { RecordBatch as BatchHeader } from 'apache-arrow/ipc/metadata/message';
import { VectorAssembler } from 'apache-arrow/visitor/vectorassembler';

export interface EncodedMessage {
  readonly bytes: Uint8Array;
  /** Bytes of the prefix and metadata, which come first; the rest is the body. */
  readonly metadataBytes: number;
}

/** Where the last message of a stream was. */
export const END_MARKER = Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 0);

const PREFIX_BYTES = 8;
const padded = (bytes: number) => Math.ceil(bytes / 8) * 8;

export const encodeSchema = (schema: Schema): EncodedMessage => encode(Message.from(schema), []);

/** A batch that is compact (see `compactBatch`) as one message. */
export function encodeBatch(batch: RecordBatch): EncodedMessage {
  const { byteLength, nodes, bufferRegions, buffers, variadicBufferCounts } = VectorAssembler.assemble(batch);
  const header = new BatchHeader(batch.numRows, nodes, bufferRegions, null, variadicBufferCounts);
  return encode(Message.from(header, byteLength), buffers);
}

function encode(message: Message, buffers: readonly ArrayBufferView[]): EncodedMessage {
  const metadata = Message.encode(message);
  const metadataBytes = padded(PREFIX_BYTES + metadata.length);
  const bytes = new Uint8Array(metadataBytes + message.bodyLength);
  const prefix = new DataView(bytes.buffer);
  prefix.setInt32(0, -1, true);
  prefix.setInt32(4, metadataBytes - PREFIX_BYTES, true);
  bytes.set(metadata, PREFIX_BYTES);
  let at = metadataBytes;
  for (const { buffer, byteOffset, byteLength } of buffers) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    at += padded(byteLength);
  }
  return { bytes, metadataBytes };
}
