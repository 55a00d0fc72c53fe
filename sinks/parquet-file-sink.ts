/**
 * Parquet files, written row group by row group.
 */
import type { RecordBatch, Schema } from 'apache-arrow';
import { ipcBatches } from '../sources/ipc-batches.js';
import { joinBytes } from '../sources/join-bytes.js';
import { type ParquetCompression, ParquetWorker } from '../sources/parquet-worker.js';
import { foreignPosition, positionFields } from '../sources/position.js';
import { batchBytes, describeSchema, sameSchema, sliceRows } from '../src/columns.js';
import { reason, schemaChanged, sinkFailed } from '../src/errors.js';
import { checked, integer, oneOf, text, truth } from '../src/options.js';
import type { Sink, SinkWriter } from '../src/sink.js';
import type { Position } from '../src/source.js';
import { encodeBatch, encodeSchema } from './ipc-encoder.js';
import { OutputFile, type OutputFileOptions } from './output-file.js';
import {
  firstByteOf,
  footerBytes,
  footerLength,
  footerOf,
  footerOver,
  GROUP_MAGIC,
  MAGIC,
  movedGroup,
  rowGroupsOf,
  TAIL_BYTES,
} from './parquet-footer.js';
import { parquetBatch } from './parquet-types.js';
import { decodeThrift, type ThriftStruct } from './thrift.js';

export interface ParquetFileSinkOptions extends OutputFileOptions {
  /** Rows in a row group, 1 … 10,000,000, default 131,072. The last one has what is left. */
  readonly rowGroupRows?: number;
  /**
   * Bytes as Arrow columns, uncompressed, at which a row group ends early: so much waits in memory, and in a checkpoint.
   * 1 KiB … 1 GiB, default 32 MiB.
   */
  readonly rowGroupBytes?: number;
  /** How pages are compressed. Default 'snappy'. */
  readonly compression?: ParquetCompression;
}

const MOST_IPC_BYTES = 2 ** 32;

/**
 * Writes a Parquet file by parquet-wasm (install it). Rows wait in memory until they are a row group; a checkpoint holds
 * those that wait, so it is well placed every few row groups. A resumed file has the bytes that an uninterrupted one
 * would have: exactly once.
 *
 * The Arrow schema is kept in the file: what `parquetFile` reads is what was written. Other readers see Parquet's types:
 * FixedSizeList as LIST, Float16 as FLOAT16, decimals above 38 digits in as many bytes. Written as what they stand for:
 * dictionaries and views as plain values, seconds as milliseconds, Date64 as DATE. Duration, Interval, Union and structs
 * without fields are refused (COLUMN_TYPE), and so is a stream without a single batch (SINK_FAILED): Parquet has no file
 * without columns. All batches must have the schema of the first (COLUMN_TYPE).
 */
export function parquetFileSink(path: string, options: ParquetFileSinkOptions = {}): Sink<'exactly once'> {
  const { overwrite, ...resolved } = checked('parquetFileSink', options, [], () => {
    text({ path });
    return {
      overwrite: truth({ overwrite: options.overwrite ?? false }),
      rowGroupRows: integer({ rowGroupRows: options.rowGroupRows ?? 131_072 }, 1, 10_000_000),
      rowGroupBytes: integer({ rowGroupBytes: options.rowGroupBytes ?? 2 ** 25 }, 2 ** 10, 2 ** 30),
      compression: oneOf({ compression: options.compression ?? 'snappy' }, [
        'none',
        'snappy',
        'gzip',
        'zstd',
      ] as const),
    };
  });
  const who = `parquetFileSink '${path}'`;
  return {
    name: 'parquetFileSink',
    guarantee: 'exactly once',
    async open(resume, signal) {
      const worker = await ParquetWorker.start(who);
      let file: OutputFile | undefined;
      try {
        file = await OutputFile.open(who, path, overwrite, resume);
        const writer = new ParquetWriter(who, file, worker, resolved, signal);
        if (resume !== undefined) await writer.resume(resume);
        return writer;
      } catch (error) {
        await file?.abandon(true);
        await worker.stop();
        throw error;
      }
    },
  };
}

type Resolved = Required<Omit<ParquetFileSinkOptions, 'overwrite'>>;

class ParquetWriter implements SinkWriter {
  readonly #who: string;
  readonly #file: OutputFile;
  readonly #worker: ParquetWorker;
  readonly #options: Resolved;
  readonly #signal: AbortSignal;
  readonly #groups: ThriftStruct[] = [];
  #schema: Schema | undefined;
  /** The rows of the row group to come. */
  #waiting: RecordBatch[] = [];
  #waitingRows = 0;
  #waitingBytes = 0;
  /** A footer of the file, which has its schema. */
  #footer: ThriftStruct | undefined;

