/**
 * `chunkwise compress`: files to `.cw` files beside them, or standard input to standard output.
 */
import { Command } from 'commander';
import { compress } from '../../operators/compression/compress.js';
import { MAGIC } from '../../operators/compression/container.js';
import { checkParameters, type StreamParameters } from '../../operators/compression/parameters.js';
import { reason, sourceFailed } from '../errors.js';
import { checked } from '../options.js';
import { arrowFlow, isArrowFile, packedBatches } from './compression/arrow.js';
import { bitsPerByte, type Done, showByteProgress } from './compression/byte-progress.js';
import { openInput, STANDARD, statsOf, withModeOf } from './compression/endpoints.js';
import {
  adding,
  type FileOptions,
  type FileReport,
  type Job,
  numberOption,
  runJobs,
  withFileOptions,
  writeAll,
} from './compression/file-jobs.js';
import { packed } from './compression/pack.js';
import { bytesFlow, resumableOf, runResumable } from './compression/resumable.js';
import { UsageError } from './usage-error.js';

interface CompressCommandOptions extends FileOptions {
  readonly level?: string;
  readonly threads?: string;
  readonly streams?: string;
  readonly frameBytes?: string;
  readonly tableShift?: string;
  readonly bytes?: boolean;
}

export const compressCommand = () =>
  withFileOptions(
    new Command('compress')
      .description('compress files (FILE.cw appears beside each), or standard input to standard output')
      .argument('[files...]', 'files to compress; - or none is standard input'),
  )
    .option('-l, --level <n>', '1 (fastest) … 9 (smallest)', '5')
    .option('--bytes', 'compress an Arrow file as bytes: the same file comes back, not one of equal batches')
    .option('-t, --threads <n>', 'threads, each with a stream of its own: faster, larger output, more memory')
    .option(
      '--streams <n>',
      'streams to cut the input into (as many as threads); the bytes depend on it alone',
    )
    .option('--frame-bytes <n>', 'input bytes of a block, 64 … 2^24 (2^20, with several streams 2^18)')
    .option('--table-shift <n>', 'make hash tables 2^n smaller: less memory for short inputs')
    .action(async (files: readonly string[], options: CompressCommandOptions) => {
      const threads = numberOption('threads', options.threads) ?? 1;
      const parameters = parametersOf(options, threads);
      if (options.checkpoint !== undefined && threads > 1) {
        throw new UsageError(
          `--threads, expected 1 with --checkpoint, got ${threads}: --streams ${threads} makes the same bytes`,
        );
      }
      await runJobs(
        files,
        options,
        (input) => (input === STANDARD ? STANDARD : `${input}.cw`),
        (job) => compressFile(job, options, parameters, threads),
      );
    });

function parametersOf(options: CompressCommandOptions, threads: number): StreamParameters {
  if (!Number.isInteger(threads) || threads < 1) {
    throw new UsageError(`--threads, expected an integer from 1, got '${options.threads}'`);
  }
  const given = {
    level: numberOption('level', options.level),
    streams: numberOption('streams', options.streams) ?? threads,
    frameBytes: numberOption('frame-bytes', options.frameBytes),
    tableShift: numberOption('table-shift', options.tableShift),
  };
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  try {
    return checked('compress', present, [], () => checkParameters(present));
  } catch (error) {
    throw new UsageError(reason(error));
  }
}

interface How {
  readonly parameters: StreamParameters;
  readonly threads: number;
  readonly isArrow: boolean;
  readonly force: boolean;
}

async function compressFile(
  job: Job,
  options: CompressCommandOptions,
  parameters: StreamParameters,
  threads: number,
): Promise<FileReport> {
  const { input, output } = job;
  const stats = input === STANDARD ? undefined : await statsOf('compress', input);
  const isArrow = options.bytes !== true && input !== STANDARD && (await isArrowFile(input));
  const ratio = ({ bytesIn, bytesOut }: Done) => bitsPerByte(bytesIn, bytesOut);
  const progress = showByteProgress(input, stats?.size, options, ratio);
  const compressed = () => {
    if (options.checkpoint === undefined) {
      const how = { parameters, threads, isArrow, force: options.force ?? false };
      return compressAtOnce(job, how, progress.update);
    }
    const flow = isArrow ? arrowFlow(input, parameters.level) : bytesFlow(input, compress(parameters));
    return runResumable(job, flow, resumableOf(options, progress.update));
  };
  try {
    return await withModeOf(stats, output, compressed);
  } finally {
    progress.stop();
  }
}

async function compressAtOnce(
  job: Job,
  { parameters, threads, isArrow, force }: How,
  onProgress: (done: Done) => void,
): Promise<FileReport> {
  const { input, signal } = job;
  const from = await openInput('compress', input, signal);
  const hear = adding(onProgress);
  try {
    if (isArrow) {
      const { size } = from.stats!;
      const pieces = packedBatches(input, size, parameters.level, hear, signal);
      return await writeAll('compress', job, force, { count: size }, pieces);
    }
    if (!force && MAGIC.every((byte, i) => from.first[i] === byte)) {
      const got = 'a compressed one (--force compresses it again)';
      throw sourceFailed('compress', `input '${from.name}'`, 'a file that is not compressed yet', got);
    }
    const pieces = packed(from.bytes, parameters, { threads, onProgress: hear, signal });
    return await writeAll('compress', job, force, from, pieces);
  } finally {
    await from.close();
  }
}
