/**
 * Arrow files, compressed by their schema: what comes back is an Arrow file of equal batches, not of equal bytes.
 */
import {
  AsyncByteQueue,
  type RecordBatch,
  RecordBatchFileWriter,
  RecordBatchStreamWriter,
} from 'apache-arrow';
import { batchModelBytes } from '../../../operators/compression/batch-options.js';
import { compressBatches } from '../../../operators/compression/compress-batches.js';
import { decompressBatches } from '../../../operators/compression/decompress-batches.js';
import { rowsAsBatch } from '../../../operators/compression/rows-of-bytes.js';
import { arrowFile } from '../../../sources/index.js';
import type { Operator } from '../../operator.js';
import type { Source } from '../../source.js';
import type { Done } from './byte-progress.js';
import { firstBytes, type Input } from './endpoints.js';

const MAGIC = new TextEncoder().encode('ARROW1');
const MOST_ROWS = 2 ** 31 - 1;
const LEVELS = [9, 8, 7, 6, 5, 4, 3, 2, 1];

/** Whether a file begins as an Arrow file does. */
export async function isArrowFile(path: string): Promise<boolean> {
  const first = await firstBytes(path, MAGIC.length);
  return MAGIC.every((byte, i) => first[i] === byte);
}

/** An Arrow file as it is cut, and what compresses it. */
export const arrowFlow = (path: string, level: number): { source: Source; operator: Operator } => ({
  source: arrowFile(path, { batchRows: MOST_ROWS }),
  operator: compressBatches({ level, maxBatchCells: MOST_ROWS }),
});

/** The compressed bytes of an Arrow file of `size` bytes. */
export async function* packedBatches(
  path: string,
  size: number,
  level: number,
  onProgress: (more: Done) => void,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { source, operator } = arrowFlow(path, level);
  const open = operator.open();
  let done = 0;
  for await (const { batch, fraction = 0 } of source.read(undefined, signal)) {
    const pieces: Uint8Array[] = [];
    open.step(batch, (out) => pieces.push(...rowsIn(out)));
    const bytesIn = Math.round(fraction * size) - done;
    done += bytesIn;
    onProgress({ bytesIn, bytesOut: lengthOf(pieces) });
    yield* pieces;
  }
  const pieces: Uint8Array[] = [];
  open.flush((out) => pieces.push(...rowsIn(out)));
  yield* pieces;
}

const lengthOf = (pieces: readonly Uint8Array[]) => pieces.reduce((sum, { length }) => sum + length, 0);

const rowsIn = (batch: RecordBatch): Uint8Array[] => Array.from(batch.getChildAt(0)!) as Uint8Array[];

/** The batches of a compressed stream as an Arrow file, or as an Arrow stream for those that read from front to back. */
export async function* unpackedBatches(
  { bytes }: Input,
  format: 'file' | 'stream',
  maxMemoryBytes: number,
  onProgress: (more: Done) => void,
): AsyncGenerator<Uint8Array> {
  const level = LEVELS.find((one) => batchModelBytes(one) <= maxMemoryBytes) ?? 1;
  const open = decompressBatches({ level, maxBatchCells: MOST_ROWS, maxTextBytes: MOST_ROWS }).open();
  const written = new Written();
  const writer = new (format === 'file' ? RecordBatchFileWriter : RecordBatchStreamWriter)();
  writer.reset(written);
  for await (const chunk of bytes) {
    open.step(rowsAsBatch('compressed', [chunk]), (batch) => writer.write(batch));
    const pieces = written.take();
    onProgress({ bytesIn: chunk.length, bytesOut: lengthOf(pieces) });
    yield* pieces;
  }
  open.flush(() => {});
  writer.finish();
  yield* written.take();
}

/** What a writer has written since it was last asked. */
class Written extends AsyncByteQueue<Uint8Array> {
  readonly #chunks: Uint8Array[] = [];

  override write(chunk: Uint8Array): void {
    this.#chunks.push(chunk.slice());
  }

  take(): Uint8Array[] {
    return this.#chunks.splice(0);
  }
}
