/**
 * `chunkwise run`: runs the dataflow of a flow file or module; the same command again resumes it.
 */
import { Command } from 'commander';
import type { CheckpointOptions } from '../checkpointing.js';
import { directoryStore } from '../directory-store.js';
import type { FlowFile } from '../flow-file/index.js';
import { loadFlow } from './load-flow.js';
import { type Shown, showProgress } from './progress-bar.js';
import { UsageError } from './usage-error.js';

interface RunCommandOptions extends Shown {
  readonly checkpoint?: string;
  readonly everyBatches?: number;
  readonly restart?: boolean;
}

export const runCommand = () =>
  new Command('run')
    .description('run a dataflow; the same command again resumes it')
    .argument(
      '<flow>',
      'a .yaml flow file, or a .ts, .js or .mjs module whose default export is a dataflow or makes one',
    )
    .option('-c, --checkpoint <dir>', 'keep checkpoints in this directory')
    .option('--every-batches <n>', 'source batches between two checkpoints (default 64)', everyBatchesOption)
    .option('--restart', 'forget the checkpoints and start from the beginning')
    .option('-q, --quiet', 'no progress')
    .option('--json', 'print the report as JSON on standard error')
    .action(run);

async function run(path: string, options: RunCommandOptions): Promise<void> {
  const file = await loadFlow(path);
  const checkpoint = checkpointOf(options, file);
  const progress = showProgress(options);
  const live = file.flow.start({
    ...file.limits,
    onProgress: progress.listeners,
    ...(checkpoint && { checkpoint }),
  });
  const stop = () => void live.stop();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  try {
    const report = await live.done;
    progress.done(report);
    if (!report.complete) {
      process.stderr.write(checkpoint === undefined ? 'stopped\n' : 'stopped: the same command resumes it\n');
      process.exitCode = 130;
    }
  } catch (error) {
    throw file.masked(error);
  } finally {
    progress.stop();
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

/** What the command line says outranks what the flow file says. */
function checkpointOf(
  { checkpoint: directory, everyBatches, restart = false }: RunCommandOptions,
  { checkpoint: written }: FlowFile,
): CheckpointOptions | undefined {
  const place = directory ?? written?.directory;
  if (place === undefined) return undefined;
  const { directory: _, ...often } = written ?? {};
  return { ...often, ...(everyBatches && { everyBatches }), store: directoryStore(place), restart };
}

function everyBatchesOption(given: string): number {
  const everyBatches = Number(given);
  if (Number.isInteger(everyBatches) && everyBatches >= 1) return everyBatches;
  throw new UsageError(`--every-batches, expected an integer from 1, got '${given}'`);
}
