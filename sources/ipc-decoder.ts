/**
 * Turns Arrow IPC messages into record batches, keeping the schema and the dictionaries that they refer to.
 */
import {
  type Data,
  type DataType,
  type Field,
  type Message,
  MessageHeader,
  type RecordBatch,
  type Schema,
  Vector,
} from 'apache-arrow';
import type { RecordBatch as BatchHeader, DictionaryBatch } from 'apache-arrow/ipc/metadata/message';
import { CompressedVectorLoader } from 'apache-arrow/visitor/vectorloader';
import { newBatch } from '../src/columns.js';
import { corruptInput } from '../src/errors.js';
import { checkData } from './checked-data.js';
import { emptyData } from './empty-data.js';
import { bodyBuffers } from './ipc-body.js';
import { attempt } from './ipc-metadata.js';

/** A whole message: metadata that was checked, and its body. */
export interface IpcMessage {
  readonly metadata: Message;
  readonly body: Uint8Array;
}

const MOST_ROWS = 2 ** 31 - 1;

export class IpcDecoder {
  readonly schema: Schema;
  readonly #who: string;
  readonly #maxMessageBytes: number;
  readonly #dictionaries = new Map<number, Vector>();

  constructor(who: string, schema: Schema, maxMessageBytes: number) {
    this.#who = who;
    this.schema = schema;
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Takes in a dictionary: a new one, one in place of an older, or more entries of one that is known. */
  takeDictionary({ metadata, body }: IpcMessage): void {
    const header = attempt(this.#who, 'dictionary', () => metadata.header()) as unknown as DictionaryBatch;
    const type = this.schema.dictionaries.get(header.id);
    if (type === undefined)
      throw corruptInput(this.#who, 'dictionary', 'one that the schema names', `${header.id}`);
    const known = this.#dictionaries.get(header.id);
    const [entries] = this.#load(header.data, body, [type]) as [Data];
    const added = new Vector([entries]);
    this.#dictionaries.set(header.id, (header.isDelta && known ? known.concat(added) : added).memoize());
  }

  /** Whether a dictionary with this message's id is known already. */
  knowsDictionary({ metadata }: IpcMessage): boolean {
    const header = attempt(this.#who, 'dictionary', () => metadata.header()) as unknown as DictionaryBatch;
    return !header.isDelta && this.#dictionaries.has(header.id);
  }

  /** The rows of a record batch message. */
  batch({ metadata, body }: IpcMessage): RecordBatch {
    if (metadata.headerType !== MessageHeader.RecordBatch) {
      throw corruptInput(this.#who, 'message', 'a record batch', String(MessageHeader[metadata.headerType]));
    }
    const header = attempt(this.#who, 'record batch', () => metadata.header()) as unknown as BatchHeader;
    if (header.length < 0 || header.length > MOST_ROWS) {
      throw corruptInput(this.#who, 'rows of a batch', `0 … ${MOST_ROWS}`, `${header.length}`);
    }
    const children = this.#load(header, body, this.schema.fields);
    return attempt(this.#who, 'record batch', () => newBatch(this.schema, header.length, children));
  }

  #load(header: BatchHeader, body: Uint8Array, types: readonly (Field | DataType)[]): Data[] {
    const buffers = bodyBuffers(this.#who, header, body, this.#maxMessageBytes);
    return attempt(this.#who, 'record batch', () => {
      const { nodes, variadicBufferCounts } = header;
      const version = this.schema.metadataVersion;
      const loader = new CompressedVectorLoader(
        buffers,
        nodes,
        header.buffers,
        this.#dictionaries,
        version,
        variadicBufferCounts,
      );
      const children = loader.visitMany([...types]);
      for (const child of children) checkData(child, header.length);
      return header.length > 0 ? children : children.map(({ type }) => emptyData(type));
    });
  }
}
