/**
 * The Parquet codec in a thread of its own: parquet-wasm, with memory that is freed when the thread ends.
 *
 * A thread, because the codec ends in an uncaught error where a page is damaged: here that ends the thread alone, and
 * whoever waits for it hears why. Decoding also goes on beside the event loop. One call at a time.
 */
import type { Worker } from 'node:worker_threads';
import {
  corruptInput,
  type DataflowError,
  reason,
  sinkFailed,
  sourceFailed,
  truncatedInput,
} from '../src/errors.js';
import { once } from '../src/once.js';
import { optionalPeer } from '../src/optional-peer.js';
import { untilAborted } from './until-aborted.js';

/** What is in a file, as its footer tells. */
export interface ParquetContent {
  /** An Arrow IPC stream that has a schema and no batch. */
  readonly schema: Uint8Array;
  readonly rowGroups: readonly RowGroup[];
}

export interface RowGroup {
  readonly rows: number;
  /** Of the columns that are read, as they lie in the file. */
  readonly bytes: number;
  /** Of the columns that are read, decompressed. */
  readonly plainBytes: number;
}

/** Where reading begins, and in which pieces it goes on to the end of the row group. */
export interface RowsWanted {
  readonly rowGroup: number;
  readonly offset: number;
  readonly batchSize: number;
  readonly columns?: readonly string[];
}

export type ParquetCompression = 'none' | 'snappy' | 'gzip' | 'zstd';

/** The system refused, the file is shorter than it was, or what is in it cannot be. */
type FailureKind = 'system' | 'cut' | 'data';

interface Answer {
  readonly value?: unknown;
  readonly failure?: { readonly kind: FailureKind; readonly reason: string };
}

/** What the thread runs. It is text, so that it needs no file and no loader, whatever this package was built with. */
const PROGRAM = `
const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads');
const { closeSync, fstatSync, openSync, readSync } = process.getBuiltinModule('node:fs');
const said = (error) => String(error?.message ?? error);
const fail = (kind, reason) => parentPort.postMessage({ failure: { kind, reason } });
const loading = import(workerData.url).then((parquet) => {
  parquet.initSync({ module: workerData.module });
  return parquet;
});
loading.catch(() => {});
let fd;
let file;
let reader;

// A part of the file as the codec asks for it. A failed read is told and never answered: the codec cannot take a no.
class Part extends Blob {
  constructor(start, length) {
    super();
    this.start = start;
    this.length = length;
  }
  get size() {
    return this.length;
  }
  slice(from, to) {
    return new Part(this.start + from, to - from);
  }
  async arrayBuffer() {
    const bytes = new Uint8Array(this.length);
    try {
      for (let filled = 0; filled < bytes.length; ) {
        const count = readSync(fd, bytes, filled, Math.min(bytes.length - filled, 2 ** 30), this.start + filled);
        if (count === 0) {
          fail('cut', this.length + ' at ' + this.start + '|' + filled);
          return await new Promise(() => {});
        }
        filled += count;
      }
    } catch (error) {
      fail('system', said(error));
      return await new Promise(() => {});
    }
    return bytes.buffer;
  }
}

const calls = {
  async open({ path, columns }) {
    const { ParquetFile } = await loading;
    fd = openSync(path, 'r');
    file = await ParquetFile.fromFile(new Part(0, fstatSync(fd).size));
    const metadata = file.metadata();
    const rowGroups = metadata.rowGroups().map((group) => {
      const chunks = group.columns().filter((chunk) => columns?.includes(chunk.columnPath()[0]) ?? true);
      const sum = (size) => chunks.reduce((total, chunk) => total + size(chunk), 0);
      return {
        rows: group.numRows(),
        bytes: sum((chunk) => chunk.compressedSize()),
        plainBytes: sum((chunk) => chunk.uncompressedSize()),
      };
    });
    metadata.free();
    return { schema: file.schema().intoIPCStream(), rowGroups };
  },
  async rows({ rowGroup, ...options }) {
    reader = (await file.stream({ ...options, rowGroups: [rowGroup] })).getReader();
  },
  async next() {
    const { done, value } = await reader.read();
    return done ? undefined : value.intoIPCStream();
  },
  async encode({ ipc, compression }) {
    const { Compression, EnabledStatistics, Table, WriterPropertiesBuilder, writeParquet } = await loading;
    const properties = new WriterPropertiesBuilder()
      .setCompression(Compression[compression])
      .setStatisticsEnabled(EnabledStatistics.Chunk)
      .setMaxRowGroupSize(2 ** 31 - 1)
      .setCreatedBy('chunkwise')
      .build();
    return writeParquet(Table.fromIPCStream(ipc), properties);
  },
};

parentPort.on('message', async ({ name, argument }) => {
  try {
    const value = await calls[name](argument);
    parentPort.postMessage({ value }, value instanceof Uint8Array ? [value.buffer] : []);
  } catch (error) {
    fail(error?.syscall === undefined ? 'data' : 'system', said(error));
  }
});
process.on('exit', () => fd === undefined || closeSync(fd));
`;

