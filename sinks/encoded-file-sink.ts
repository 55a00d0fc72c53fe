/**
 * A file sink whose bytes are one batch's after another's: what is left to a format is how a batch becomes bytes.
 */
import type { RecordBatch, Schema } from 'apache-arrow';
import { type CompressionMethod, compressionOption, type FileCompression } from '../sources/compression.js';
import { describeSchema, sameSchema } from '../src/columns.js';
import { schemaChanged } from '../src/errors.js';
import { text, truth } from '../src/options.js';
import type { Sink } from '../src/sink.js';
import { openByteFile } from './member-file.js';
import type { OutputFileOptions } from './output-file.js';

export interface EncodedFileOptions extends OutputFileOptions {
  /**
   * How the file is compressed. Default `auto`: by the ending of the path, `.gz` (gzip) or `.zst` (zstd: install
   * zstd-codec). A checkpoint then holds up to 1 MiB that waits to be compressed.
   */
  readonly compression?: FileCompression;
}

/** The options that every such sink has, with their defaults. */
export interface ResolvedFileOptions {
  readonly overwrite: boolean;
  readonly compression: CompressionMethod;
}

/** Checks what every such sink may be told; `byDefault` is how the file is compressed where nothing is said. */
export function fileOptions(
  path: string,
  options: EncodedFileOptions,
  byDefault: FileCompression = 'auto',
): ResolvedFileOptions {
  text({ path });
  return {
    overwrite: truth({ overwrite: options.overwrite ?? false }),
    compression: compressionOption(options.compression, path, byDefault),
  };
}

/** The bytes of a batch; `isFirst` when nothing is in the file yet. */
export type EncodeBatch = (batch: RecordBatch, isFirst: boolean) => Uint8Array;

/** A resumable sink at `path`; `begin` is called with each opening, and gives the encoder. */
export function encodedFileSink(
  name: string,
  path: string,
  { overwrite, compression }: ResolvedFileOptions,
  begin: (who: string) => EncodeBatch | Promise<EncodeBatch>,
): Sink<'exactly once'> {
  const who = `${name} '${path}'`;
  return {
    name,
    guarantee: 'exactly once',
    async open(resume) {
      const encode = await begin(who);
      const file = await openByteFile(who, path, overwrite, compression, resume);
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
          await file.write(encode(batch, file.isEmpty));
        },
        position: () => file.position(),
        finish: () => file.finish(),
        abandon: (keep) => file.abandon(keep),
      };
    },
  };
}
