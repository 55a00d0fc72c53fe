/**
 * Avro object container files, block by block.
 */
import { DataType, Field, Schema } from 'apache-arrow';
import { newBatch } from '../src/columns.js';
import {
  corruptInput,
  DataflowError,
  limitExceeded,
  reason,
  sourceFailed,
  truncatedInput,
} from '../src/errors.js';
import { checked, integer, text } from '../src/options.js';
import type { Source, Sourced } from '../src/source.js';
import { type AvroColumn, avroColumns } from './avro-columns.js';
import { type AvroHeader, readAvroHeader, SYNC_BYTES } from './avro-header.js';
import { AvroTap, EndOfBytes } from './avro-tap.js';
import { arrowBuilder } from './column-builder.js';
import { type InputFile, withInputFile } from './input-file.js';
import { integersAt } from './position.js';

export interface AvroFileOptions {
  /** Rows in a batch. 1 … 10,000,000, default 8192. */
  readonly batchRows?: number;
  /** Most bytes that one block may take, as it lies in the file and decompressed. Default 64 MiB. */
  readonly maxBlockBytes?: number;
}

interface ResolvedOptions {
  readonly batchRows: number;
  readonly maxBlockBytes: number;
}

/** Two longs: how many rows, how many bytes. */
const MOST_BLOCK_HEAD_BYTES = 20;

/**
 * The rows of an Avro file. Only one block is in memory at a time; the position is a block and a row in it, and nothing
 * before the block is read again.
 *
 * | Avro                                              | Arrow                                               |
 * |---------------------------------------------------|-----------------------------------------------------|
 * | boolean, int, long, float, double                 | Bool, Int32, Int64, Float32, Float64                |
 * | string, enum, uuid; bytes; fixed                  | Utf8; Binary; FixedSizeBinary                       |
 * | decimal of bytes or fixed                         | Decimal128, Decimal256 above 38 digits              |
 * | date; time-millis, time-micros                    | Date32; Time                                        |
 * | timestamp-millis, -micros, -nanos; local-timestamp-… | Timestamp with zone UTC; without a zone          |
 * | array; map; record                                | List; Map; Struct                                   |
 * | union of null and another; null                   | that, with nulls; Null                              |
 *
 * Other unions, types inside of themselves and records without fields are COLUMN_TYPE. A file whose schema is no record
 * has one column, `value`. Codecs `null` and `deflate`; another is SOURCE_FAILED by its name. A damaged file is
 * CORRUPT_INPUT, one that was cut off TRUNCATED_INPUT, except between two blocks: Avro does not mark its end.
 */
export function avroFile(path: string, options: AvroFileOptions = {}): Source<'exactly once'> {
  const resolved = checked('avroFile', options, [], () => {
    text({ path });
    return {
      batchRows: integer({ batchRows: options.batchRows ?? 8192 }, 1, 10_000_000),
      maxBlockBytes: integer({ maxBlockBytes: options.maxBlockBytes ?? 2 ** 26 }, 1, 2 ** 31 - 1),
    };
  });
  const who = `avroFile '${path}'`;
  return {
    name: 'avroFile',
    guarantee: 'exactly once',
    async *read(from, signal) {
      const start = from === undefined ? undefined : integersAt(who, from, ['block', 'row']);
      yield* withInputFile(who, path, async function* (file) {
        const reading = await AvroReading.open(who, file, resolved);
        yield* reading.batches(start, signal);
      });
    },
  };
}

interface Block {
  readonly rows: number;
  readonly tap: AvroTap;
  /** Where the next one begins. */
  readonly next: number;
}

class AvroReading {
  readonly #who: string;
  readonly #file: InputFile;
  readonly #options: ResolvedOptions;
  readonly #columns: readonly AvroColumn[];
  readonly #schema: Schema;
  readonly #isDeflated: boolean;
  readonly #sync: Uint8Array;
  readonly #firstBlock: number;

