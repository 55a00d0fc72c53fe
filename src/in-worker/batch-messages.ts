/**
 * Batches between threads: Arrow IPC messages whose memory is handed over, not copied. A schema goes along when it is new.
 */
import type { RecordBatch, Schema } from 'apache-arrow';
import { compactBatch } from '../../sinks/compact-data.js';
import { encodeBatch, encodeSchema } from '../../sinks/ipc-encoder.js';
import { IpcDecoder, type IpcMessage } from '../../sources/ipc-decoder.js';
import { decodeMetadata } from '../../sources/ipc-metadata.js';
import { sameFields } from '../columns.js';

export interface BatchMessage {
  readonly schema?: Uint8Array;
  readonly batch: Uint8Array;
}

/** The memory of messages, to be handed over with them. */
export const memoryOf = (messages: readonly BatchMessage[]): ArrayBuffer[] =>
  messages.flatMap(({ schema, batch }) => [...(schema ? [schema] : []), batch].map(bufferOf));

const bufferOf = ({ buffer }: Uint8Array) => buffer as ArrayBuffer;

export class BatchEncoder {
  #schema: Schema | undefined;

  encode(batch: RecordBatch): BatchMessage {
    const isKnown = this.#schema !== undefined && sameFields(this.#schema, batch.schema);
    this.#schema = batch.schema;
    const compact = compactBatch(batch);
    const { bytes } = encodeBatch(compact);
    return isKnown ? { batch: bytes } : { schema: encodeSchema(compact.schema).bytes, batch: bytes };
  }
}

const PREFIX_BYTES = 8;
const MOST_MESSAGE_BYTES = 2 ** 32;

export class BatchDecoder {
  readonly #who: string;
  #decoder: IpcDecoder | undefined;

  constructor(who: string) {
    this.#who = who;
  }

  decode({ schema, batch }: BatchMessage): RecordBatch {
    if (schema !== undefined) {
      const header = this.#message(schema).metadata.header() as Schema;
      this.#decoder = new IpcDecoder(this.#who, header, MOST_MESSAGE_BYTES);
    }
    return this.#decoder!.batch(this.#message(batch), 0);
  }

  #message(bytes: Uint8Array): IpcMessage {
    const end = PREFIX_BYTES + new DataView(bytes.buffer, bytes.byteOffset).getInt32(4, true);
    const metadata = decodeMetadata(this.#who, bytes.subarray(PREFIX_BYTES, end));
    return { metadata, body: bytes.subarray(end) };
  }
}
