/**
 * Oracle: outputs and settled slots equal the float64 reference within the operator's tolerance.
 */
import fc from 'fast-check';
import { stateFromSnapshot } from '../../src/define-operator.js';
import { type AnyArray, type ArrayType, f32, f64 } from '../../src/layout.js';
import type { State } from '../../src/state.js';
import { expectClose, expectSameOutcome } from '../support/compare.js';
import { type Outcome, run } from '../support/outcome.js';
import { campaign, seeds } from '../support/property.js';
import { batchOf, mapRows, mapTypes } from '../support/rows.js';
import type { LawCheck, Naive, Subject } from './laws.js';

function reference({ naive, label }: Subject): Naive {
  if (naive === undefined) throw new Error(`${label}: operators/naive.ts exports no function of its name`);
  return naive;
}

function expectReference(subject: Subject, got: Outcome, expected: ReturnType<Naive>, what: string): void {
  const { operator, definition } = subject;
  for (const role of Object.keys(operator.description.outputs)) {
    expectClose(got.outputs[role] as AnyArray, expected[role]!, definition.tolerance, `${what}, ${role}`);
  }
  const state = stateFromSnapshot(operator, got.snapshot);
  for (const name of slotsOf(state, expected)) {
    expectClose(
      state.slot(name) as Float64Array,
      expected[name]!,
      definition.tolerance,
      `${what}, slot ${name}`,
    );
  }
}

/** The slots that the reference knows too. */
const slotsOf = (state: State, expected: ReturnType<Naive>) =>
  state.slots.filter((name) => expected[name] !== undefined);

const equalsReference: LawCheck = {
  law: 'oracle',
  statement: 'equals its float64 reference in outputs and settled slots',
  check(subject) {
    const naive = reference(subject);
    const { operator, options } = subject;
    const { inputs } = operator.description;
    fc.assert(
      fc.property(seeds, fc.constantFrom(0, 1, 15, 64, 100, 257, 700), (seed, numRows) => {
        const rows = subject.rows(numRows, seed);
        const got = run(operator, [batchOf(inputs, rows)]);
        expectReference(subject, got, naive(options, rows), `${numRows} rows`);
      }),
      campaign(),
    );
  },
};

const startsFromSlots: LawCheck = {
  law: 'oracle',
  statement: 'equals its reference when both start from given slots',
  applies: ({ definition, naive }) => definition.layout !== undefined && (naive?.length ?? 0) > 0,
  check(subject) {
    const naive = reference(subject);
    const { operator, options } = subject;
    const { inputs } = operator.description;
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 90 }), (seed, numRows) => {
        const reached = naive(options, subject.rows(40, seed + 1));
        const names = slotsOf(operator.state(), reached);
        if (names.length === 0) return;
        const state = operator.state(Object.fromEntries(names.map((name) => [name, reached[name]!])));
        const initial = Object.fromEntries(names.map((name) => [name, state.slot(name) as Float32Array]));
        const rows = subject.rows(numRows, seed);
        const got = run(operator, [batchOf(inputs, rows)], { from: state.bytes });
        expectReference(subject, got, naive(options, rows, initial), 'from given slots');
      }),
      campaign(),
    );
  },
};

const takesBothFloats: LawCheck = {
  law: 'oracle',
  statement: 'gives the same bits for Float32 and Float64 columns of the same values',
  check({ operator, rows: rowsFor }) {
    const { inputs } = operator.description;
    const rows = mapRows(inputs, rowsFor(100, 3), (values) =>
      values instanceof Float64Array ? values.map(Math.fround) : values,
    );
    const asFloats = (type: typeof f32 | typeof f64, array: typeof Float32Array | typeof Float64Array) => {
      const isFloat = (dtype: string) => dtype === 'f32' || dtype === 'f64';
      const asType = (one: ArrayType) => (isFloat(one.dtype) ? type(...one.shape) : one);
      const types = mapTypes(inputs, asType);
      const values = mapRows(inputs, rows, (x, { dtype }) =>
        isFloat(dtype) ? array.from(x as Float64Array) : x,
      );
      return run(operator, [batchOf(types, values)]);
    };
    expectSameOutcome(asFloats(f64, Float64Array), asFloats(f32, Float32Array), 'Float64 columns');
  },
};

export const oracle: readonly LawCheck[] = [equalsReference, startsFromSlots, takesBothFloats];
