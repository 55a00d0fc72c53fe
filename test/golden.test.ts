import fc from 'fast-check';
import { describe, it } from 'vitest';
import * as naives from '../operators/naive.js';
import { applyTo } from '../src/apply.js';
import type { OperatorMaker } from '../src/define-operator.js';
import { attentionCases } from './golden/attention-cases.js';
import { cases, type GoldenCase } from './golden/cases.js';
import { expectClose } from './support/compare.js';
import { type Golden, golden } from './support/golden.js';
import { outputsOf } from './support/outcome.js';
import { campaign, cuttings } from './support/property.js';
import { cutInto } from './support/rows.js';

const TOLERANCE = 2e-6;
const NAIVE_TOLERANCE = 1e-12;

type Arrays = Readonly<Record<string, Float64Array>>;
type Naive = (options: object, rows: Arrays, initial?: Arrays) => Arrays;

interface Widths {
  readonly keyDim: number;
  readonly valueDim: number;
}

/** [H, V, K] to [H, K, V]. */
const withKeysFirst = (S: Float64Array, { keyDim: K, valueDim: V }: Widths) =>
  S.map((_, i) => {
    const [h, k, v] = [Math.floor(i / (K * V)), Math.floor(i / V) % K, i % V];
    return S[(h * V + v) * K + k]!;
  });

/** A stream of a set, its arrays by role and slot. */
function streamOf(
  { set: name, operator, options: optionsOf, initial = {}, final = {}, arrays = {}, ...one }: GoldenCase,
  b: number,
) {
  const set = golden(name, one.layout);
  const options = optionsOf(set, b);
  const op = (operator as unknown as OperatorMaker<object>)(options);
  const { inputs, outputs } = op.description;
  const rows = one.rows ?? ((_: Golden, role: string) => set.rows(arrays[role] ?? role, b));
  const rowsOf = (types: object) =>
    Object.fromEntries(Object.keys(types).map((role) => [role, rows(set, role, b)]));
  const start = op.state();
  const part = (slot: string, given: string | number) => {
    if (typeof given === 'number') return new Float64Array(start.slot(slot).length).fill(given);
    return one.transposed ? withKeysFirst(set.part(given, b), options as Widths) : set.part(given, b);
  };
  const partsOf = (slots: Readonly<Record<string, string | number>>) =>
    Object.fromEntries(Object.entries(slots).map(([slot, given]) => [slot, part(slot, given)]));
  return {
    op,
    options,
    inputs: rowsOf(inputs),
    expected: rowsOf(
      one.outputs === undefined ? outputs : Object.fromEntries(one.outputs.map((role) => [role, role])),
    ),
    read: (output: Float64Array) => one.read?.(set, output) ?? output,
    initial: partsOf(initial),
    final: partsOf(final),
  };
}

function expectGolden(
  { op, inputs, expected, read, initial, final }: ReturnType<typeof streamOf>,
  lengths: readonly number[],
) {
  const types = Object.fromEntries(
    Object.entries(op.description.inputs).map(([role, type]) => [role, { ...type, dtype: 'f64' as const }]),
  );
  const state = { initialState: op.state(initial) };
  const { batches, finalState } = applyTo(cutInto(types, inputs, lengths), op, state);
  const got = outputsOf(op, batches);
  for (const [role, values] of Object.entries(expected)) {
    expectClose(read(Float64Array.from(got[role] as Float32Array)), values, TOLERANCE, role);
  }
  for (const [slot, values] of Object.entries(final)) {
    expectClose(finalState.slot(slot) as Float32Array, values, TOLERANCE, `slot ${slot}`);
  }
}

for (const one of [...cases, ...attentionCases]) {
  const { name } = one.operator.definition;
  for (let stream = 0; stream < golden(one.set, one.layout).streams; stream++) {
    const streamCase = streamOf(one, stream);
    describe(`${name} ${Object.keys(streamCase.options)} on ${one.set}, stream ${stream}`, () => {
      it('equals the public reference in outputs and final state', () => {
        expectGolden(streamCase, []);
      });

      it('equals it however the rows are cut', () => {
        fc.assert(
          fc.property(cuttings, (lengths) => expectGolden(streamCase, lengths)),
          campaign(0.5),
        );
      });

      it('has a float64 reference of its own that equals it to 1e-12', () => {
        const { options, inputs, expected, read, initial, final } = streamCase;
        const naive = (naives as unknown as Record<string, Naive>)[name]!;
        const got = naive(options, inputs, initial);
        for (const [role, values] of Object.entries(expected)) {
          expectClose(read(got[role]!), values, NAIVE_TOLERANCE, role);
        }
        for (const [slot, values] of Object.entries(final)) {
          expectClose(got[slot]!, values, NAIVE_TOLERANCE, `slot ${slot}`);
        }
      });
    });
  }
}