  constructor(who: string, file: OutputFile, worker: ParquetWorker, options: Resolved, signal: AbortSignal) {
    this.#who = who;
    this.#file = file;
    this.#worker = worker;
    this.#options = options;
    this.#signal = signal;
  }

  get bytes(): number {
    return this.#file.bytes;
  }

  async write(batch: RecordBatch): Promise<void> {
    const { rowGroupRows } = this.#options;
    for (let from = 0; from < batch.numRows || from === 0; ) {
      const to = Math.min(batch.numRows, from + rowGroupRows - this.#waitingRows);
      await this.#take(parquetBatch(this.#who, sliceRows(batch, from, to)));
      if (to === batch.numRows) return;
      from = to;
    }
  }

  async position(): Promise<Position> {
    return { ...((await this.#file.position()) as object), waiting: this.#ipc() };
  }

  async finish(): Promise<void> {
    try {
      if (this.#schema === undefined) {
        throw sinkFailed(this.#who, 'file', 'at least one batch, for its columns', 'none');
      }
      if (this.#waitingRows > 0) await this.#endGroup();
      if (this.#footer === undefined) {
        await this.#file.write(MAGIC);
        this.#footer = footerOf(await this.#encoded());
      }
      await this.#file.write(footerBytes(footerOver(this.#footer, this.#groups), MAGIC));
      await this.#file.finish();
    } finally {
      await this.#worker.stop();
    }
  }

  async abandon(keep: boolean): Promise<void> {
    await this.#worker.stop();
    await this.#file.abandon(keep);
  }

  /** Learns the row groups from what the file holds, and takes back the rows that waited. */
  async resume(position: Position): Promise<void> {
    const waiting = positionFields(position)?.waiting;
    if (!(waiting instanceof Uint8Array)) throw foreignPosition(this.#who, 'rows that wait', position);
    try {
      for (let end = this.#file.bytes; end > MAGIC.length; ) {
        const length = footerLength(await this.#file.read(end - TAIL_BYTES, TAIL_BYTES));
        this.#footer = decodeThrift(await this.#file.read(end - TAIL_BYTES - length, length));
        const [group] = rowGroupsOf(this.#footer) as [ThriftStruct];
        this.#groups.unshift(group);
        end = firstByteOf(group);
      }
    } catch (error) {
      throw sinkFailed(this.#who, 'file to resume', 'the row groups that were written', reason(error), error);
    }
    if (waiting.length === 0) return;
    const chunks = (async function* () {
      yield waiting;
    })();
    const framing = { endMarker: 'optional', maxMessageBytes: MOST_IPC_BYTES, batchRows: 2 ** 31 } as const;
    for await (const { batch } of ipcBatches(this.#who, chunks, { batch: 0, row: 0 }, framing)) {
      await this.#take(batch);
    }
  }

  async #take(batch: RecordBatch): Promise<void> {
    this.#schema ??= batch.schema;
    if (!sameSchema(this.#schema, batch.schema)) {
      throw schemaChanged(this.#who, describeSchema(this.#schema), describeSchema(batch.schema));
    }
    if (batch.numRows === 0) return;
    this.#waiting.push(batch);
    this.#waitingRows += batch.numRows;
    this.#waitingBytes += batchBytes(batch);
    const { rowGroupRows, rowGroupBytes } = this.#options;
    if (this.#waitingRows >= rowGroupRows || this.#waitingBytes >= rowGroupBytes) await this.#endGroup();
  }

  async #endGroup(): Promise<void> {
    const whole = await this.#encoded();
    if (this.#file.bytes === 0) await this.#file.write(MAGIC);
    const { pages, group } = movedGroup(whole, this.#file.bytes, this.#groups.length);
    this.#footer = footerOf(whole);
    await this.#file.write(pages);
    await this.#file.write(footerBytes(footerOver(this.#footer, [group]), GROUP_MAGIC));
    this.#groups.push(group);
    this.#waiting = [];
    this.#waitingRows = 0;
    this.#waitingBytes = 0;
  }

  /** The rows that wait as a Parquet file of its own. */
  #encoded(): Promise<Uint8Array> {
    return this.#worker.encode(this.#ipc(), this.#options.compression, this.#signal);
  }

  /** The rows that wait as an Arrow stream; nothing where there was no batch yet. */
  #ipc(): Uint8Array {
    if (this.#schema === undefined) return new Uint8Array(0);
    const batches = this.#waiting.map((batch) => encodeBatch(batch).bytes);
    return joinBytes([encodeSchema(this.#schema).bytes, ...batches]);
  }
}
