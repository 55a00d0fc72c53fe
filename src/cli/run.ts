/**
 * `chunkwise run`: runs the dataflow that a module exports; the same command again resumes it.
 */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command } from 'commander';
import type { Dataflow } from '../dataflow.js';
import { directoryStore } from '../directory-store.js';
import { type Shown, showProgress } from './progress-bar.js';
import { UsageError } from './usage-error.js';

interface RunCommandOptions extends Shown {
  readonly checkpoint?: string;
  readonly everyBatches?: string;
  readonly restart?: boolean;
}

export const runCommand = () =>
  new Command('run')
    .description('run a dataflow; the same command again resumes it')
    .argument(
      '<flow>',
      'a .ts, .js or .mjs module whose default export is a dataflow, or a function that makes one',
    )
    .option('-c, --checkpoint <dir>', 'keep checkpoints in this directory')
    .option('--every-batches <n>', 'source batches between two checkpoints', '64')
    .option('--restart', 'forget the checkpoints and start from the beginning')
    .option('-q, --quiet', 'no progress')
    .option('--json', 'print the report as JSON on standard error')
    .action(run);

async function run(path: string, options: RunCommandOptions): Promise<void> {
  const everyBatches = Number(options.everyBatches);
  if (!Number.isInteger(everyBatches) || everyBatches < 1) {
    throw new UsageError(`--every-batches, expected an integer from 1, got '${options.everyBatches}'`);
  }
  const flow = await loadFlow(path);
  const progress = showProgress(options);
  const { checkpoint, restart = false } = options;
  const live = flow.start({
    onProgress: progress.onProgress,
    ...(checkpoint !== undefined && {
      checkpoint: { store: directoryStore(checkpoint), everyBatches, restart },
    }),
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
  } finally {
    progress.stop();
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}

async function loadFlow(path: string): Promise<Dataflow> {
  const url = pathToFileURL(resolve(path)).href;
  const module = /\.[cm]?tsx?$/.test(path) ? await importTypeScript(url) : await importModule(path, url);
  const { default: first } = module as { default?: { default?: unknown } };
  // Where TypeScript is loaded as CommonJS, the module is the default export of its wrapper.
  const exported = first?.default ?? first;
  const flow = await (typeof exported === 'function' ? exported() : exported);
  if (typeof flow?.start !== 'function') {
    throw new UsageError(`${path}, expected a dataflow as default export, got ${typeof flow}`);
  }
  return flow as Dataflow;
}

async function importModule(path: string, url: string): Promise<unknown> {
  try {
    return await import(url);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ERR_MODULE_NOT_FOUND' && String(error).includes(path)) {
      throw new UsageError(`${path}, expected a module, got no such file`);
    }
    throw error;
  }
}

async function importTypeScript(url: string): Promise<unknown> {
  const tsx = await import('tsx/esm/api').catch(() => {
    throw new UsageError('TypeScript flows need the package tsx: npm install tsx');
  });
  return tsx.tsImport(url, import.meta.url);
}
