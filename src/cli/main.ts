#!/usr/bin/env node
/**
 * The `chunkwise` command: one file a subcommand, errors in one line, exit codes 0 ok, 1 bad input or data, 2 usage.
 */
import { Command, CommanderError } from 'commander';
import { reason } from '../errors.js';
import { inspectCommand } from './inspect.js';
import { operatorsCommand } from './operators.js';
import { pipeCommand } from './pipe.js';
import { runCommand } from './run.js';
import { UsageError } from './usage-error.js';

const program = new Command('chunkwise')
  .description('Stateful chunkwise operators over streams of Apache Arrow batches')
  .option('--debug', 'print the stack of an error')
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'chunkwise: ')) });

for (const command of [pipeCommand, runCommand, operatorsCommand, inspectCommand]) {
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
  const line = reason(error).replace(/\s*\n\s*/g, ' ');
  process.stderr.write(`chunkwise: ${line}\n`);
  if (program.opts().debug && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return error instanceof UsageError ? 2 : 1;
}
