/**
 * Parquet files, one row group after the other and never a whole one in memory as rows.
 */
import type { RecordBatch, Schema } from 'apache-arrow';
import { newBatch } from '../src/columns.js';
import { columnMissing, corruptInput, limitExceeded, optionRange, truncatedInput } from '../src/errors.js';
import { checked, integer, text } from '../src/options.js';
import type { Position, Source, Sourced } from '../src/source.js';
import { withInputFile } from './input-file.js';
import { ipcBatches } from './ipc-batches.js';
import { type ParquetContent, ParquetWorker } from './parquet-worker.js';
import { foreignPosition, integersAt } from './position.js';

export interface ParquetFileOptions {
  /** The columns to read; others are not even looked at. Default: all. They come in the order of the file. */
  readonly columns?: readonly string[];
  /**
   * Most rows in a batch, 1 … 10,000,000, default 8192. Where rows are long a batch has fewer, so that it takes about
   * 32 MiB.
   */
  readonly batchRows?: number;
  /** Most bytes that one row group may take in the file: so much is held. Default 1 GiB. */
  readonly maxRowGroupBytes?: number;
}

interface ParquetPosition {
  /** The row group to go on in, and the row inside of it. */
  readonly rowGroup: number;
  readonly row: number;
}

const DEFAULT_BATCH_ROWS = 8192;
const MOST_BATCH_BYTES = 2 ** 25;
const MOST_IPC_BYTES = 2 ** 32;
const MAGIC = 'PAR1';
const LEAST_BYTES = 12;

/**
 * The rows of a Parquet file, by parquet-wasm (install it). In memory are the compressed pages of one row group and one
 * batch, whatever the size of the file; a resumed run reads nothing of the row groups before its position.
 *
 * | Parquet                                   | Arrow                                                      |
 * |-------------------------------------------|------------------------------------------------------------|
 * | BOOLEAN, INT32, INT64, FLOAT, DOUBLE      | Bool, Int32, Int64, Float32, Float64                       |
 * | INTEGER(8…64, signed or not), FLOAT16     | Int8 … Uint64, Float16                                     |
 * | DECIMAL(p, s)                             | Decimal128, Decimal256 above 38 digits                     |
 * | DATE; TIME and TIMESTAMP(ms, µs, ns)      | Date32; Time, Timestamp, with zone UTC where adjusted to it |
 * | INT96                                     | Timestamp<ns>                                              |
 * | STRING, ENUM, JSON; BYTE_ARRAY            | Utf8; Binary                                               |
 * | FIXED_LEN_BYTE_ARRAY, UUID                | FixedSizeBinary                                            |
 * | LIST, MAP, groups                         | List, Map, Struct                                          |
 *
 * A file that keeps its Arrow schema (as `parquetFileSink` and most Arrow libraries write it) comes back in that schema:
 * vectors as FixedSizeList, zones by their name. Compressed by snappy, gzip, brotli, zstd or lz4. Encrypted files are
 * CORRUPT_INPUT; so are damaged ones. A file that was cut off is TRUNCATED_INPUT.
 */
export function parquetFile(path: string, options: ParquetFileOptions = {}): Source<'exactly once'> {
  const { batchRows, maxRowGroupBytes } = checked('parquetFile', options, ['columns'], () => {
    text({ path });
    checkColumns(options.columns);
    return {
      batchRows: integer({ batchRows: options.batchRows ?? DEFAULT_BATCH_ROWS }, 1, 10_000_000),
      maxRowGroupBytes: integer({ maxRowGroupBytes: options.maxRowGroupBytes ?? 2 ** 30 }, 1, 2 ** 32),
    };
  });
  const who = `parquetFile '${path}'`;
  return {
    name: 'parquetFile',
    guarantee: 'exactly once',
    async *read(from, signal) {
      const start = startOf(who, from);
      yield* withInputFile(who, path, async function* (file) {
        await checkFrame(who, file);
        const worker = await ParquetWorker.start(who);
        try {
          const content = await worker.open(path, options.columns, signal);
          const reading = new ParquetReading(who, worker, content, batchRows, maxRowGroupBytes);
          yield* reading.batches(start, options.columns, signal);
        } finally {
          await worker.stop();
        }
      });
    },
  };
}

function checkColumns(columns: readonly string[] | undefined): void {
  const isNames =
    Array.isArray(columns) && columns.length > 0 && columns.every((name) => typeof name === 'string');
  if (columns !== undefined && !isNames) throw optionRange('', 'columns', 'a list of names', columns);
}

const startOf = (who: string, from: Position | undefined): ParquetPosition =>
  from === undefined ? { rowGroup: 0, row: 0 } : integersAt(who, from, ['rowGroup', 'row']);

