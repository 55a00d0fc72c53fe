/**
 * Avro object container files.
 */
import type { RecordBatch, Schema } from 'apache-arrow';
import { AVRO_MAGIC, SYNC_BYTES } from '../sources/avro-header.js';
import { joinBytes } from '../sources/join-bytes.js';
import { foreignPosition, integersAt, positionFields } from '../sources/position.js';
import { crc32c } from '../src/checksum.js';
import { describeSchema, sameSchema } from '../src/columns.js';
import { schemaChanged, sinkFailed } from '../src/errors.js';
import { checked, integer, oneOf, text, truth } from '../src/options.js';
import type { Sink, SinkWriter } from '../src/sink.js';
import type { Position } from '../src/source.js';
import { type FieldEncoder, fieldEncoder } from './avro-encoders.js';
import { AvroOutput } from './avro-output.js';
import { compact } from './compact-data.js';
import { OutputFile, type OutputFileOptions } from './output-file.js';

export interface AvroFileSinkOptions extends OutputFileOptions {
  /** How blocks are compressed. Default 'deflate'. */
  readonly codec?: 'null' | 'deflate';
  /** Bytes, uncompressed, at which a block ends: so much waits in memory, and in a checkpoint. 1 … 2^28, default 64 KiB. */
  readonly blockBytes?: number;
}

/**
 * Writes an Avro file with a record named Row. Where a block ends depends on its rows alone, so a resumed file has the bytes
 * that an uninterrupted one would have.
 *
 * | Arrow                                          | Avro                                               |
 * |------------------------------------------------|----------------------------------------------------|
 * | Bool; Int8 … Int32, Uint8, Uint16              | boolean; int                                       |
 * | Int64, Uint32; Uint64                          | long; decimal(20, 0)                               |
 * | Float16, Float32; Float64                      | float; double                                      |
 * | Utf8; Binary; FixedSizeBinary                  | string; bytes; fixed                               |
 * | Decimal with a scale of 0 or more              | decimal of bytes                                   |
 * | Date; Time in s, ms; in µs                     | date; time-millis; time-micros                     |
 * | Timestamp in s, ms; µs; ns                     | timestamp-millis; -micros; -nanos; without a zone local-timestamp-… |
 * | List, FixedSizeList; Map with keys of text; Struct | array; map; record                             |
 * | a column that may have nulls; Null             | union of null and its type; null                   |
 *
 * Dictionaries and views are written as what they stand for. Everything else is COLUMN_TYPE, and so are names that Avro does
 * not allow and a schema that changes. A null in a column that says it has none is NOT_FINITE.
 */
export function avroFileSink(path: string, options: AvroFileSinkOptions = {}): Sink<'exactly once'> {
  const resolved = checked('avroFileSink', options, [], () => {
    text({ path });
    return {
      overwrite: truth({ overwrite: options.overwrite ?? false }),
      codec: oneOf({ codec: options.codec ?? 'deflate' }, ['null', 'deflate'] as const),
      blockBytes: integer({ blockBytes: options.blockBytes ?? 2 ** 16 }, 1, 2 ** 28),
    };
  });
  const who = `avroFileSink '${path}'`;
  return {
    name: 'avroFileSink',
    guarantee: 'exactly once',
    async open(resume) {
      const waiting = resume === undefined ? undefined : waitingAt(who, resume);
      const file = await OutputFile.open(who, path, resolved.overwrite, resume);
      return new AvroWriter(who, file, resolved, waiting);
    },
  };
}

/** Rows that are encoded and wait for their block to be full. */
interface Waiting {
  readonly rows: number;
  readonly bytes: Uint8Array;
  /** What stands behind each block of the file. */
  readonly sync: Uint8Array;
}

function waitingAt(who: string, resume: Position): Waiting {
  const { rows } = integersAt(who, resume, ['rows']);
  const { waiting: bytes, sync } = positionFields(resume) ?? {};
  if (bytes instanceof Uint8Array && sync instanceof Uint8Array) return { rows, bytes, sync };
  throw foreignPosition(who, 'rows that wait', resume);
}

class AvroWriter implements SinkWriter {
  readonly #who: string;
  readonly #file: OutputFile;
  readonly #codec: 'null' | 'deflate';
  readonly #blockBytes: number;
  readonly #out = new AvroOutput();
  #rows = 0;
  #schema: Schema | undefined;
  #fields: readonly FieldEncoder[] = [];
  #sync: Uint8Array = new Uint8Array(SYNC_BYTES);

