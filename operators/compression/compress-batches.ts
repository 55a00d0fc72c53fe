/**
 * Compresses record batches of any schema: rows and columns are what its model predicts from, not bytes.
 *
 *   code length = sum over the decisions of -log2 p(decision | the column's past, the row's earlier cells)
 *
 * In      batches of one schema   any types but views; nested, dictionaries, nulls
 * Out     compressed  Binary      header, a frame a batch, and the end, as rows of one stream of bytes
 * State   the model, what was seen of each column    `stateBytes` and what columns remember; no growth per row but the
 *                                                   dictionaries', and of text at most 2^24 bytes a column
 * Cost    O(1) a cell; a plan is made at the first rows, again when there are four times as many, up to 20,000
 * Error   none: `inverse()` gives equal batches back, cut as they were
 * Nulls   kept; what they hide is not
 * Format  FORMAT.md#record-batches   Worst case  a few percent more than the values
 * Differs arrow-js metadata that IPC does not carry is not kept; views are refused
 * Source  Mahoney, Adaptive weighing of context models, 2005; columns as contexts: Gao and Parameswaran, Squish, 2016
 */
import type { RecordBatch } from 'apache-arrow';
import { batchOperator } from '../../src/batch-operator.js';
import type { OpenOperator, Operator } from '../../src/operator.js';
import { checked } from '../../src/options.js';
import {
  type BatchOptions,
  batchFingerprint,
  batchModelBytes,
  checkBatchOptions,
  encodeBatchParameters,
  modelSize,
} from './batch-options.js';
import { encodeEnd, encodeFrame, encodeHeader, NO_TOTALS, type Totals, withFrame } from './container.js';
import { decompressBatches } from './decompress-batches.js';
import { rowsAsBatch } from './rows-of-bytes.js';
import { BatchCoder } from './table/batch-coder.js';

/** Equal batches come back from `compressBatches(options).inverse()`. */
export function compressBatches(options: BatchOptions = {}): Operator {
  const names = ['level', 'maxBatchCells', 'maxTextBytes'];
  const all = checked('compressBatches', options, names, () => checkBatchOptions(options));
  return batchOperator({
    name: 'compressBatches',
    version: 1,
    summary: 'compresses record batches of any schema, column by column; the inverse decompresses',
    options: all,
    stateBytes: batchModelBytes(all.level),
    open: (context) =>
      new Compressing(all.level, new BatchCoder(modelSize(all.level), all, context?.backend)),
    inverse: () => decompressBatches(all),
  });
}

class Compressing implements OpenOperator {
  readonly #level: number;
  readonly #coder: BatchCoder;
  #totals: Totals = NO_TOTALS;

  constructor(level: number, coder: BatchCoder) {
    this.#level = level;
    this.#coder = coder;
  }

  step(batch: RecordBatch, emit: (batch: RecordBatch) => void): void {
    const rows = this.#totals.frames === 0 ? [this.#header()] : [];
    const { payload, raw } = this.#coder.encode(batch);
    const frame = { kind: 'coded', rawLength: raw.bytes, payload, checksum: raw.checksum } as const;
    rows.push(encodeFrame(frame));
    this.#totals = withFrame(this.#totals, frame);
    emit(rowsAsBatch('compressed', rows));
  }

  flush(emit: (batch: RecordBatch) => void): void {
    const rows = this.#totals.frames === 0 ? [this.#header()] : [];
    emit(rowsAsBatch('compressed', [...rows, encodeEnd(this.#totals)]));
  }

  snapshot(): Uint8Array {
    return this.#coder.save(this.#totals);
  }

  restore(bytes: Uint8Array): void {
    this.#totals = this.#coder.restore(bytes) as Totals;
  }

  #header(): Uint8Array {
    return encodeHeader({
      content: 'batches',
      fingerprint: batchFingerprint(this.#level),
      parameters: encodeBatchParameters(this.#level),
    });
  }
}
