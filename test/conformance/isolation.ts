/**
 * Isolation: nothing that goes in or comes out shares memory with the state, or with another subscription.
 */
import type { RecordBatch } from 'apache-arrow';
import { Subject as Stream } from 'rxjs';
import type { OpenOperator } from '../../src/operator.js';
import type { ColumnView } from '../../src/row-types.js';
import { expectSameColumn, expectSameOutcome } from '../support/compare.js';
import { type Outcome, outputsOf, run, viewOf } from '../support/outcome.js';
import { arraysOf, batchOf, copyOf, cutInto, rowsBetween } from '../support/rows.js';
import { type LawCheck, MANY_ROWS, type Subject } from './laws.js';

const LENGTHS = [40, 1, 70, 0, 100, 33];

/** The stream in several batches, and what comes of it when nobody interferes. */
function undisturbed({ operator, rows: rowsFor }: Subject) {
  const { inputs } = operator.description;
  const rows = rowsFor(MANY_ROWS, 23);
  const batches = () => cutInto(inputs, copyOf(inputs, rows), LENGTHS);
  return { rows, batches, expected: run(operator, batches()) };
}

const overwrite = (view: ColumnView) => {
  for (const array of arraysOf(view)) new Uint8Array(array.buffer).fill(0xff);
};

const inputsUnchanged: LawCheck = {
  law: 'isolation',
  statement: 'leaves its input columns as they are',
  check({ operator, rows: rowsFor }) {
    const { inputs } = operator.description;
    const rows = rowsFor(MANY_ROWS, 29);
    const before = copyOf(inputs, rows);
    run(operator, cutInto(inputs, rows, LENGTHS));
    for (const role of Object.keys(inputs)) expectSameColumn(rows[role]!, before[role]!, `input ${role}`);
  },
};

const outputsOwned: LawCheck = {
  law: 'isolation',
  statement: 'emits outputs that share no memory with state, inputs or each other',
  check(subject) {
    const { operator } = subject;
    const { batches, expected } = undisturbed(subject);
    const { outputs, columns } = operator.description;
    const clobber = (batch: RecordBatch) => {
      for (const [role, type] of Object.entries(outputs)) overwrite(viewOf(batch, columns[role]!, type));
    };
    expectSameOutcome(run(operator, batches(), { onBatch: clobber }), expected, 'outputs overwritten');

    const kept: RecordBatch[] = [];
    run(operator, batches(), { onBatch: (batch) => kept.push(batch) });
    for (const [role, values] of Object.entries(outputsOf(operator, kept))) {
      expectSameColumn(values, expected.outputs[role]!, `outputs kept to the end, ${role}`);
    }
  },
};

const inputsLetGo: LawCheck = {
  law: 'isolation',
  statement: 'needs a batch no longer once the step is over',
  check(subject) {
    const { operator } = subject;
    const { inputs } = operator.description;
    const { rows, expected } = undisturbed(subject);
    const open = operator.open();
    const emitted: RecordBatch[] = [];
    let from = 0;
    for (const length of [...LENGTHS, MANY_ROWS]) {
      const to = Math.min(from + length, MANY_ROWS);
      const part = copyOf(inputs, rowsBetween(inputs, rows, from, to));
      open.step(batchOf(inputs, part), (batch) => emitted.push(batch));
      for (const view of Object.values(part)) overwrite(view);
      from = to;
    }
    const snapshot = open.snapshot();
    open.flush((batch) => emitted.push(batch));
    expectSameOutcome({ outputs: outputsOf(operator, emitted), snapshot }, expected, 'inputs overwritten');
  },
};

const snapshotsOwned: LawCheck = {
  law: 'isolation',
  statement: 'takes and gives snapshots by copy',
  check(subject) {
    const { operator } = subject;
    const { batches, expected } = undisturbed(subject);
    const interferences: Readonly<Record<string, (open: OpenOperator) => void>> = {
      'a snapshot taken and overwritten': (open) => open.snapshot().fill(0xff),
      'a snapshot restored and overwritten': (open) => {
        const given = open.snapshot().slice();
        open.restore(given);
        given.fill(0xff);
      },
    };
    for (const [what, interfere] of Object.entries(interferences)) {
      const open = operator.open();
      const emitted: RecordBatch[] = [];
      for (const batch of batches()) {
        interfere(open);
        open.step(batch, (one) => emitted.push(one));
      }
      const snapshot = open.snapshot();
      open.flush((one) => emitted.push(one));
      expectSameOutcome({ outputs: outputsOf(operator, emitted), snapshot }, expected, what);
    }
  },
};

const subscriptionsApart: LawCheck = {
  law: 'isolation',
  statement: 'gives each RxJS subscription a state of its own',
  check(subject) {
    const { operator } = subject;
    const { batches, expected } = undisturbed(subject);
    const source = new Stream<RecordBatch>();
    const piped = source.pipe(operator);
    const emitted: RecordBatch[][] = [[], []];
    piped.subscribe((batch) => emitted[0]!.push(batch));
    const [first, ...rest] = batches() as [RecordBatch];
    source.next(first);
    piped.subscribe((batch) => emitted[1]!.push(batch));
    for (const batch of rest) source.next(batch);
    source.complete();
    const late: Outcome = run(operator, rest);
    for (const [role, values] of Object.entries(outputsOf(operator, emitted[0]!))) {
      expectSameColumn(values, expected.outputs[role]!, `first subscription, ${role}`);
    }
    for (const [role, values] of Object.entries(outputsOf(operator, emitted[1]!))) {
      expectSameColumn(values, late.outputs[role]!, `late subscription, ${role}`);
    }
  },
};

export const isolation: readonly LawCheck[] = [
  inputsUnchanged,
  outputsOwned,
  inputsLetGo,
  snapshotsOwned,
  subscriptionsApart,
];