/** The codec, compiled once for all threads, and where they find what binds it. */
const codec = once(async () => {
  const [{ readFile }, { createRequire }, { pathToFileURL }] = await Promise.all([
    import('node:fs/promises'),
    import('node:module'),
    import('node:url'),
  ]);
  const { resolve } = createRequire(import.meta.url);
  const bytes = await readFile(resolve('parquet-wasm/esm/parquet_wasm_bg.wasm'));
  const url = pathToFileURL(resolve('parquet-wasm/esm')).href;
  return { module: await WebAssembly.compile(bytes), url };
});

export class ParquetWorker {
  readonly #who: string;
  readonly #worker: Worker;
  #settle: ((answer: Answer) => void) | undefined;
  #ended: Answer | undefined;

  private constructor(who: string, worker: Worker) {
    this.#who = who;
    this.#worker = worker;
    const settle = (answer: Answer) => {
      const settle = this.#settle;
      this.#settle = undefined;
      settle?.(answer);
    };
    const end = (why: unknown) => {
      this.#ended ??= { failure: { kind: 'data', reason: reason(why) } };
      settle(this.#ended);
    };
    worker.on('message', settle);
    worker.on('error', end);
    worker.on('exit', () => end('the thread has ended'));
  }

  /** Starts a thread; PACKAGE_MISSING without parquet-wasm. */
  static async start(who: string): Promise<ParquetWorker> {
    const { Worker } = await import('node:worker_threads');
    const workerData = await optionalPeer(who, 'parquet-wasm', codec);
    return new ParquetWorker(who, new Worker(PROGRAM, { eval: true, execArgv: [], workerData }));
  }

  /** Opens a file; sizes are of the named columns. */
  open(path: string, columns: readonly string[] | undefined, signal: AbortSignal): Promise<ParquetContent> {
    return this.#call('open', { path, columns }, signal) as Promise<ParquetContent>;
  }

  /** Begins with some rows; what follows comes by `next`. */
  async rows(wanted: RowsWanted, signal: AbortSignal): Promise<void> {
    await this.#call('rows', wanted, signal);
  }

  /** The next batch of the row group as an Arrow IPC stream of its own; undefined behind the last. */
  next(signal: AbortSignal): Promise<Uint8Array | undefined> {
    return this.#call('next', undefined, signal) as Promise<Uint8Array | undefined>;
  }

  /** The rows of an Arrow IPC stream as a whole Parquet file of one row group (of none, where there are no rows). */
  encode(ipc: Uint8Array, compression: ParquetCompression, signal: AbortSignal): Promise<Uint8Array> {
    const name = compression === 'none' ? 'UNCOMPRESSED' : compression.toUpperCase();
    const failed = (_: unknown, got: string) =>
      sinkFailed(this.#who, 'row group', 'columns that can be encoded', got);
    return this.#call('encode', { ipc, compression: name }, signal, failed) as Promise<Uint8Array>;
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }

  async #call(
    name: string,
    argument: unknown,
    signal: AbortSignal,
    failed = (kind: FailureKind, got: string) => this.#failed(kind, got),
  ): Promise<unknown> {
    const answered = new Promise<Answer>((resolve) => {
      if (this.#ended !== undefined) return resolve(this.#ended);
      this.#settle = resolve;
      this.#worker.postMessage({ name, argument });
    });
    const { value, failure } = await untilAborted(answered, signal);
    if (failure === undefined) return value;
    throw failed(failure.kind, failure.reason);
  }

  #failed(kind: FailureKind, got: string): DataflowError {
    if (kind === 'system') return sourceFailed(this.#who, 'reading the file', 'a readable file', got);
    if (kind === 'data') {
      const said = got === 'unreachable' ? 'a page that cannot be decoded' : got;
      return corruptInput(this.#who, 'Parquet data', 'pages and a footer that fit', said);
    }
    const [wanted, filled] = got.split('|') as [string, string];
    return truncatedInput(this.#who, 'bytes', wanted, filled);
  }
}
