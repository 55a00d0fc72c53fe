/**
 * A file sink whose bytes are one batch's after another's: what is left to a format is how a batch becomes bytes.
 */
import type { RecordBatch, Schema } from 'apache-arrow';
import { describeSchema, sameSchema } from '../src/columns.js';
import { schemaChanged } from '../src/errors.js';
import type { Sink } from '../src/sink.js';
import { OutputFile } from './output-file.js';

/** The bytes of a batch; `isFirst` when nothing is in the file yet. */
export type EncodeBatch = (batch: RecordBatch, isFirst: boolean) => Uint8Array;

/** A resumable sink at `path`; `begin` is called with each opening, and gives the encoder. */
export function encodedFileSink(
  name: string,
  path: string,
  overwrite: boolean,
  begin: (who: string) => EncodeBatch | Promise<EncodeBatch>,
): Sink<'exactly once'> {
  const who = `${name} '${path}'`;
  return {
    name,
    guarantee: 'exactly once',
    async open(resume) {
      const encode = await begin(who);
      const file = await OutputFile.open(who, path, overwrite, resume);
      let schema: Schema | undefined;
      return {
        get bytes() {
          return file.bytes;
        },
        async write(batch) {
          schema ??= batch.schema;
          if (!sameSchema(schema, batch.schema)) {
            throw schemaChanged(who, describeSchema(schema), describeSchema(batch.schema));
          }
          await file.write(encode(batch, file.bytes === 0));
        },
        position: () => file.position(),
        finish: () => file.finish(),
        abandon: (keep) => file.abandon(keep),
      };
    },
  };
}
