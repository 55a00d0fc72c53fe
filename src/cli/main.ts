#!/usr/bin/env node
/**
 * The `chunkwise` command: one file a subcommand, errors in one line, exit codes 0 ok, 1 bad input or data, 2 usage.
 */
import { Command, CommanderError } from 'commander';
import { reason } from '../errors.js';
import { compressCommand } from './compress.js';
import { decompressCommand } from './decompress.js';
import { oneLine } from './format.js';
import { graphCommand } from './graph.js';
import { initCommand } from './init.js';
import { inspectCommand } from './inspect.js';
import { operatorsCommand } from './operators.js';
import { pipeCommand } from './pipe.js';
import { runCommand } from './run.js';
import { testCommand } from './test.js';
import { UsageError } from './usage-error.js';
import { validateCommand } from './validate.js';

const program = new Command('chunkwise')
  .description('Stateful chunkwise operators over streams of Apache Arrow batches')
  .option('--debug', 'print the stack of an error')
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'chunkwise: ')) });

const commands = [
  compressCommand,
  decompressCommand,
  testCommand,
  pipeCommand,
  initCommand,
  runCommand,
  validateCommand,
  graphCommand,
  operatorsCommand,
  inspectCommand,
];
for (const command of commands) {
  program.addCommand(command().exitOverride().copyInheritedSettings(program));
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = told(error);
}

/** Prints an error in one line and answers the exit code it means. */
function told(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  process.stderr.write(`chunkwise: ${oneLine(reason(error))}\n`);
  if (program.opts().debug && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return error instanceof UsageError ? 2 : 1;
}
