/**
 * What the commands that turn files into files have in common: names of outputs, several files, reports, stopping.
 */
import type { Command } from 'commander';
import { reason } from '../../errors.js';
import { bytes, oneLine } from '../format.js';
import type { Shown } from '../progress-bar.js';
import { UsageError } from '../usage-error.js';
import { bitsPerByte, type Done } from './byte-progress.js';
import { type Input, openOutputAt, STANDARD } from './endpoints.js';

export interface FileOptions extends Shown {
  readonly output?: string;
  readonly force?: boolean;
  readonly checkpoint?: string;
  readonly everySeconds?: string;
}

/** One file's way: from where, to where. */
export interface Job {
  readonly input: string;
  readonly output: string;
  readonly signal: AbortSignal;
}

/** What was done, as `--json` prints it. */
export interface FileReport {
  readonly input: string;
  readonly output: string;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly seconds: number;
}

/** The options that all of these commands take. */
export const withFileOptions = (command: Command): Command =>
  command
    .option('-o, --output <file>', 'where the output goes (- is standard output)')
    .option('-f, --force', 'overwrite an existing output, write to a terminal')
    .option('-c, --checkpoint <dir>', 'keep checkpoints in this directory: the same command resumes it')
    .option('--every-seconds <n>', 'seconds between two checkpoints', '60')
    .option('-q, --quiet', 'no progress')
    .option('--json', 'print a report for each file as JSON on standard error');

/** Runs `work` for each file; a file that fails does not keep the others from their turn. */
export async function runJobs(
  inputs: readonly string[],
  options: FileOptions,
  outputFor: (input: string) => string,
  work: (job: Job) => Promise<FileReport>,
): Promise<void> {
  const given = inputs.length > 0 ? inputs : [STANDARD];
  const jobs = given.map((input) => ({ input, output: options.output ?? outputFor(input) }));
  checkOptions(jobs, options);
  const stopping = new AbortController();
  const stop = () => stopping.abort(new Error('stopped'));
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    for (const job of jobs) {
      try {
        report(await work({ ...job, signal: stopping.signal }), options);
      } catch (error) {
        if (stopping.signal.aborted) {
          process.exitCode = 130;
          return;
        }
        if (jobs.length === 1) throw error;
        process.stderr.write(`chunkwise: ${oneLine(reason(error))}\n`);
        process.exitCode = 1;
      }
    }
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

function checkOptions(jobs: readonly Omit<Job, 'signal'>[], options: FileOptions): void {
  const { output, checkpoint, force } = options;
  if (output !== undefined && output !== STANDARD && jobs.length > 1) {
    throw new UsageError(`--output, expected one input, got ${jobs.length}`);
  }
  if (checkpoint !== undefined) {
    const isFiles = jobs.length === 1 && jobs[0]!.input !== STANDARD && jobs[0]!.output !== STANDARD;
    if (!isFiles)
      throw new UsageError('--checkpoint, expected one input file and one output file, got others');
  }
  if (jobs.some((job) => job.output === STANDARD) && process.stdout.isTTY === true && force !== true) {
    throw new UsageError(
      'standard output is a terminal, expected a pipe or --output FILE (--force writes anyway)',
    );
  }
}

function report(done: FileReport, { quiet, json }: Shown): void {
  if (json) process.stderr.write(`${JSON.stringify(done)}\n`);
  else if (process.stderr.isTTY === true && !quiet) {
    const { input, output, bytesIn, bytesOut, seconds } = done;
    const [raw, coded] = bytesIn > bytesOut ? [bytesIn, bytesOut] : [bytesOut, bytesIn];
    const sizes = `${bytes(bytesIn)} → ${bytes(bytesOut)}, ${bitsPerByte(raw, coded)}`;
    process.stderr.write(`${input} → ${output}: ${sizes}, ${seconds.toFixed(1)} s\n`);
  }
}

/** An option's number, or what is wrong with it. */
export function numberOption(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw new UsageError(`--${name}, expected a number, got '${text}'`);
}

/** Adds up what is done, piece by piece. */
export function adding(onProgress: (done: Done) => void): (more: Done) => void {
  let done: Done = { bytesIn: 0, bytesOut: 0 };
  return (more) => {
    done = { bytesIn: done.bytesIn + more.bytesIn, bytesOut: done.bytesOut + more.bytesOut };
    onProgress(done);
  };
}

/** Writes all pieces to the job's output, and reports. */
export async function writeAll(
  who: string,
  { input, output, signal }: Job,
  overwrite: boolean,
  from: Pick<Input, 'count'>,
  pieces: AsyncIterable<Uint8Array>,
): Promise<FileReport> {
  const startedMs = performance.now();
  const to = await openOutputAt(who, output, overwrite, signal);
  let bytesOut = 0;
  try {
    for await (const piece of pieces) {
      signal.throwIfAborted();
      await to.write(piece);
      bytesOut += piece.length;
    }
    await to.finish();
  } catch (error) {
    await to.abandon();
    throw error;
  }
  return { input, output, bytesIn: from.count, bytesOut, seconds: (performance.now() - startedMs) / 1000 };
}
