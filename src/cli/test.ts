/**
 * `chunkwise test`: decompresses files to nowhere, and says whether they are whole.
 */
import { Command } from 'commander';
import { bitsPerByte, type Done, showByteProgress } from './compression/byte-progress.js';
import { openInput, STANDARD, statsOf } from './compression/endpoints.js';
import { type FileReport, type Job, runJobs } from './compression/file-jobs.js';
import { type Limits, limitsOf, unpackedFrom, withLimits } from './compression/unpack-options.js';
import { bytes } from './format.js';
import type { Shown } from './progress-bar.js';

type TestCommandOptions = Shown & Limits;

/** The place that reports name for what is not kept. */
const NOWHERE = 'nowhere';

export const testCommand = () =>
  withLimits(
    new Command('test')
      .description('verify compressed files without writing what is in them')
      .argument('[files...]', 'files to verify; - or none is standard input')
      .option('-q, --quiet', 'say nothing of files that are whole')
      .option('--json', 'print a report for each file as JSON on standard error'),
  ).action((files: readonly string[], options: TestCommandOptions) =>
    runJobs(
      files,
      options,
      () => NOWHERE,
      (job) => testFile(job, options),
    ),
  );

async function testFile({ input, signal }: Job, options: TestCommandOptions): Promise<FileReport> {
  const startedMs = performance.now();
  const stats = input === STANDARD ? undefined : await statsOf('test', input);
  const ratio = ({ bytesIn, bytesOut }: Done) => bitsPerByte(bytesOut, bytesIn);
  const progress = showByteProgress(input, stats?.size, options, ratio);
  const from = await openInput('test', input, signal);
  let bytesOut = 0;
  try {
    for await (const raw of unpackedFrom('test', from, NOWHERE, limitsOf(options), progress.update, signal)) {
      bytesOut += raw.length;
    }
  } finally {
    progress.stop();
    await from.close();
  }
  if (!options.quiet) process.stdout.write(`${from.name}: whole, ${bytes(bytesOut)}\n`);
  return {
    input,
    output: NOWHERE,
    bytesIn: from.count,
    bytesOut,
    seconds: (performance.now() - startedMs) / 1000,
  };
}