  constructor(
    who: string,
    file: OutputFile,
    { codec, blockBytes }: { readonly codec: 'null' | 'deflate'; readonly blockBytes: number },
    waiting: Waiting | undefined,
  ) {
    this.#who = who;
    this.#file = file;
    this.#codec = codec;
    this.#blockBytes = blockBytes;
    if (waiting === undefined) return;
    this.#out.raw(waiting.bytes);
    this.#rows = waiting.rows;
    this.#sync = waiting.sync;
  }

  get bytes(): number {
    return this.#file.bytes;
  }

  async write(batch: RecordBatch): Promise<void> {
    const columns = batch.data.children.map(compact);
    if (this.#schema === undefined)
      await this.#begin(
        batch.schema,
        columns.map(({ type }) => type),
      );
    else if (!sameSchema(this.#schema, batch.schema)) {
      throw schemaChanged(this.#who, describeSchema(this.#schema), describeSchema(batch.schema));
    }
    const writes = this.#fields.map((field, c) => field.writer(columns[c]!));
    for (let row = 0; row < batch.numRows; row++) {
      for (const write of writes) write(row, this.#out);
      this.#rows++;
      if (this.#out.length >= this.#blockBytes) await this.#endBlock();
    }
  }

  async position(): Promise<Position> {
    const waiting = this.#out.take();
    this.#out.raw(waiting);
    return { ...((await this.#file.position()) as object), rows: this.#rows, waiting, sync: this.#sync };
  }

  async finish(): Promise<void> {
    if (this.#schema === undefined && this.#file.bytes === 0) {
      throw sinkFailed(this.#who, 'file', 'at least one batch, for its columns', 'none');
    }
    if (this.#rows > 0) await this.#endBlock();
    await this.#file.finish();
  }

  abandon(keep: boolean): Promise<void> {
    return this.#file.abandon(keep);
  }

  /** Writes the header, or sees that a resumed file has it. */
  async #begin(schema: Schema, types: readonly Schema['fields'][number]['type'][]): Promise<void> {
    this.#fields = schema.fields.map((field, c) => fieldEncoder(this.#who, field.clone({ type: types[c]! })));
    const fields = this.#fields.map((field, c) => ({ name: schema.fields[c]!.name, type: field.schema }));
    const header = this.#header(JSON.stringify({ type: 'record', name: 'Row', fields }));
    this.#schema = schema;
    if (this.#file.bytes === 0) return this.#file.write(header);
    const known = await this.#file.read(0, Math.min(header.length, this.#file.bytes));
    if (known.length === header.length && known.every((byte, i) => byte === header[i])) return;
    throw schemaChanged(this.#who, 'the schema of the file', describeSchema(schema));
  }

  #header(schema: string): Uint8Array {
    const out = new AvroOutput();
    const bytes = new TextEncoder().encode(schema);
    this.#sync = syncMarker(bytes);
    out.raw(AVRO_MAGIC);
    out.integer(2);
    out.text('avro.schema');
    out.bytes(bytes);
    out.text('avro.codec');
    out.text(this.#codec);
    out.integer(0);
    out.raw(this.#sync);
    return out.take();
  }

  async #endBlock(): Promise<void> {
    const plain = this.#out.take();
    const data = this.#codec === 'null' ? plain : await deflated(plain);
    const head = new AvroOutput();
    head.integer(this.#rows);
    head.integer(data.length);
    await this.#file.write(joinBytes([head.take(), data, this.#sync]));
    this.#rows = 0;
  }
}

/** What stands behind each block. The same schema has the same marker, so that the same rows have the same bytes. */
function syncMarker(schema: Uint8Array): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(SYNC_BYTES / 4);
  for (let i = 0; i < words.length; i++) words[i] = crc32c(joinBytes([Uint8Array.of(i), schema]));
  return new Uint8Array(words.buffer);
}

async function deflated(bytes: Uint8Array): Promise<Uint8Array> {
  const [{ promisify }, { deflateRaw }] = await Promise.all([import('node:util'), import('node:zlib')]);
  return promisify<Uint8Array, Uint8Array>(deflateRaw)(bytes);
}
