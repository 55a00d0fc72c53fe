/**
 * The options that the coder of record batches has, and what its streams tell of them.
 */
import { crc32c } from '../../src/checksum.js';
import { corruptInput } from '../../src/errors.js';
import { tableConstants, tableHistories } from '../../src/kernels/table-constants.js';
import { integer } from '../../src/options.js';
import type { BatchLimits } from './table/batch-coder.js';
import { type ModelSize, modelBytes } from './table/decisions.js';

/** Raised when the same streams come to mean something else. */
const MODEL_VERSION = 1;
/** log2 of the cells, by level from 1. */
const CELL_BITS = [17, 18, 19, 20, 22, 22, 23, 23, 24] as const;
const APM_BITS = [12, 13, 14, 15, 16, 16, 16, 16, 16] as const;
const MODELS = [16, 16, 32, 32, 64, 64, 64, 64, 64] as const;

export interface BatchOptions {
  /** 1 (least memory) … 9 (most), default 5. */
  readonly level?: number;
  /** The most cells of a batch, rows × columns, those inside of lists too: 1 … 2^31 (default 2^24). */
  readonly maxBatchCells?: number;
  /** The most bytes of text in a batch that is decompressed: 1 … 2^31 (default 2^28). */
  readonly maxTextBytes?: number;
}

export type CheckedBatchOptions = Required<BatchOptions> & BatchLimits;

export const checkBatchOptions = (options: BatchOptions): CheckedBatchOptions => ({
  level: integer({ level: options.level ?? 5 }, 1, 9),
  maxBatchCells: integer({ maxBatchCells: options.maxBatchCells ?? 2 ** 24 }, 1, 2 ** 31),
  maxTextBytes: integer({ maxTextBytes: options.maxTextBytes ?? 2 ** 28 }, 1, 2 ** 31),
});

export const modelSize = (level: number): ModelSize => ({
  cellBits: CELL_BITS[level - 1]!,
  apmBits: APM_BITS[level - 1]!,
  models: MODELS[level - 1]!,
});

/** Bytes of a level's model. */
export const batchModelBytes = (level: number): number => modelBytes(modelSize(level));

/** What a decoder must have in common with the encoder. */
export function batchFingerprint(level: number): number {
  const tables = crc32c(tableHistories(), crc32c(new Uint8Array(tableConstants().buffer)));
  const { cellBits, apmBits, models } = modelSize(level);
  return crc32c(Uint8Array.of(MODEL_VERSION, cellBits, apmBits, models), tables);
}

export const encodeBatchParameters = (level: number): Uint8Array => Uint8Array.of(level);

export function decodeBatchParameters(who: string, bytes: Uint8Array): number {
  const [level = 0] = bytes;
  if (bytes.length !== 1 || level < 1 || level > CELL_BITS.length) {
    throw corruptInput(who, 'parameters', `a level, 1 … ${CELL_BITS.length}`, `${bytes}`);
  }
  return level;
}
