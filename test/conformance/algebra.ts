/**
 * Seed, inverse, merge: what runs and states do with one another.
 */
import fc from 'fast-check';
import { applyTo } from '../../src/apply.js';
import type { ColumnView } from '../../src/row-types.js';
import type { State } from '../../src/state.js';
import { expectClose, expectSameColumn, expectSameOutcome } from '../support/compare.js';
import { outputsOf, run } from '../support/outcome.js';
import { campaign, cuttings, seeds } from '../support/property.js';
import { batchOf, cutInto, rowsBetween } from '../support/rows.js';
import { type LawCheck, MANY_ROWS, type Subject } from './laws.js';

const sameTwice: LawCheck = {
  law: 'seed',
  statement: 'gives the same bytes twice from the same options and rows',
  check(subject) {
    const { inputs } = subject.operator.description;
    const batches = () => cutInto(inputs, subject.rows(MANY_ROWS, 43), [100]);
    expectSameOutcome(run(subject.again(), batches()), run(subject.operator, batches()), 'the second time');
  },
};

const undoes: LawCheck = {
  law: 'inverse',
  statement: 'is undone by its inverse, under cuttings that have nothing to do with each other',
  applies: ({ operator }) => operator.inverse !== undefined,
  check(subject) {
    const { operator } = subject;
    const { inputs, outputs } = operator.description;
    fc.assert(
      fc.property(seeds, cuttings, cuttings, (seed, there, back) => {
        const rows = subject.rows(MANY_ROWS, seed);
        const { batches } = applyTo(cutInto(inputs, rows, there), operator);
        const packed = outputsOf(operator, batches);
        const asEmitted = batches.map((batch) => batchOf(outputs, outputsOf(operator, [batch])));
        const inverse = operator.inverse!();
        for (const given of [asEmitted, cutInto(outputs, packed, back)]) {
          const undone = outputsOf(inverse, applyTo(given, inverse).batches);
          for (const role of Object.keys(inputs)) {
            expectSameColumn(whole(undone[role]!), whole(rows[role]!), `${role}, there and back`);
          }
        }
      }),
      campaign(),
    );
  },
};

/** Rows of bytes are one stream of bytes: where they were cut does not count. */
const whole = (view: ColumnView): ColumnView =>
  'offsets' in view && view.values instanceof Uint8Array
    ? view.values.subarray(view.offsets[0], view.offsets.at(-1))
    : view;

/** Compares the slots that a merge speaks of; what it leaves out (an open chunk, now folded in) starts anew. */
function expectSameSlots(got: State, expected: State, { definition, resolved }: Subject, what: string): void {
  const slotsOf = (state: State) => Object.fromEntries(state.slots.map((name) => [name, state.slot(name)]));
  const slots = slotsOf(expected);
  for (const name of Object.keys(definition.merge!(slots, slots, resolved))) {
    const values = got.slot(name) as Float64Array;
    expectClose(values, slots[name] as Float64Array, bothRounded(definition), `${what}, slot ${name}`);
  }
}

/** Two results that are each within the tolerance of the truth. */
const bothRounded = ({ tolerance }: Subject['definition']) => 2 * tolerance;

const merges: LawCheck = {
  law: 'merge',
  statement: 'merges states into that of the whole stream, in any grouping, with the start as identity',
  applies: ({ definition }) => definition.merge !== undefined,
  check(subject) {
    const { operator, definition } = subject;
    const { inputs } = operator.description;
    const border = fc.integer({ min: 0, max: MANY_ROWS });
    fc.assert(
      fc.property(seeds, border, border, (seed, one, other) => {
        const rows = subject.rows(MANY_ROWS, seed);
        const after = (from: number, to: number) =>
          applyTo(batchOf(inputs, rowsBetween(inputs, rows, from, to)), operator).finalState;
        const [first, second] = [Math.min(one, other), Math.max(one, other)];
        const parts = [after(0, first), after(first, second), after(second, MANY_ROWS)] as const;
        const whole = after(0, MANY_ROWS);
        const [a, b, c] = parts;
        const left = operator.merge(operator.merge(a, b), c);
        const right = operator.merge(a, operator.merge(b, c));
        expectSameSlots(left, whole, subject, 'merged from the left');
        expectSameSlots(right, whole, subject, 'merged from the right');
        expectSameSlots(operator.merge(operator.state(), whole), whole, subject, 'identity before');
        expectSameSlots(operator.merge(whole, operator.state()), whole, subject, 'identity behind');
        const tail = batchOf(inputs, rowsBetween(inputs, rows, second, MANY_ROWS));
        const goesOn = run(operator, [tail], { from: operator.merge(a, b).bytes });
        const uncut = run(operator, [tail], { from: after(0, second).bytes });
        for (const [role, values] of Object.entries(goesOn.outputs)) {
          const expected = uncut.outputs[role] as Float64Array;
          expectClose(values as Float64Array, expected, bothRounded(definition), `after the merge, ${role}`);
        }
      }),
      campaign(),
    );
  },
};

export const algebra: readonly LawCheck[] = [sameTwice, undoes, merges];
