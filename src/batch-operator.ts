/**
 * Operators of whole batches: they read any schema and name no columns, and their state is what `snapshot` saves.
 */
import type { RecordBatch } from 'apache-arrow';
import { stateMismatch } from './errors.js';
import { canonicalOptions, type Identity } from './identity.js';
import { type OpenContext, type OpenOperator, type Operator, toOperator } from './operator.js';
import { checked } from './options.js';
import { decodeState } from './snapshot.js';
import { newState } from './state.js';

export interface BatchOperator {
  readonly name: string;
  readonly version: number;
  readonly summary: string;
  readonly options: object;
  readonly stateBytes: number;
  open(context?: OpenContext): OpenOperator;
  inverse?(): Operator;
}

/** Gives the parts of an operator of whole batches their lives. */
export function batchOperator(parts: BatchOperator): Operator {
  const { name, version, summary, stateBytes, open, inverse } = parts;
  const identity: Identity = { name, version, options: canonicalOptions(parts.options), layout: '' };
  const stateFrom = (bytes: Uint8Array) => newState(identity, bytes, () => ({}));
  return toOperator({
    description: { ...identity, summary, inputs: {}, outputs: {}, columns: {} },
    stateBytes,
    open,
    state: () => stateFrom(open().snapshot()),
    stateFrom: (sealed) => stateFrom(decodeState(identity, sealed)),
    merge: () => {
      throw stateMismatch(name, 'merge', 'an operator whose states merge', name, 'Run it in one piece.');
    },
    ...(inverse && { inverse }),
  });
}

/** What an operator of whole batches is made from. */
export interface BatchDefinition<O extends object, R extends object = O> {
  readonly name: string;
  /** Raised when a state saved by an earlier version means something else. */
  readonly version: number;
  /** What it does for the user, in one line. */
  readonly summary: string;
  /** What each option means, with its unit, range and default: `chunkwise operators` shows it. */
  readonly options: Readonly<Record<keyof R, string>>;
  /** Checks the options and fills in their defaults; throws OPTION_RANGE. */
  check(options: O): R;
  open(options: R): OpenOperator;
  /** Options that tests and `chunkwise operators` open it with. */
  readonly examples: readonly O[];
}

/** Makes options into operators of whole batches, and still tells what it makes them from. */
export interface BatchOperatorMaker<O extends object> {
  (options: O): Operator;
  readonly definition: Pick<BatchDefinition<O>, 'name' | 'version' | 'summary' | 'examples'> & {
    readonly options: Readonly<Record<string, string>>;
  };
}

/** Defines an operator of whole batches. */
export function defineBatchOperator<O extends object, R extends object = O>(
  definition: BatchDefinition<O, R>,
): BatchOperatorMaker<O> {
  const { name, version, summary } = definition;
  const make = (given: O) => {
    const options = checked(name, given, [], () => definition.check(given));
    const open = () => definition.open(options);
    return batchOperator({ name, version, summary, options, stateBytes: 0, open });
  };
  return Object.assign(make, { definition });
}

/** A step that makes one batch of each, and remembers nothing. */
export function batchByBatch(work: (batch: RecordBatch) => RecordBatch): OpenOperator {
  return {
    step: (batch, emit) => emit(work(batch)),
    flush: () => {},
    snapshot: () => new Uint8Array(),
    restore: () => {},
  };
}
