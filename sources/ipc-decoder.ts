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
import { corruptInput, DataflowError } from '../src/errors.js';
import { checkData } from './checked-data.js';
import { emptyData } from './empty-data.js';
import { bodyBuffers } from './ipc-body.js';
import { attempt } from './ipc-metadata.js';
import { schemaWithoutViews, withoutViews } from './plain-views.js';

/** A whole message: metadata that was checked, and its body. */
export interface IpcMessage {
  readonly metadata: Message;
  readonly body: Uint8Array;
}

const MOST_ROWS = 2 ** 31 - 1;

export class IpcDecoder {
  /** The schema of the batches that it gives. */
  readonly schema: Schema;
  readonly #encoded: Schema;
  readonly #who: string;
  readonly #maxMessageBytes: number;
  readonly #dictionaries = new Map<number, Vector>();

  constructor(who: string, schema: Schema, maxMessageBytes: number) {
    this.#who = who;
    this.#encoded = schema;
    this.schema = attempt(who, 'schema', () => schemaWithoutViews(schema));
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** Takes in a dictionary: a new one, one in place of an older, or more entries of one that is known. */
  takeDictionary({ metadata, body }: IpcMessage): void {
    const header = this.#dictionaryHeader(metadata);
    const type = this.#encoded.dictionaries.get(header.id);
    if (type === undefined)
      throw corruptInput(this.#who, 'dictionary', 'one that the schema names', `${header.id}`);
    const known = this.#dictionaries.get(header.id);
    const [entries] = this.#load(header.data, body, [type]) as [Data];
    const added = new Vector([entries]);
    this.#dictionaries.set(header.id, (header.isDelta && known ? known.concat(added) : added).memoize());
  }

  /** Whether a message has a dictionary that takes the place of one that is known. */
  replacesDictionary({ metadata }: IpcMessage): boolean {
    const header = this.#dictionaryHeader(metadata);
    return !header.isDelta && this.#dictionaries.has(header.id);
  }

  /** The rows of record batch number `index`. */
  batch({ metadata, body }: IpcMessage, index: number): RecordBatch {
    try {
      if (metadata.headerType !== MessageHeader.RecordBatch) {
        throw corruptInput(this.#who, 'message', 'a record batch', `${MessageHeader[metadata.headerType]}`);
      }
      const header = attempt(this.#who, 'record batch', () => metadata.header()) as unknown as BatchHeader;
      if (header.length < 0 || header.length > MOST_ROWS) {
        throw corruptInput(this.#who, 'rows of a batch', `0 … ${MOST_ROWS}`, `${header.length}`);
      }
      const children = this.#load(header, body, this.#encoded.fields).map(withoutViews);
      return newBatch(this.schema, header.length, children);
    } catch (error) {
      throw error instanceof DataflowError ? error.within({ batch: index }) : error;
    }
  }

  #dictionaryHeader(metadata: Message): DictionaryBatch {
    if (metadata.headerType !== MessageHeader.DictionaryBatch) {
      throw corruptInput(this.#who, 'message', 'a dictionary', `${MessageHeader[metadata.headerType]}`);
    }
    return attempt(this.#who, 'dictionary', () => metadata.header()) as unknown as DictionaryBatch;
  }

  #load(header: BatchHeader, body: Uint8Array, types: readonly (Field | DataType)[]): Data[] {
    const buffers = bodyBuffers(this.#who, header, body, this.#maxMessageBytes);
    return attempt(this.#who, 'record batch', () => {
      const { nodes, variadicBufferCounts } = header;
      const variadic = variadicBufferCounts.reduce((sum, count) => sum + Math.abs(count), 0);
      if (variadic > buffers.length) throw new RangeError(`${variadic} view buffers of ${buffers.length}`);
      const version = this.#encoded.metadataVersion;
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
