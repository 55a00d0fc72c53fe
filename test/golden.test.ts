import fc from 'fast-check';
import { describe, it } from 'vitest';
import {
  deltaRule,
  gatedDeltaRule,
  kimiDeltaAttention,
  lightningAttention,
  linearAttention,
  retention,
  rwkv7,
} from '../operators/index.js';
import * as naives from '../operators/naive.js';
import { applyTo } from '../src/apply.js';
import type { OperatorMaker } from '../src/define-operator.js';
import { expectClose } from './support/compare.js';
import { type Golden, golden } from './support/golden.js';
import { outputsOf } from './support/outcome.js';
import { campaign, cuttings } from './support/property.js';
import { cutInto } from './support/rows.js';

/** Which operator, opened how, makes a set; arrays are named as their roles and slots unless said otherwise. */
interface GoldenCase {
  readonly set: string;
  readonly operator: { readonly definition: OperatorMaker<never>['definition'] };
  options(set: Golden): object;
  /** Slots that the set has values of, before the first row and after the last. */
  readonly initial?: Readonly<Record<string, string>>;
  readonly final?: Readonly<Record<string, string>>;
  /** Roles whose arrays have another name in the set. */
  readonly arrays?: Readonly<Record<string, string>>;
}

const states = { initial: { S: 'h0' }, final: { S: 'hT' } };
const widths = { heads: 3, keyDim: 8, valueDim: 12 };

const cases: readonly GoldenCase[] = [
  {
    set: 'linear_attn',
    operator: linearAttention,
    options: () => widths,
    initial: { S: 'h0' },
    final: { S: 'hT' },
  },
  {
    set: 'linear_attn_normalized_elu1',
    operator: linearAttention,
    // The set holds q and k behind the feature map.
    options: () => ({ ...widths, normalize: true, featureMap: 'identity' }),
    final: { S: 'hT', z: 'zT' },
  },
  { set: 'retention', operator: retention, options: () => widths },
  {
    set: 'lightning_attn_h4',
    operator: lightningAttention,
    options: () => ({ ...widths, heads: 4 }),
  },
  {
    set: 'lightning_attn_h4',
    operator: lightningAttention,
    options: (set) => ({ ...widths, heads: 4, slopes: set.whole('slopes') }),
  },
  {
    set: 'lightning_attn_nodecay',
    operator: lightningAttention,
    options: () => ({ ...widths, heads: 6, slopes: new Array<number>(6).fill(0) }),
  },
  { set: 'delta_rule', operator: deltaRule, options: () => widths, ...states },
  { set: 'gated_delta_rule', operator: gatedDeltaRule, options: () => widths, ...states },
  { set: 'kda', operator: kimiDeltaAttention, options: () => widths, ...states },
  {
    set: 'rwkv7_dplr',
    operator: rwkv7,
    options: () => ({ ...widths, scale: widths.keyDim ** -0.5 }),
    arrays: { g: 'w' },
    ...states,
  },
];

const TOLERANCE = 2e-6;
const NAIVE_TOLERANCE = 1e-12;

type Arrays = Readonly<Record<string, Float64Array>>;
type Naive = (options: object, rows: Arrays, initial?: Arrays) => Arrays;

/** A stream of a set, its arrays by role and slot. */
function streamOf(
  { set: name, operator, options: optionsOf, initial = {}, final = {}, arrays = {} }: GoldenCase,
  b: number,
) {
  const set = golden(name);
  const options = optionsOf(set);
  const op = (operator as unknown as OperatorMaker<object>)(options);
  const { inputs, outputs } = op.description;
  const rowsOf = (types: object) =>
    Object.fromEntries(Object.keys(types).map((role) => [role, set.rows(arrays[role] ?? role, b)]));
  const partsOf = (slots: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(slots).map(([slot, array]) => [slot, set.part(array, b)]));
  return {
    op,
    options,
    inputs: rowsOf(inputs),
    expected: rowsOf(outputs),
    initial: partsOf(initial),
    final: partsOf(final),
  };
}

function expectGolden(
  { op, inputs, expected, initial, final }: ReturnType<typeof streamOf>,
  lengths: readonly number[],
) {
  const types = Object.fromEntries(
    Object.entries(op.description.inputs).map(([role, type]) => [role, { ...type, dtype: 'f64' as const }]),
  );
  const state = { initialState: op.state(initial) };
  const { batches, finalState } = applyTo(cutInto(types, inputs, lengths), op, state);
  const got = outputsOf(op, batches);
  for (const [role, values] of Object.entries(expected)) {
    expectClose(got[role] as Float32Array, values, TOLERANCE, role);
  }
  for (const [slot, values] of Object.entries(final)) {
    expectClose(finalState.slot(slot) as Float32Array, values, TOLERANCE, `slot ${slot}`);
  }
}

for (const one of cases) {
  const { name } = one.operator.definition;
  for (let stream = 0; stream < golden(one.set).streams; stream++) {
    const streamCase = streamOf(one, stream);
    describe(`${name} ${JSON.stringify(streamCase.options)} on ${one.set}, stream ${stream}`, () => {
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
        const { options, inputs, expected, initial, final } = streamCase;
        const naive = (naives as unknown as Record<string, Naive>)[name]!;
        const got = naive(options, inputs, initial);
        for (const [array, values] of Object.entries({ ...expected, ...final })) {
          expectClose(got[array]!, values, NAIVE_TOLERANCE, array);
        }
      });
    });
  }
}
