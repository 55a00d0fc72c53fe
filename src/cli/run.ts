/**
 * `chunkwise run`: runs the dataflow of a flow file or module; the same command again resumes it.
 */
import { Command } from 'commander';
import type { CheckpointOptions } from '../checkpointing.js';
import { type Dashboard, dashboard } from '../dashboard/dashboard.js';
import { directoryStore } from '../directory-store.js';
import type { FlowFile } from '../flow-file/index.js';
import { loadFlow } from './load-flow.js';
import { type Shown, showProgress } from './progress-bar.js';
import { UsageError } from './usage-error.js';

interface RunCommandOptions extends Shown {
  readonly checkpoint?: string;
  readonly everyBatches?: number;
  readonly restart?: boolean;
  /** True where no port was named. */
  readonly dashboard?: number | true;
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
    .option('--dashboard [port]', 'show the running flow on a page of this machine', portOption)
    .option('-q, --quiet', 'no progress')
    .option('--json', 'print the report as JSON on standard error')
    .action(run);

async function run(path: string, options: RunCommandOptions): Promise<void> {
  const file = await loadFlow(path);
  const checkpoint = checkpointOf(options, file);
  const page = await pageOf(options);
  const progress = showProgress(options);
  const live = file.flow.start({
    ...file.limits,
    onProgress: [...progress.listeners, ...(page ? [page.onProgress] : [])],
    ...(page && { onStepBatch: page.onStepBatch }),
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
    await page?.close();
  } catch (thrown) {
    const error = file.masked(thrown);
    await page?.close({ error });
    throw error;
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

/** Serves the page that was asked for, and says where. */
async function pageOf({ dashboard: asked }: RunCommandOptions): Promise<Dashboard | undefined> {
  if (asked === undefined) return undefined;
  const page = await dashboard({ port: asked === true ? 0 : asked });
  process.stderr.write(`dashboard: ${page.url}\n`);
  return page;
}

function portOption(given: string): number {
  const port = Number(given);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new UsageError(`--dashboard, expected a port in 0 … 65535, got '${given}'`);
}
