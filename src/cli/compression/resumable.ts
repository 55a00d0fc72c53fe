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
import type { Done } from './byte-progress.js';
import { type FileOptions, type FileReport, type Job, numberOption } from './file-jobs.js';

/** So much is read at a time: between two batches a run can be stopped, and a checkpoint taken. */
const BLOCK_BYTES = 4096;

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
  operator: Operator,
  { directory, everySeconds, overwrite, onProgress }: Resumable,
): Promise<FileReport> {
  // The name says which files it is of, so that a checkpoint of others is refused.
  const { seconds } = await dataflow(`${resolve(input)} to ${resolve(output)}`)
    .from(bytesFile(input, { blockBytes: BLOCK_BYTES }))
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
