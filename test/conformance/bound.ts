/**
 * Bound: the state has the size that the operator declares, and nothing grows with the rows.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { batchOf } from '../support/rows.js';
import type { LawCheck, Subject } from './laws.js';

const hasLayout = ({ definition }: Subject) => definition.layout !== undefined;

const declaredBytes: LawCheck = {
  law: 'bound',
  statement: 'has a state of exactly the bytes that it declares, from the first row to the last',
  applies: hasLayout,
  check({ operator, rows }) {
    const { inputs } = operator.description;
    const open = operator.open();
    const expectDeclared = (when: string) => {
      const { length } = open.snapshot();
      if (length === operator.stateBytes) return;
      throw new Error(`state bytes ${when}: expected ${operator.stateBytes}, got ${length}`);
    };
    if (operator.state().byteLength !== operator.stateBytes) throw new Error('state() is of another size');
    expectDeclared('before the first row');
    const batch = batchOf(inputs, rows(999, 31));
    for (let i = 0; i < 10; i++) {
      open.step(batch, () => {});
      expectDeclared(`after ${999 * (i + 1)} rows`);
    }
  },
};

const BATCH_ROWS = 100;
const BATCHES = 600;
/** Eight bytes a row would be 480 kB. */
const NOISE_BYTES = 240_000;
/** Buffers are freed in the background, so a single measurement may come too early. */
const ATTEMPTS = 4;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Bytes in use on and beside the heap, once garbage has been collected. */
function bytesInUse(): number {
  collectGarbage();
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const noGrowth: LawCheck = {
  law: 'bound',
  statement: 'keeps nothing of the rows that have passed',
  applies: hasLayout,
  check({ operator, rows }) {
    const batch = batchOf(operator.description.inputs, rows(BATCH_ROWS, 37));
    const open = operator.open();
    const passAll = () => {
      for (let i = 0; i < BATCHES; i++) open.step(batch, () => {});
    };
    passAll();
    const growths: number[] = [];
    while (growths.length < ATTEMPTS) {
      const before = bytesInUse();
      passAll();
      const growth = bytesInUse() - before;
      if (growth <= NOISE_BYTES) return;
      growths.push(growth);
    }
    throw new Error(`memory over ${BATCHES * BATCH_ROWS} rows: expected to stay, got ${growths} bytes more`);
  },
};

export const bound: readonly LawCheck[] = [declaredBytes, noGrowth];
