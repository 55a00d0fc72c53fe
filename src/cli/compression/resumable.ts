/**
 * A file through one operator into a file, with checkpoints: the same command again goes on behind the newest one.
 */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { bytesFileSink } from '../../../sinks/index.js';
import { bytesFile } from '../../../sources/index.js';
import { dataflow } from '../../dataflow.js';
import { directoryStore } from '../../directory-store.js';
import type { Operator } from '../../operator.js';
import type { Source } from '../../source.js';
import type { Done } from './byte-progress.js';
import { type FileOptions, type FileReport, type Job, numberOption } from './file-jobs.js';

/** So much is read at a time: between two batches a run can be stopped, and a checkpoint taken. */
const BLOCK_BYTES = 4096;

/** Where a file's batches come from, and what becomes of them. */
export interface Flowing {
  readonly source: Source;
  readonly operator: Operator;
}

export const bytesFlow = (path: string, operator: Operator): Flowing => ({
  source: bytesFile(path, { blockBytes: BLOCK_BYTES }),
  operator,
});

export interface Resumable {
  readonly directory: string;
  readonly everySeconds: number;
  readonly overwrite: boolean;
  readonly onProgress: (done: Done) => void;
}

export const resumableOf = (
  { checkpoint, everySeconds, force = false }: FileOptions,
  onProgress: (done: Done) => void,
): Resumable => ({
  directory: checkpoint!,
  everySeconds: numberOption('every-seconds', everySeconds)!,
  overwrite: force,
  onProgress,
});

export async function runResumable(
  { input, output, signal }: Job,
  { source, operator }: Flowing,
  { directory, everySeconds, overwrite, onProgress }: Resumable,
): Promise<FileReport> {
  // The name says which files it is of, so that a checkpoint of others is refused.
  const { seconds } = await dataflow(`${resolve(input)} to ${resolve(output)}`)
    .from(source)
    .step(operator.name, operator)
    .to(bytesFileSink(output, { overwrite }))
    .run({
      signal,
      onProgress,
      checkpoint: { store: directoryStore(directory, { keep: 1 }), everyBatches: 2 ** 31 - 1, everySeconds },
    });
  const [bytesIn, bytesOut] = (await Promise.all([stat(input), stat(output)])).map(({ size }) => size);
  return { input, output, bytesIn: bytesIn!, bytesOut: bytesOut!, seconds };
}
