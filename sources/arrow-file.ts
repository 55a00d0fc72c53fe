/**
 * Arrow IPC files, read batch by batch wherever they lie in the file.
 */
import { corruptInput, truncatedInput } from '../src/errors.js';
import { checked, integer, text } from '../src/options.js';
import type { Source, Sourced } from '../src/source.js';
import {
  type BatchPosition,
  batchPosition,
  batchSlices,
  DEFAULT_BATCH_ROWS,
  onlyEmpty,
  refuseBeyond,
} from './batch-slices.js';
import { emptyBatch } from './empty-data.js';
import { type InputFile, withInputFile } from './input-file.js';
import { ipcBatches } from './ipc-batches.js';
import { IpcDecoder, type IpcMessage } from './ipc-decoder.js';
import { startsAsArrowFile } from './ipc-messages.js';
import { type Block, decodeFooter, decodeMetadata, type FileFooter } from './ipc-metadata.js';

export interface ArrowFileOptions {
  /** Most rows in a batch; larger ones are cut, without a copy. 1 … 2^31 − 1, default 65,536. */
  readonly batchRows?: number;
}

const MAGIC_BYTES = 6;
const MAGIC_AND_PADDING_BYTES = 8;
/** The footer's length, an int32, and the magic bytes. */
const TAIL_BYTES = 4 + MAGIC_BYTES;
const STREAM_BLOCK_BYTES = 1 << 20;
/** A message is as long as the file at most; this bounds what it may be decompressed to. */
const MOST_MESSAGE_BYTES = 2 ** 32;

/**
 * The batches of an Arrow IPC file (Feather version 2). Only one batch is in memory at a time, and a resumed run reads
 * nothing of what is before its position. A file in the *stream* format is read from front to back instead.
 *
 * View columns, as Polars writes them, come as Utf8 and Binary. A file that was cut off is TRUNCATED_INPUT; an empty or
 * damaged one, or one of another format, CORRUPT_INPUT. Compressed files need a codec in apache-arrow's `compressionRegistry`.
 */
export function arrowFile(path: string, options: ArrowFileOptions = {}): Source<'exactly once'> {
  const { batchRows } = checked('arrowFile', options, [], () => {
    text({ path });
    return {
      batchRows: integer({ batchRows: options.batchRows ?? DEFAULT_BATCH_ROWS }, 1, 2 ** 31 - 1),
    };
  });
  const who = `arrowFile '${path}'`;
  return {
    name: 'arrowFile',
    guarantee: 'exactly once',
    async *read(from, signal) {
      const start = batchPosition(who, from);
      yield* withInputFile(who, path, async function* (file) {
        if (await isFileFormat(who, file)) return yield* fileBatches(who, file, start, batchRows, signal);
        const chunks = file.blocks(0, STREAM_BLOCK_BYTES, signal);
        const framing = { endMarker: 'required', maxMessageBytes: MOST_MESSAGE_BYTES } as const;
        yield* ipcBatches(who, chunks, start, { ...framing, batchRows });
      });
    },
  };
}

/** Whether the file has magic bytes in front; a pipe cannot be read at random and goes as a stream. */
async function isFileFormat(who: string, file: InputFile): Promise<boolean> {
  if (!file.isSeekable) return false;
  if (file.size === 0) throw corruptInput(who, 'file', 'Arrow data', 'an empty file');
  return startsAsArrowFile(await file.read(0, Math.min(file.size, MAGIC_BYTES)));
}

/** Bytes that can be read in any order. */
type RandomAccess = Pick<InputFile, 'size' | 'read'>;

/** The batches that an Arrow file's footer lists, from a position on. */
export async function* fileBatches(
  who: string,
  file: RandomAccess,
  start: BatchPosition,
  batchRows: number,
  signal: AbortSignal,
): AsyncGenerator<Sourced> {
  const blocks = new Blocks(who, file);
  const { schema, dictionaries, batches } = await blocks.footer();
  const decoder = new IpcDecoder(who, schema, MOST_MESSAGE_BYTES);
  refuseBeyond(who, start, batches.length);
  for (const block of dictionaries) {
    signal.throwIfAborted();
    const message = await blocks.message(block);
    if (decoder.replacesDictionary(message)) {
      throw corruptInput(who, 'dictionary', 'one of each id in a file', 'a second');
    }
    decoder.takeDictionary(message);
  }
  if (batches.length === 0 && start.batch === 0) yield onlyEmpty(emptyBatch(decoder.schema));
  for (let b = start.batch; b < batches.length; b++) {
    signal.throwIfAborted();
    const batch = decoder.batch(await blocks.message(batches[b]!), b);
    for (const slice of batchSlices(who, batch, b, b === start.batch ? start.row : 0, batchRows)) {
      const { batch: at, row } = slice.next as unknown as BatchPosition;
      yield { ...slice, fraction: (at + row / Math.max(1, batch.numRows)) / batches.length };
    }
  }
}

/** The footer of an Arrow file, and the messages that it points to. */
class Blocks {
  readonly #who: string;
  readonly #file: RandomAccess;
  /** Where the messages end and the footer begins. */
  #end = 0;

  constructor(who: string, file: RandomAccess) {
    this.#who = who;
    this.#file = file;
  }

  async footer(): Promise<FileFooter> {
    const { size } = this.#file;
    const tail = await this.#file.read(Math.max(0, size - TAIL_BYTES), Math.min(size, TAIL_BYTES));
    if (size < MAGIC_AND_PADDING_BYTES + TAIL_BYTES || !startsAsArrowFile(tail.subarray(4))) {
      throw truncatedInput(this.#who, 'end of the file', 'a footer and ARROW1', `${size} bytes without it`);
    }
    const length = new DataView(tail.buffer).getInt32(0, true);
    const most = size - MAGIC_AND_PADDING_BYTES - TAIL_BYTES;
    if (length <= 0 || length > most)
      throw corruptInput(this.#who, 'footer length', `1 … ${most}`, `${length}`);
    this.#end = size - TAIL_BYTES - length;
    return decodeFooter(this.#who, await this.#file.read(this.#end, length));
  }

  async message({ offset, metaDataLength, bodyLength }: Block): Promise<IpcMessage> {
    const end = offset + metaDataLength + bodyLength;
    if (offset < MAGIC_AND_PADDING_BYTES || metaDataLength < 8 || bodyLength < 0 || end > this.#end) {
      throw corruptInput(this.#who, 'block in the footer', `bytes before ${this.#end}`, `${offset} … ${end}`);
    }
    const head = await this.#file.read(offset, metaDataLength);
    const [first, second] = new Int32Array(head.buffer, 0, 2) as unknown as [number, number];
    const prefixBytes = first === -1 ? 8 : 4;
    const length = first === -1 ? second : first;
    if (length <= 0 || prefixBytes + length > metaDataLength) {
      throw corruptInput(this.#who, 'length of metadata', `1 … ${metaDataLength - prefixBytes}`, `${length}`);
    }
    const metadata = decodeMetadata(this.#who, head.subarray(prefixBytes, prefixBytes + length));
    if (metadata.bodyLength > bodyLength) {
      throw corruptInput(this.#who, 'length of a body', `at most ${bodyLength}`, `${metadata.bodyLength}`);
    }
    return { metadata, body: await this.#file.read(offset + metaDataLength, metadata.bodyLength) };
  }
}
