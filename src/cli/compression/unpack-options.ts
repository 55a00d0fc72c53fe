/**
 * What the commands that decompress take besides files, and how they come to the bytes inside.
 */
import { availableParallelism, totalmem } from 'node:os';
import type { Command } from 'commander';
import type { DecompressorOptions } from '../../../operators/compression/decompressor.js';
import { UsageError } from '../usage-error.js';
import { unpackedBatches } from './arrow.js';
import type { Done } from './byte-progress.js';
import { type Input, STANDARD } from './endpoints.js';
import { adding, numberOption } from './file-jobs.js';
import { unpacked } from './pack.js';

export interface Limits {
  readonly threads?: string;
  readonly maxMemory?: string;
}

export interface UnpackLimits {
  readonly threads: number;
  readonly decompressor: DecompressorOptions;
}

export const withLimits = (command: Command): Command =>
  command
    .option('-t, --threads <n>', 'most threads; a file has work for as many as it has streams')
    .option('--max-memory <bytes>', 'refuse files whose models take more (half of the memory)');

export function limitsOf({ threads, maxMemory }: Limits): UnpackLimits {
  const limits = {
    threads: numberOption('threads', threads) ?? availableParallelism(),
    maxMemoryBytes: numberOption('max-memory', maxMemory) ?? totalmem() / 2,
  };
  if (!Number.isInteger(limits.threads) || limits.threads < 1)
    throw new UsageError(`--threads, expected an integer from 1, got '${threads}'`);
  return { threads: limits.threads, decompressor: { maxMemoryBytes: Math.floor(limits.maxMemoryBytes) } };
}

/** The place in a header of the number that says what is inside; 2 is record batches. */
const CONTENT_AT = 5;
const BATCHES = 2;

/** What is in a compressed file; `onProgress` is told of bytes as they are done. */
export function unpackedFrom(
  who: string,
  from: Input,
  output: string,
  { threads, decompressor }: UnpackLimits,
  onProgress: (done: Done) => void,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const hear = adding(onProgress);
  return from.first[CONTENT_AT] === BATCHES
    ? unpackedBatches(from, output === STANDARD ? 'stream' : 'file', decompressor.maxMemoryBytes, hear)
    : unpacked(who, from.bytes, decompressor, { threads, onProgress: hear, signal });
}
