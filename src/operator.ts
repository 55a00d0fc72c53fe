/**
 * What an operator is: one value with two lives. It is a plain RxJS operator (state per subscription, as with `scan`),
 * and a definition that the engine can open, snapshot, restore and merge.
 */
import type { RecordBatch } from 'apache-arrow';
import { Observable, type OperatorFunction } from 'rxjs';
import type { SpillFile } from './checkpoint-store.js';
import type { Identity } from './identity.js';
import type { Backend } from './kernels/kernel.js';
import type { RowTypes } from './row-types.js';
import type { State } from './state.js';
import type { Workspace } from './workspace.js';

export type Emit = (batch: RecordBatch) => void;

/** An operator at work. It is synchronous: a step emits what it has to say before it returns. */
export interface OpenOperator {
  /** Takes one batch and emits what it has to say to it. */
  step(batch: RecordBatch, emit: Emit): void;
  /** Emits what is still to come after the last batch. */
  flush(emit: Emit): void;
  /** The state after the last row, as bytes that `restore` takes in another process or on another machine. */
  snapshot(): Uint8Array;
  /** Goes on from a state that `snapshot` gave; STATE_VERSION or CHECKPOINT_CORRUPT for any other bytes. */
  restore(bytes: Uint8Array): void;
}

/** What an operator may be given when it is opened. */
export interface OpenContext {
  /** Which build of the kernels to run; by default what `CHUNKWISE_KERNELS` says. */
  readonly backend?: Backend;
  /** A byte to fill outputs and scratch with, so that a test sees when they are read before they are written. */
  readonly poison?: number;
  /** Where keyed states go that do not fit, opened on first use. */
  readonly spill?: () => SpillFile;
}

/** What `chunkwise operators` shows, and what tools can ask of an operator. */
export interface Description extends Identity {
  readonly summary: string;
  readonly inputs: RowTypes;
  readonly outputs: RowTypes;
  /** The column that each role reads or writes. */
  readonly columns: Readonly<Record<string, string>>;
}

export interface OperatorParts {
  readonly description: Description;
  /** Bytes of state, known before the first row; 0 where the state is of no fixed layout. */
  readonly stateBytes: number;
  /** An instance with a state of its own, as of before the first row. */
  open(context?: OpenContext): OpenOperator;
  /** A state from slot values; slots that are not given hold their start values. */
  state(values?: Readonly<Record<string, ArrayLike<number>>>): State;
  /** The state that `toBytes` of one gave; STATE_VERSION where it was another operator's, or had other options. */
  stateFrom(bytes: Uint8Array): State;
  /** The state after `a`'s rows and then `b`'s. */
  merge(a: State, b: State): State;
  /** The operator that undoes this one, of a codec. */
  inverse?(): Operator;
  /** Room for many states side by side, for `perKey`; absent where one state is all there can be. */
  workspace?(cells: number, context?: OpenContext): Workspace;
}

export interface Operator extends OperatorFunction<RecordBatch, RecordBatch>, OperatorParts {
  readonly name: string;
}

/** Gives the parts of an operator their life in RxJS. */
export function toOperator(parts: OperatorParts): Operator {
  const asRxjs: OperatorFunction<RecordBatch, RecordBatch> = (batches) =>
    new Observable((subscriber) => {
      const open = parts.open();
      const emit: Emit = (batch) => subscriber.next(batch);
      const attempt = (work: () => void) => {
        try {
          work();
        } catch (error) {
          subscriber.error(error);
        }
      };
      return batches.subscribe({
        next: (batch) => attempt(() => open.step(batch, emit)),
        error: (error) => subscriber.error(error),
        complete: () =>
          attempt(() => {
            open.flush(emit);
            subscriber.complete();
          }),
      });
    });
  Object.defineProperty(asRxjs, 'name', { value: parts.description.name });
  return Object.assign(asRxjs, parts) as Operator;
}

/** Whether a function is one of our operators, and not any RxJS operator function. */
export const isOperator = (value: unknown): value is Operator =>
  typeof value === 'function' && 'description' in value && 'open' in value;
