/**
 * `chunkwise decompress`: `.cw` files to files beside them, or standard input to standard output.
 */
import { Command } from 'commander';
import { decompress } from '../../operators/compression/decompress.js';
import { bitsPerByte, type Done, showByteProgress } from './compression/byte-progress.js';
import { openInput, STANDARD, statsOf, withModeOf } from './compression/endpoints.js';
import {
  type FileOptions,
  type FileReport,
  type Job,
  runJobs,
  withFileOptions,
  writeAll,
} from './compression/file-jobs.js';
import { bytesFlow, resumableOf, runResumable } from './compression/resumable.js';
import { type Limits, limitsOf, unpackedFrom, withLimits } from './compression/unpack-options.js';
import { UsageError } from './usage-error.js';

type DecompressCommandOptions = FileOptions & Limits;

const SUFFIX = '.cw';

export const decompressCommand = () =>
  withLimits(
    withFileOptions(
      new Command('decompress')
        .description('decompress files (FILE.cw to FILE), or standard input to standard output')
        .argument('[files...]', 'files to decompress; - or none is standard input'),
    ),
  ).action((files: readonly string[], options: DecompressCommandOptions) =>
    runJobs(files, options, withoutSuffix, (job) => decompressFile(job, options)),
  );

function withoutSuffix(input: string): string {
  if (input === STANDARD) return STANDARD;
  if (input.endsWith(SUFFIX) && input !== SUFFIX) return input.slice(0, -SUFFIX.length);
  throw new UsageError(`decompress '${input}', expected a name that ends in ${SUFFIX}, or --output FILE`);
}

async function decompressFile(job: Job, options: DecompressCommandOptions): Promise<FileReport> {
  const { input, output, signal } = job;
  const { checkpoint, force = false } = options;
  const limits = limitsOf(options);
  const stats = input === STANDARD ? undefined : await statsOf('decompress', input);
  const ratio = ({ bytesIn, bytesOut }: Done) => bitsPerByte(bytesOut, bytesIn);
  const progress = showByteProgress(input, stats?.size, options, ratio);
  try {
    return await withModeOf(stats, output, async () => {
      if (checkpoint !== undefined) {
        const columns = { compressed: 'bytes', bytes: 'raw' };
        const flow = bytesFlow(input, decompress({ ...limits.decompressor, columns }));
        return runResumable(job, flow, resumableOf(options, progress.update));
      }
      const from = await openInput('decompress', input, signal);
      const pieces = unpackedFrom('decompress', from, output, limits, progress.update, signal);
      return writeAll('decompress', job, force, from, pieces).finally(() => from.close());
    });
  } finally {
    progress.stop();
  }
}
