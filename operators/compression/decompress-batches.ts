/**
 * Decompresses what `compressBatches` made: equal batches, cut as they were.
 *
 *   batches = inverse of compressBatches, whatever the compressed rows are cut into
 *
 * In      compressed  Binary   the rows end to end are one compressed stream; where they are cut does not matter
 * Out     the batches          each given out once its checksum is right
 * State   the model, the frame on its way
 * Cost    O(1) a cell
 * Error   none: damage is CORRUPT_INPUT, an early end TRUNCATED_INPUT, and no wrong value is given out
 * Nulls   of compressed: an error that names the row
 * Format  FORMAT.md#record-batches
 * Differs no known difference
 * Source  as compressBatches
 */
import type { RecordBatch } from 'apache-arrow';
import { batchOperator } from '../../src/batch-operator.js';
import { corruptInput, DataflowError, limitExceeded, reason } from '../../src/errors.js';
import type { Backend } from '../../src/kernels/kernel.js';
import type { OpenOperator, Operator } from '../../src/operator.js';
import { checked } from '../../src/options.js';
import { readColumn } from '../../src/read-column.js';
import { binary } from '../../src/row-types.js';
import {
  type BatchOptions,
  batchFingerprint,
  batchModelBytes,
  type CheckedBatchOptions,
  checkBatchOptions,
  decodeBatchParameters,
  modelSize,
} from './batch-options.js';
import type { Frame, Header } from './container.js';
import { ContainerReader, type ReaderState } from './container-reader.js';
import { BatchCoder } from './table/batch-coder.js';

const WHO = 'decompressBatches';
const MOST_FRAME_BYTES = 2 ** 31;

/** `level` is the highest that is decompressed. */
export function decompressBatches(options: BatchOptions = {}): Operator {
  const names = ['level', 'maxBatchCells', 'maxTextBytes'];
  const all = checked(WHO, options, names, () => checkBatchOptions({ level: 9, ...options }));
  return batchOperator({
    name: WHO,
    version: 1,
    summary: 'decompresses record batches that compressBatches made',
    options: all,
    stateBytes: batchModelBytes(all.level),
    open: (context) => new Decompressing(all, context?.backend),
  });
}

class Decompressing implements OpenOperator {
  readonly #options: CheckedBatchOptions;
  readonly #backend: Backend | undefined;
  readonly #reader = new ContainerReader(WHO);
  #level = 0;
  #coder: BatchCoder | undefined;

  constructor(options: CheckedBatchOptions, backend: Backend | undefined) {
    this.#options = options;
    this.#backend = backend;
  }

  step(batch: RecordBatch, emit: (batch: RecordBatch) => void): void {
    const { offsets, values } = readColumn(WHO, batch, 'compressed', 'compressed', binary());
    this.#reader.push(values.subarray(offsets[0], offsets[batch.numRows]));
    for (let piece = this.#reader.next(); piece !== undefined; piece = this.#reader.next()) {
      if (piece.type === 'header') this.#begin(piece.header);
      else if (piece.type === 'frame') emit(this.#decode(piece.frame));
    }
  }

  flush(): void {
    this.#reader.finish();
  }

  snapshot(): Uint8Array {
    const coder = this.#coder ?? this.#newCoder(1);
    return coder.save({ level: this.#level, reader: this.#reader.save() });
  }

  restore(bytes: Uint8Array): void {
    const { level, reader } = BatchCoder.saved(bytes) as { level: number; reader: ReaderState };
    this.#reader.restore(reader);
    this.#level = level;
    if (level === 0) return;
    this.#coder = this.#newCoder(level);
    this.#coder.restore(bytes);
  }

  #newCoder(level: number): BatchCoder {
    return new BatchCoder(modelSize(level), this.#options, this.#backend);
  }

  #begin({ content, fingerprint, parameters }: Header): void {
    if (content !== 'batches') {
      throw corruptInput(WHO, 'content', 'record batches', `${content}, which decompress reads`);
    }
    const level = decodeBatchParameters(WHO, parameters);
    if (level > this.#options.level) {
      throw limitExceeded(WHO, 'level', this.#options.level, 'Raise level for such streams.');
    }
    const expected = batchFingerprint(level);
    if (fingerprint !== expected) {
      throw corruptInput(WHO, 'fingerprint of the model', `${expected}`, `${fingerprint}`);
    }
    this.#level = level;
    this.#coder = this.#newCoder(level);
    this.#reader.limit(MOST_FRAME_BYTES);
  }

  #decode({ kind, payload, rawLength, checksum }: Frame): RecordBatch {
    if (kind !== 'coded') throw corruptInput(WHO, 'kind of a frame', 'coded', kind);
    const { batch, raw } = attempted(() => this.#coder!.decode(payload));
    if (raw.bytes !== rawLength || raw.checksum !== checksum) {
      throw corruptInput(WHO, 'checksum of a batch', `${checksum}`, `${raw.checksum}`);
    }
    return batch;
  }
}

/** Whatever goes wrong inside of a damaged payload says that it is damaged. */
function attempted<T>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DataflowError) throw error;
    throw corruptInput(WHO, 'payload of a batch', 'one that compressBatches made', reason(error), {}, error);
  }
}