  private constructor(who: string, file: InputFile, options: ResolvedOptions, header: AvroHeader) {
    this.#who = who;
    this.#file = file;
    this.#options = options;
    this.#columns = avroColumns(who, header.schema);
    this.#schema = new Schema(
      this.#columns.map(({ name, type, nullable }) => new Field(name, type, nullable)),
    );
    if (header.codec !== 'null' && header.codec !== 'deflate') {
      throw sourceFailed(who, 'codec', "'null' or 'deflate'", `'${header.codec}'`);
    }
    this.#isDeflated = header.codec === 'deflate';
    this.#sync = header.sync;
    this.#firstBlock = header.bytes;
  }

  static async open(who: string, file: InputFile, options: ResolvedOptions): Promise<AvroReading> {
    return new AvroReading(who, file, options, await readAvroHeader(who, file));
  }

  async *batches(
    start: { readonly block: number; readonly row: number } | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<Sourced> {
    const { size } = this.#file;
    let builders = this.#builders();
    let rows = 0;
    let hasGiven = start !== undefined;
    const batch = (block: number, row: number): Sourced => {
      const children = builders.map((builder) => builder.finish(rows));
      const sourced = {
        batch: newBatch(this.#schema, rows, children),
        next: { block, row },
        fraction: Math.min(1, block / size),
      };
      builders = this.#builders();
      rows = 0;
      hasGiven = true;
      return sourced;
    };
    let at = start?.block ?? this.#firstBlock;
    let skip = start?.row ?? 0;
    while (at < size) {
      signal.throwIfAborted();
      const block = await this.#block(at);
      for (let row = 0; row < block.rows; row++) {
        this.#row(block.tap, at, row, row < skip ? undefined : (c, value) => builders[c]!.set(rows, value));
        if (row < skip || ++rows < this.#options.batchRows) continue;
        yield row + 1 < block.rows ? batch(at, row + 1) : batch(block.next, 0);
      }
      if (block.tap.left > 0)
        throw this.#corrupt(at, `the end of ${block.rows} rows`, `${block.tap.left} bytes more`);
      skip = 0;
      at = block.next;
    }
    if (rows > 0 || !hasGiven) yield batch(at, 0);
  }

  #builders() {
    return this.#columns.map(({ type }) => arrowBuilder(type));
  }

  #row(tap: AvroTap, at: number, row: number, set: ((c: number, value: unknown) => void) | undefined): void {
    try {
      for (let c = 0; c < this.#columns.length; c++) {
        const value = this.#columns[c]!.read(tap);
        set?.(c, value);
      }
    } catch (error) {
      if (error instanceof DataflowError) throw error;
      throw this.#corrupt(at, `a row ${row} that fits`, reason(error));
    }
  }

  async #block(at: number): Promise<Block> {
    const { size } = this.#file;
    const head = new AvroTap(await this.#file.read(at, Math.min(MOST_BLOCK_HEAD_BYTES, size - at)));
    const { maxBlockBytes } = this.#options;
    const [rows, bytes] = this.#counts(head, at);
    if (bytes > maxBlockBytes) throw this.#tooLarge();
    const data = await this.#file.read(at + head.at, bytes + SYNC_BYTES);
    if (!this.#sync.every((byte, i) => data[bytes + i] === byte)) {
      throw this.#corrupt(at, 'the sync marker behind it', 'other bytes');
    }
    const packed = data.subarray(0, bytes);
    const plain = this.#isDeflated ? await this.#inflated(packed, at) : packed;
    const isNothing = this.#columns.every(({ type }) => DataType.isNull(type));
    if (rows > plain.length && !isNothing)
      throw this.#corrupt(at, `bytes for ${rows} rows`, `${plain.length}`);
    return { rows, tap: new AvroTap(plain), next: at + head.at + bytes + SYNC_BYTES };
  }

  #counts(head: AvroTap, at: number): [number, number] {
    try {
      return [head.count(2 ** 31 - 1), head.count(2 ** 31 - 1)];
    } catch (error) {
      const expected = 'a count of rows and of bytes';
      if (error instanceof EndOfBytes)
        throw truncatedInput(this.#who, `block at byte ${at}`, expected, 'the end');
      throw this.#corrupt(at, expected, reason(error));
    }
  }

  async #inflated(bytes: Uint8Array, at: number): Promise<Uint8Array> {
    const [{ promisify }, zlib] = await Promise.all([import('node:util'), import('node:zlib')]);
    const inflate = promisify<Uint8Array, { maxOutputLength: number }, Uint8Array>(zlib.inflateRaw);
    try {
      return await inflate(bytes, { maxOutputLength: this.#options.maxBlockBytes });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw this.#tooLarge();
      throw this.#corrupt(at, 'deflated data', reason(error));
    }
  }

  #tooLarge() {
    return limitExceeded(this.#who, 'maxBlockBytes', this.#options.maxBlockBytes, 'A block is larger.');
  }

  #corrupt(at: number, expected: string, got: string) {
    return corruptInput(this.#who, `block at byte ${at}`, expected, got);
  }
}
