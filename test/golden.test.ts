import fc from 'fast-check';
import { describe, it } from 'vitest';
import {
  gatedLinearAttention,
  lightningAttention,
  linearAttention,
  retention,
  rwkv6,
  simpleGla,
  stateSpaceDuality,
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
  /** The arrays of roles that the set calls otherwise. */
  readonly columns?: Readonly<Record<string, string>>;
  /** Slots that the set has values of, before the first row and after the last. */
  readonly initial?: Readonly<Record<string, string>>;
  readonly final?: Readonly<Record<string, string>>;
  /** The set keeps S as [H, V, K]. */
  readonly transposed?: true;
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
  { set: 'simple_gla', operator: simpleGla, options: () => widths, initial: { S: 'h0' }, final: { S: 'hT' } },
  {
    set: 'mamba2_ssd',
    operator: stateSpaceDuality,
    options: () => ({ heads: 3, keyDim: 4, valueDim: 6, scale: 1 }),
    columns: { q: 'C', k: 'B', v: 'X', g: 'A', o: 'Y' },
    initial: { S: 's0' },
    final: { S: 'final_state' },
    transposed: true,
  },
  {
    set: 'gla',
    operator: gatedLinearAttention,
    options: () => widths,
    columns: { g: 'gk' },
    initial: { S: 'h0' },
    final: { S: 'hT' },
  },
  {
    set: 'rwkv6',
    operator: rwkv6,
    options: (set) => ({ ...widths, bonus: set.whole('u') }),
    columns: { g: 'w' },
    initial: { S: 'h0' },
    final: { S: 'hT' },
  },
];

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
  { set: name, operator, options: optionsOf, columns = {}, initial = {}, final = {}, transposed }: GoldenCase,
  b: number,
) {
  const set = golden(name);
  const options = optionsOf(set);
  const op = (operator as unknown as OperatorMaker<object>)(options);
  const { inputs, outputs } = op.description;
  const rowsOf = (types: object) =>
    Object.fromEntries(Object.keys(types).map((role) => [role, set.rows(columns[role] ?? role, b)]));
  const partsOf = (slots: Readonly<Record<string, string>>) =>
    Object.fromEntries(
      Object.entries(slots).map(([slot, array]) => {
        const part = set.part(array, b);
        return [slot, transposed ? withKeysFirst(part, options as Widths) : part];
      }),
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