/** What a reader of the footer alone cannot tell apart: another format, a file that was cut off, an encrypted one. */
async function checkFrame(
  who: string,
  file: { readonly size: number; read(offset: number, length: number): Promise<Uint8Array> },
): Promise<void> {
  const ascii = async (offset: number) => String.fromCharCode(...(await file.read(offset, MAGIC.length)));
  const head = file.size < MAGIC.length ? '' : await ascii(0);
  if (head !== MAGIC) {
    const got = head === 'PARE' ? 'an encrypted file' : `${file.size} bytes that begin otherwise`;
    throw corruptInput(who, 'file', 'a Parquet file, which begins with PAR1', got);
  }
  if (file.size < LEAST_BYTES || (await ascii(file.size - MAGIC.length)) !== MAGIC) {
    throw truncatedInput(who, 'end of the file', 'a footer and PAR1', `${file.size} bytes without it`);
  }
}

class ParquetReading {
  readonly #who: string;
  readonly #worker: ParquetWorker;
  readonly #content: ParquetContent;
  readonly #batchRows: number;
  readonly #maxRowGroupBytes: number;
  #schema: Schema | undefined;

  constructor(
    who: string,
    worker: ParquetWorker,
    content: ParquetContent,
    batchRows: number,
    maxRowGroupBytes: number,
  ) {
    this.#who = who;
    this.#worker = worker;
    this.#content = content;
    this.#batchRows = batchRows;
    this.#maxRowGroupBytes = maxRowGroupBytes;
  }

  async *batches(
    start: ParquetPosition,
    columns: readonly string[] | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<Sourced> {
    const { rowGroups } = this.#content;
    const none = await this.#empty(columns);
    const last = Math.max(1, rowGroups.length);
    if (start.rowGroup > last || start.row > (rowGroups[start.rowGroup]?.rows ?? 0)) {
      throw foreignPosition(this.#who, `a row of ${rowGroups.length} row groups`, start);
    }
    const total = rowGroups.reduce((sum, { rows }) => sum + rows, 0);
    if (total === 0 && start.rowGroup === 0) yield { batch: none, next: { rowGroup: last, row: 0 } };
    let read = rowGroups.slice(0, start.rowGroup).reduce((sum, { rows }) => sum + rows, start.row);
    for (let rowGroup = start.rowGroup; rowGroup < rowGroups.length; rowGroup++) {
      const { rows } = rowGroups[rowGroup]!;
      let row = rowGroup === start.rowGroup ? start.row : 0;
      for await (const batch of this.#rowGroup(rowGroup, row, columns, signal)) {
        row += batch.numRows;
        read += batch.numRows;
        const next = row < rows ? { rowGroup, row } : { rowGroup: rowGroup + 1, row: 0 };
        yield { batch, next, fraction: read / total };
      }
      if (row !== rows) throw corruptInput(this.#who, `row group ${rowGroup}`, `${rows} rows`, `${row}`);
    }
  }

  async *#rowGroup(
    rowGroup: number,
    offset: number,
    columns: readonly string[] | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<RecordBatch> {
    const { rows, bytes, plainBytes } = this.#content.rowGroups[rowGroup]!;
    if (rows === 0) return;
    if (bytes > this.#maxRowGroupBytes) {
      const advice = `Row group ${rowGroup} takes ${bytes}; write smaller ones, or raise it.`;
      throw limitExceeded(this.#who, 'maxRowGroupBytes', this.#maxRowGroupBytes, advice);
    }
    const fitting = Math.floor(MOST_BATCH_BYTES / Math.max(1, plainBytes / rows));
    const batchSize = Math.max(1, Math.min(this.#batchRows, fitting));
    await this.#worker.rows({ rowGroup, offset, batchSize, ...(columns && { columns }) }, signal);
    for (let ipc = await this.#worker.next(signal); ipc; ipc = await this.#worker.next(signal)) {
      yield await this.#decoded(ipc);
    }
  }

  /** The batch of no rows, which has the columns that are read. */
  async #empty(columns: readonly string[] | undefined): Promise<RecordBatch> {
    const { schema, data } = await this.#decoded(this.#content.schema);
    const names = schema.fields.map(({ name }) => name);
    const missing = columns?.find((name) => !names.includes(name));
    if (missing !== undefined) throw columnMissing(this.#who, 'columns', missing, names);
    const isWanted = (name: string) => columns?.includes(name) ?? true;
    this.#schema = undefined;
    const chosen = schema.select(names.filter(isWanted));
    return newBatch(
      chosen,
      0,
      data.children.filter((_, c) => isWanted(names[c]!)),
    );
  }

  /** The one batch of an IPC stream; all share one schema. */
  async #decoded(ipc: Uint8Array): Promise<RecordBatch> {
    const chunks = (async function* () {
      yield ipc;
    })();
    const framing = { endMarker: 'optional', maxMessageBytes: MOST_IPC_BYTES, batchRows: 2 ** 31 } as const;
    for await (const { batch } of ipcBatches(this.#who, chunks, { batch: 0, row: 0 }, framing)) {
      this.#schema ??= batch.schema;
      return newBatch(this.#schema, batch.numRows, batch.data.children);
    }
    throw corruptInput(this.#who, 'batch', 'rows', 'none');
  }
}
