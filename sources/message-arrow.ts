/**
 * Messages that are Arrow IPC streams: their batches, one behind the other, with columns of what the broker says.
 */
import { Field, type RecordBatch, Schema } from 'apache-arrow';
import { describeSchema, newBatch, sameSchema } from '../src/columns.js';
import { concatBatches } from '../src/concat.js';
import { DataflowError } from '../src/errors.js';
import { columnBuilder } from './column-builder.js';
import { arrowTypeOf } from './column-type.js';
import { Flaw } from './columns-from-rows.js';
import { emptyBatch } from './empty-data.js';
import { ipcBatches } from './ipc-batches.js';
import type { MessageKind, ResolvedMessageOptions } from './message-options.js';
import type { MessageTable } from './message-rows.js';

/** The most bytes that one message may take, as it comes and decompressed. */
const MOST_MESSAGE_BYTES = 2 ** 30;

const WHOLE = { batchRows: 2 ** 31 - 1, endMarker: 'optional', maxMessageBytes: MOST_MESSAGE_BYTES } as const;

export class ArrowMessages<M> implements MessageTable<M> {
  readonly columns = null;
  readonly #who: string;
  readonly #kind: MessageKind<M>;
  readonly #metadata: readonly [string, string][];
  #schema: Schema | undefined;
  #batches: RecordBatch[] = [];
  #rows = 0;

  constructor(who: string, kind: MessageKind<M>, { metadata }: ResolvedMessageOptions) {
    this.#who = who;
    this.#kind = kind;
    this.#metadata = Object.entries(metadata);
  }

  get isTyped(): boolean {
    return this.#schema !== undefined;
  }

  get rows(): number {
    return this.#rows;
  }

  async take(message: M): Promise<undefined | Flaw> {
    const batches: RecordBatch[] = [];
    try {
      const chunks = once(this.#kind.payload(message));
      for await (const { batch } of ipcBatches(this.#who, chunks, { batch: 0, row: 0 }, WHOLE)) {
        batches.push(this.#withMetadata(batch, message));
      }
    } catch (error) {
      if (error instanceof DataflowError) return new Flaw(null, error.message);
      throw error;
    }
    const { schema } = batches[0]!;
    this.#schema ??= schema;
    if (!sameSchema(schema, this.#schema)) {
      return new Flaw(null, `expected ${describeSchema(this.#schema)}, got ${describeSchema(schema)}`);
    }
    for (const batch of batches) {
      if (batch.numRows > 0) this.#batches.push(batch);
      this.#rows += batch.numRows;
    }
    return undefined;
  }

  settle(): boolean {
    return this.isTyped;
  }

  batch(): RecordBatch {
    const batch = this.#rows === 0 ? emptyBatch(this.#schema!) : concatBatches(this.#batches);
    this.#batches = [];
    this.#rows = 0;
    return batch;
  }

  #withMetadata(batch: RecordBatch, message: M): RecordBatch {
    if (this.#metadata.length === 0) return batch;
    const fields: Field[] = [];
    const columns = this.#metadata.map(([name, column]) => {
      const { type, of } = this.#kind.about[name]!;
      const value = of(message) ?? null;
      const builder = columnBuilder(type);
      for (let row = 0; row < batch.numRows; row++) builder.set(row, value);
      fields.push(new Field(column, arrowTypeOf(type), true));
      return builder.finish(batch.numRows);
    });
    const schema = new Schema([...batch.schema.fields, ...fields], batch.schema.metadata);
    return newBatch(schema, batch.numRows, [...batch.data.children, ...columns]);
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
