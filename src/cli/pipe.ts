/**
 * `chunkwise pipe`: an Arrow IPC stream through operators, from standard input to standard output.
 */
import { Command } from 'commander';
import { arrowFileSink, arrowStreamSink } from '../../sinks/index.js';
import { arrowFile, arrowStream } from '../../sources/index.js';
import { dataflow } from '../dataflow.js';
import { type Shown, showProgress } from './progress-bar.js';
import { operatorFrom } from './step-spec.js';
import { UsageError } from './usage-error.js';

interface PipeOptions extends Shown {
  readonly input?: string;
  readonly output?: string;
  readonly force?: boolean;
}

export const pipeCommand = () =>
  new Command('pipe')
    .description('run an Arrow stream from standard input through operators to standard output')
    .argument('<steps...>', `steps such as 'lightningAttention {"heads": 4, "keyDim": 64, "valueDim": 64}'`)
    .option('-i, --input <file>', 'read an Arrow file instead of standard input')
    .option('-o, --output <file>', 'write an Arrow file instead of standard output')
    .option('-f, --force', 'overwrite an existing output')
    .option('-q, --quiet', 'no progress')
    .option('--json', 'print the report as JSON on standard error')
    .action(pipe);

async function pipe(
  steps: readonly string[],
  { input, output, force = false, ...shown }: PipeOptions,
): Promise<void> {
  const operators = steps.map(operatorFrom);
  if (output === undefined && process.stdout.isTTY && !force) {
    throw new UsageError(
      'standard output is a terminal, expected a pipe or --output FILE (--force writes anyway)',
    );
  }
  const progress = showProgress(shown);
  try {
    const report = await dataflow('pipe')
      .from(input === undefined ? arrowStream() : arrowFile(input))
      .pipe(...operators)
      .to(output === undefined ? arrowStreamSink() : arrowFileSink(output, { overwrite: force }))
      .run({ onProgress: progress.listeners });
    progress.done(report);
  } finally {
    progress.stop();
  }
}
