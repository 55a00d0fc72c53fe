/**
 * The record batches of an Arrow IPC stream, from a position on.
 */
import { MessageHeader, type Schema } from 'apache-arrow';
import { describeSchema, sameSchema } from '../src/columns.js';
import { schemaChanged, truncatedInput } from '../src/errors.js';
import type { Sourced } from '../src/source.js';
import { type BatchPosition, batchSlices, onlyEmpty, refuseBeyond } from './batch-slices.js';
import { emptyBatch } from './empty-data.js';
import { IpcDecoder } from './ipc-decoder.js';
import { type FramingOptions, ipcMessages } from './ipc-messages.js';
import { attempt } from './ipc-metadata.js';

/**
 * 1. Messages before the position are passed over without being decoded, except for dictionaries.
 * 2. Streams one behind the other are one, if they have the same schema; dictionaries start afresh with each.
 */
export async function* ipcBatches(
  who: string,
  chunks: AsyncIterable<Uint8Array>,
  start: BatchPosition,
  options: FramingOptions & { readonly batchRows: number },
): AsyncGenerator<Sourced> {
  let decoder: IpcDecoder | undefined;
  let index = 0;
  for await (const message of ipcMessages(who, chunks, options)) {
    const { headerType } = message.metadata;
    if (headerType === MessageHeader.Schema) {
      const schema = attempt(who, 'schema', () => message.metadata.header()) as Schema;
      const next: IpcDecoder = new IpcDecoder(who, schema, options.maxMessageBytes);
      if (decoder !== undefined && !sameSchema(decoder.schema, next.schema)) {
        throw schemaChanged(who, describeSchema(decoder.schema), describeSchema(schema));
      }
      decoder = next;
    } else if (headerType === MessageHeader.DictionaryBatch) {
      decoder!.takeDictionary(message);
    } else {
      const from = index === start.batch ? start.row : 0;
      if (index >= start.batch)
        yield* batchSlices(who, decoder!.batch(message, index), index, from, options.batchRows);
      index++;
    }
  }
  if (decoder === undefined) throw truncatedInput(who, 'input', 'a schema message', 'none');
  if (index === 0 && start.batch === 0) yield onlyEmpty(emptyBatch(decoder.schema));
  refuseBeyond(who, start, index);
}
