/**
 * What the two operators over record batches of any schema have in common: they name no columns, and their state is what
 * a coder saves.
 */
import { stateMismatch } from '../../src/errors.js';
import { canonicalOptions, type Identity } from '../../src/identity.js';
import { type OpenContext, type OpenOperator, type Operator, toOperator } from '../../src/operator.js';
import { decodeState } from '../../src/snapshot.js';
import { newState } from '../../src/state.js';

export interface BatchOperator {
  readonly name: string;
  readonly version: number;
  readonly summary: string;
  readonly options: object;
  readonly stateBytes: number;
  open(context?: OpenContext): OpenOperator;
  inverse?(): Operator;
}

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
