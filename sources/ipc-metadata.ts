/**
 * Arrow IPC metadata, checked before arrow-js decodes it.
 *
 * arrow-js walks as many elements as a vector's length says, wherever that leads: one flipped bit costs all memory. So
 * every vector it will walk is measured first. Format: Message.fbs, Schema.fbs and File.fbs of the Arrow specification.
 */
import { Message, MessageHeader, type Schema } from 'apache-arrow';
import { Footer } from 'apache-arrow/ipc/metadata/file';
import { corruptInput, reason } from '../src/errors.js';
import { Flatbuffer } from './flatbuffer.js';

const MESSAGE = { headerType: 1, header: 2, bodyLength: 3, customMetadata: 4 };
const SCHEMA = { endianness: 0, fields: 1, customMetadata: 2 };
const FIELD = { children: 5, customMetadata: 6 };
const RECORD_BATCH = { nodes: 1, buffers: 2, variadicBufferCounts: 4 };
const DICTIONARY_BATCH = { data: 1 };
const FOOTER = { schema: 1, dictionaries: 2, recordBatches: 3 };

const NODE_BYTES = 16;
const BUFFER_BYTES = 16;
const BLOCK_BYTES = 24;
const POINTER_BYTES = 4;

/** A message without its body, checked as far as its metadata goes. */
export function decodeMetadata(who: string, bytes: Uint8Array): Message {
  return attempt(who, 'message metadata', () => {
    const flatbuffer = new Flatbuffer(bytes);
    const message = flatbuffer.root();
    checkMetadataPairs(flatbuffer, message, MESSAGE.customMetadata);
    const header = flatbuffer.table(message, MESSAGE.header);
    if (header === undefined) throw new RangeError('a message without a header');
    checkHeader(flatbuffer, flatbuffer.uint8(message, MESSAGE.headerType), header);
    const bodyLength = flatbuffer.int64(message, MESSAGE.bodyLength);
    if (bodyLength < 0n || bodyLength > Number.MAX_SAFE_INTEGER)
      throw new RangeError(`a body of ${bodyLength} bytes`);
    return Message.decode(bytes);
  });
}

/** Where a message is in a file. */
export type Block = NonNullable<ReturnType<Footer['getRecordBatch']>>;

/** The footer of an Arrow file: its schema and where its messages are. */
export interface FileFooter {
  readonly schema: Schema;
  readonly dictionaries: readonly Block[];
  readonly batches: readonly Block[];
}

export function decodeFooter(who: string, bytes: Uint8Array): FileFooter {
  return attempt(who, 'footer', () => {
    const flatbuffer = new Flatbuffer(bytes);
    const footer = flatbuffer.root();
    flatbuffer.vectorLength(footer, FOOTER.dictionaries, BLOCK_BYTES);
    flatbuffer.vectorLength(footer, FOOTER.recordBatches, BLOCK_BYTES);
    const schema = flatbuffer.table(footer, FOOTER.schema);
    if (schema === undefined) throw new RangeError('a footer without a schema');
    checkSchema(flatbuffer, schema);
    const decoded = Footer.decode(bytes);
    return {
      schema: decoded.schema,
      dictionaries: [...decoded.dictionaryBatches()],
      batches: [...decoded.recordBatches()],
    };
  });
}

/** Runs a decoding step of arrow-js; whatever it throws means that the bytes are damaged. */
export function attempt<T>(who: string, what: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw corruptInput(who, what, 'valid Arrow data', reason(error), undefined, error);
  }
}

function checkHeader(flatbuffer: Flatbuffer, type: MessageHeader, header: number): void {
  if (type === MessageHeader.Schema) checkSchema(flatbuffer, header);
  else if (type === MessageHeader.RecordBatch) checkRecordBatch(flatbuffer, header);
  else if (type === MessageHeader.DictionaryBatch) {
    const data = flatbuffer.table(header, DICTIONARY_BATCH.data);
    if (data === undefined) throw new RangeError('a dictionary without data');
    checkRecordBatch(flatbuffer, data);
  } else throw new RangeError(`a message of type ${type}`);
}

function checkRecordBatch(flatbuffer: Flatbuffer, batch: number): void {
  flatbuffer.vectorLength(batch, RECORD_BATCH.nodes, NODE_BYTES);
  flatbuffer.vectorLength(batch, RECORD_BATCH.buffers, BUFFER_BYTES);
  flatbuffer.vectorLength(batch, RECORD_BATCH.variadicBufferCounts, 8);
}

function checkSchema(flatbuffer: Flatbuffer, schema: number): void {
  if (flatbuffer.int16(schema, SCHEMA.endianness) !== 0) throw new RangeError('big-endian data');
  checkMetadataPairs(flatbuffer, schema, SCHEMA.customMetadata);
  let visited = 0;
  const checkFields = (parent: number, slot: number) => {
    const length = flatbuffer.vectorLength(parent, slot, POINTER_BYTES);
    for (let i = 0; i < length; i++) {
      if (++visited * POINTER_BYTES > flatbuffer.byteLength)
        throw new RangeError('fields that contain themselves');
      const field = flatbuffer.tableInVector(parent, slot, i);
      checkMetadataPairs(flatbuffer, field, FIELD.customMetadata);
      checkFields(field, FIELD.children);
    }
  };
  checkFields(schema, SCHEMA.fields);
}

function checkMetadataPairs(flatbuffer: Flatbuffer, table: number, field: number): void {
  flatbuffer.vectorLength(table, field, POINTER_BYTES);
}
