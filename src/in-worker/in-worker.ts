/**
 * An operator in a thread of its own: the event loop stays free while it works, and the steps before and behind it go on.
 */
import { type AsyncOperator, isAsyncOperator } from '../async-operator.js';
import { optionRange } from '../errors.js';
import { canonicalOptions } from '../identity.js';
import type { Description } from '../operator.js';
import { isOperator, type Operator } from '../operator.js';
import { checked, integer, text } from '../options.js';
import { columnsToSend } from './columns-to-send.js';
import { recipeOf } from './recipe.js';
import { importable, Thread } from './thread-client.js';
import type { ThreadTask } from './thread-messages.js';

export interface InWorkerOptions {
  /** The most source batches in the thread and in front of it, 1 … 1024 (default 2). */
  readonly credit?: number;
}

/** An operator that a module makes. */
export interface WorkerModule {
  /** A package, a file URL, or a path (a relative one is relative to the working directory). Node must be able to import it. */
  readonly module: string | URL;
  /** The module's export: an operator, or a function that makes one of `options` (default 'default'). */
  readonly export?: string;
  /** What the function is given; anything that can be sent to a thread. */
  readonly options?: unknown;
}

/**
 * Runs an operator in a worker thread, as an asynchronous step. Its rows, its states and its errors are those of the
 * operator, and so is its place in a checkpoint: a flow may be resumed with it in a thread or not.
 *
 * The thread makes the operator again, from its name and options where it is one of this package (alone or in `perKey`),
 * otherwise from a module that exports it. Where the operator adds columns, only those that it reads travel to the
 * thread; otherwise all do, dictionaries and views as plain values. Node only. OPTION_RANGE where there are no threads or
 * the operator cannot be made again.
 */
export function inWorker(of: Operator | WorkerModule, options: InWorkerOptions = {}): AsyncOperator {
  const who = 'inWorker';
  const { credit } = checked(who, options, [], () => ({
    credit: integer({ credit: options.credit ?? 2 }, 1, 1024),
  }));
  if (isOperator(of)) return step(of.description, of.stateBytes, credit, { operator: recipeOf(of) }, of);
  if (of === null || typeof of !== 'object' || isAsyncOperator(of)) {
    throw optionRange(who, 'of', 'an operator, or { module, export, options }', of);
  }
  const made = checked(who, of, ['options'], () => ({
    module: of.module instanceof URL ? of.module.href : importable(text({ module: of.module })),
    export: text({ export: of.export ?? 'default' }),
  }));
  const task = { ...made, options: of.options };
  return step(descriptionOf(task), 0, credit, { module: task });
}

function step(
  description: Description,
  stateBytes: number,
  credit: number,
  task: ThreadTask,
  operator?: Operator,
): AsyncOperator {
  const { name } = description;
  const columns = operator && columnsToSend(operator);
  return {
    name,
    description,
    stateBytes,
    credit,
    openAsync: ({ backend } = {}) => new Thread(name, { ...task, ...(backend && { backend }) }, columns),
  };
}

/** What is known of an operator that only the thread has; its states say themselves whose they are. */
const descriptionOf = (task: { readonly export: string; readonly options: unknown }): Description => ({
  name: task.export,
  version: 1,
  options: canonicalOptions(task.options ?? {}),
  layout: '',
  summary: 'an operator of a module, in a thread',
  inputs: {},
  outputs: {},
  columns: {},
});
