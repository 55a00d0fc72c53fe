import fc from 'fast-check';
import { describe, it } from 'vitest';
import { lightningAttention, linearAttention, mlstm, retention } from '../operators/index.js';
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
  /** The arrays of roles that the set calls otherwise. */
  readonly columns?: Readonly<Record<string, string>>;
  /** Slots that the set has values of (or that have one value throughout), before the first row and after the last. */
  readonly initial?: Readonly<Record<string, string | number>>;
  readonly final?: Readonly<Record<string, string>>;
}

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
  // Its states were made from m = 0, its outputs hold for any start, but for what eps changes.
  { set: 'mlstm_exp', operator: mlstm, options: () => widths, columns: { o: 'h_parallel' } },
  ...['mlstm_exp', 'mlstm_exp_tiny_gate'].map((set) => ({
    set,
    operator: mlstm,
    options: () => widths,
    columns: { o: 'h' },
    initial: { m: 0 },
    final: { S: 'C', n: 'n', m: 'm' },
  })),
  { set: 'mlstm_exp_tiny_gate', operator: mlstm, options: () => widths, columns: { o: 'h_parallel' } },
  {
    set: 'mlstm_exp_eps',
    operator: mlstm,
    options: (set) => ({ ...widths, eps: set.params.eps }),
    columns: { o: 'h' },
    initial: { m: 0 },
    final: { S: 'C', n: 'n', m: 'm' },
  },
  {
    set: 'mlstm_exp_eps',
    operator: mlstm,
    options: (set) => ({ ...widths, eps: set.params.eps }),
    columns: { o: 'h_parallel' },
  },
  {
    set: 'mlstm_sig',
    operator: mlstm,
    options: () => ({ ...widths, inputGate: 'sigmoid' }),
    columns: { o: 'h' },
  },
  {
    set: 'mlstm_sig_normalized',
    operator: mlstm,
    options: () => ({ ...widths, inputGate: 'sigmoid', normalize: true }),
    columns: { o: 'h' },
  },
];

const TOLERANCE = 2e-6;
const NAIVE_TOLERANCE = 1e-12;

type Arrays = Readonly<Record<string, Float64Array>>;
type Naive = (options: object, rows: Arrays, initial?: Arrays) => Arrays;

/** A stream of a set, its arrays by role and slot. */
function streamOf(
  { set: name, operator, options: optionsOf, columns = {}, initial = {}, final = {} }: GoldenCase,
  b: number,
) {
  const set = golden(name);
  const options = optionsOf(set);
  const op = (operator as unknown as OperatorMaker<object>)(options);
  const { inputs, outputs } = op.description;
  const start = op.state();
  const rowsOf = (types: object) =>
    Object.fromEntries(Object.keys(types).map((role) => [role, set.rows(columns[role] ?? role, b)]));
  const partsOf = (slots: Readonly<Record<string, string | number>>) =>
    Object.fromEntries(
      Object.entries(slots).map(([slot, given]) => [
        slot,
        typeof given === 'string'
          ? set.part(given, b)
          : new Float64Array(start.slot(slot).length).fill(given),
      ]),
    );
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
