import fc from 'fast-check';
import { describe, it } from 'vitest';
import {
  h3,
  hgrn,
  lightningAttention,
  linearAttention,
  retention,
  selectiveScan,
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
  /** The axes of its rows, where the manifest names them in other words. */
  readonly layout?: string;
  /** Roles whose arrays are named otherwise. */
  readonly arrays?: Readonly<Record<string, string>>;
  /** A role's rows, where the set only has what they are made from. */
  rows?(set: Golden, role: string, stream: number): Float64Array;
  /** What the set has of an output, where that is not the output itself. */
  read?(set: Golden, output: Float64Array): Float64Array;
  /** Slots that the set has values of, before the first row and after the last. */
  readonly initial?: Readonly<Record<string, string>>;
  readonly final?: Readonly<Record<string, string>>;
}

const widths = { heads: 3, keyDim: 8, valueDim: 12 };
const channels = { dim: 6, stateDim: 4 };

/** Each row of x times W^T, plus b. */
function projected(x: Float64Array, W: Float64Array, b: Float64Array): Float64Array {
  const width = W.length / b.length;
  return Float64Array.from({ length: (x.length / width) * b.length }, (_, at) => {
    const [row, out] = [Math.floor(at / b.length), at % b.length];
    let sum = b[out]!;
    for (let i = 0; i < width; i++) sum += W[out * width + i]! * x[row * width + i]!;
    return sum;
  });
}

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
  { set: 'hgrn', operator: hgrn, options: () => ({ dim: 16 }), initial: { h: 'h0' }, final: { h: 'hT' } },
  {
    set: 'mamba_selective_scan',
    operator: selectiveScan,
    layout: 'B,D,T',
    arrays: { dt: 'delta', y: 'out' },
    options: (set) => ({
      ...channels,
      A: set.whole('A'),
      D: set.whole('D'),
      dtBias: set.whole('delta_bias'),
      softplus: true,
    }),
    final: { x: 'last_state' },
  },
  {
    set: 'mamba_selective_scan_plain',
    operator: selectiveScan,
    layout: 'B,D,T',
    arrays: { dt: 'delta', y: 'out' },
    options: (set) => ({ ...channels, A: set.whole('A'), gate: false }),
    final: { x: 'last_state' },
  },
  {
    set: 'mamba_selective_scan_complex',
    operator: selectiveScan,
    layout: 'B,D,T',
    arrays: { dt: 'delta', y: 'out' },
    options: (set) => ({
      ...channels,
      A: set.whole('A'),
      B: set.whole('B'),
      C: set.whole('C'),
      D: set.whole('D'),
      gate: false,
      complex: true,
    }),
    final: { x: 'last_state' },
  },
  {
    set: 'h3_head1',
    operator: h3,
    layout: 'B,T,D',
    options: (set) => ({
      dim: 6,
      stateDim: 8,
      shift: { C: set.whole('shift_C'), D: set.whole('shift_D') },
      diagonal: {
        dt: set.whole('diag_dt'),
        A: set.whole('diag_A'),
        B: set.whole('diag_B'),
        C: set.whole('diag_C'),
        D: set.whole('diag_D'),
      },
    }),
    rows: (set, role, stream) =>
      role === 'y'
        ? set.rows('y', stream)
        : projected(set.rows('u', stream), set.whole(`W${role}`), set.whole(`b${role}`)),
    read: (set, y) => projected(y, set.whole('Wo'), set.whole('bo')),
  },
];

const TOLERANCE = 2e-6;
const NAIVE_TOLERANCE = 1e-12;

type Arrays = Readonly<Record<string, Float64Array>>;
type Naive = (options: object, rows: Arrays, initial?: Arrays) => Arrays;

/** A stream of a set, its arrays by role and slot. */
function streamOf(
  { set: name, operator, options: optionsOf, initial = {}, final = {}, arrays = {}, ...one }: GoldenCase,
  b: number,
) {
  const set = golden(name, one.layout);
  const options = optionsOf(set);
  const op = (operator as unknown as OperatorMaker<object>)(options);
  const { inputs, outputs } = op.description;
  const rows = one.rows ?? ((_: Golden, role: string) => set.rows(arrays[role] ?? role, b));
  const rowsOf = (types: object) =>
    Object.fromEntries(Object.keys(types).map((role) => [role, rows(set, role, b)]));
  const partsOf = (slots: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(slots).map(([slot, array]) => [slot, set.part(array, b)]));
  return {
    op,
    options,
    inputs: rowsOf(inputs),
    expected: rowsOf(outputs),
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

for (const one of cases) {
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
