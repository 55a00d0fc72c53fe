/**
 * Arrow IPC files (Feather version 2), complete with the footer that lets readers seek.
 */
import { MetadataVersion, type RecordBatch, Schema } from 'apache-arrow';
import { FileBlock, Footer } from 'apache-arrow/ipc/metadata/file';
import { decodeMetadata } from '../sources/ipc-metadata.js';
import { describeSchema, sameSchema } from '../src/columns.js';
import { reason, schemaChanged, sinkFailed } from '../src/errors.js';
import { checked, text, truth } from '../src/options.js';
import type { Sink, SinkWriter } from '../src/sink.js';
import type { Position } from '../src/source.js';
import { compactBatch } from './compact-data.js';
import { END_MARKER, encodeBatch, encodeSchema } from './ipc-encoder.js';
import { OutputFile, type OutputFileOptions } from './output-file.js';

const MAGIC = new TextEncoder().encode('ARROW1');
const MAGIC_AND_PADDING = Uint8Array.of(...MAGIC, 0, 0);
const PREFIX_BYTES = 8;

/**
 * Writes one record batch for each that arrives. Any reader takes the file: a schema message is in front for those that
 * read from front to back, the footer at the end for those that seek.
 *
 * Dictionary and view columns are written as plain values. All batches must have the schema of the first (COLUMN_TYPE);
 * without a batch, the file has no columns. A resumed file has the bytes that an uninterrupted one would have.
 */
export function arrowFileSink(path: string, options: OutputFileOptions = {}): Sink<'exactly once'> {
  const { overwrite } = checked('arrowFileSink', options, [], () => {
    text({ path });
    return {
      overwrite: truth({ overwrite: options.overwrite ?? false }),
    };
  });
  const who = `arrowFileSink '${path}'`;
  return {
    name: 'arrowFileSink',
    guarantee: 'exactly once',
    async open(resume) {
      const file = await OutputFile.open(who, path, overwrite, resume);
      const writer = new ArrowFileWriter(who, file);
      try {
        await writer.rescan();
        return writer;
      } catch (error) {
        await file.abandon(true);
        throw error;
      }
    },
  };
}

class ArrowFileWriter implements SinkWriter {
  readonly #who: string;
  readonly #file: OutputFile;
  readonly #blocks: FileBlock[] = [];
  #schema: Schema | undefined;

  constructor(who: string, file: OutputFile) {
    this.#who = who;
    this.#file = file;
  }

  get bytes(): number {
    return this.#file.bytes;
  }

  async write(batch: RecordBatch): Promise<void> {
    const compact = compactBatch(batch);
    if (this.#schema === undefined) await this.#begin(compact.schema);
    else if (!sameSchema(this.#schema, compact.schema)) {
      throw schemaChanged(this.#who, describeSchema(this.#schema), describeSchema(compact.schema));
    }
    const { bytes, metadataBytes } = encodeBatch(compact);
    this.#blocks.push(new FileBlock(metadataBytes, bytes.length - metadataBytes, this.#file.bytes));
    await this.#file.write(bytes);
  }

  position(): Promise<Position> {
    return this.#file.position();
  }

  async finish(): Promise<void> {
    const schema = this.#schema ?? (await this.#begin(new Schema([])));
    const footer = Footer.encode(new Footer(schema, MetadataVersion.V5, this.#blocks, []));
    await this.#file.write(END_MARKER);
    await this.#file.write(footer);
    await this.#file.write(new Uint8Array(Int32Array.of(footer.length).buffer));
    await this.#file.write(MAGIC);
    await this.#file.finish();
  }

  abandon(keep: boolean): Promise<void> {
    return this.#file.abandon(keep);
  }

  /** Learns the schema and the blocks from what a resumed file holds, without reading the bodies. */
  async rescan(): Promise<void> {
    try {
      for (let at = MAGIC_AND_PADDING.length; at < this.#file.bytes; ) {
        const prefix = new DataView((await this.#file.read(at, PREFIX_BYTES)).buffer);
        const length = prefix.getInt32(4, true);
        const message = decodeMetadata(this.#who, await this.#file.read(at + PREFIX_BYTES, length));
        const metadataBytes = PREFIX_BYTES + length;
        if (message.isSchema()) this.#schema = message.header();
        else this.#blocks.push(new FileBlock(metadataBytes, message.bodyLength, at));
        at += metadataBytes + message.bodyLength;
      }
    } catch (error) {
      throw sinkFailed(this.#who, 'file to resume', 'the batches that were written', reason(error), error);
    }
  }

  async #begin(schema: Schema): Promise<Schema> {
    await this.#file.write(MAGIC_AND_PADDING);
    await this.#file.write(encodeSchema(schema).bytes);
    this.#schema = schema;
    return schema;
  }
}
