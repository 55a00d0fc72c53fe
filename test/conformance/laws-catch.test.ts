/**
 * The laws can fail: operators that are wrong in one way each, and the law that says so.
 */
import { describe, expect, it } from 'vitest';
import { linearAttention } from '../../operators/index.js';
import { type AnyDefinition, defineOperator, type Law } from '../../src/define-operator.js';
import { f64 } from '../../src/layout.js';
import * as naives from '../support/fixture-naive.js';
import { blockSums, differences, runningTotal } from '../support/fixture-operators.js';
import { allLaws } from './all-laws.js';
import { type LawCheck, type Naive, newSubject, type Subject, skipReason, subjects } from './laws.js';

/** An operator like another, but for `fault`. */
function faulty(like: { definition: AnyDefinition }, fault: object): Subject {
  const definition: AnyDefinition = { ...like.definition, ...fault };
  const naive = (naives as unknown as Record<string, Naive>)[definition.name];
  return newSubject(defineOperator(definition), definition.examples[0], naive);
}

const { step: totalStep } = runningTotal.definition;
const { step: sumsStep } = blockSums.definition;
const { kernels } = linearAttention.definition;

type Context = Parameters<typeof totalStep>[0];
interface Scratch {
  readonly scratch: { readonly hidden: Float64Array };
}
interface Kept {
  readonly state: { last: Float32Array };
  emit(columns: object, numRows: number): void;
}
interface Totals {
  readonly numRows: number;
  readonly x: Float64Array;
  readonly total: Float64Array;
}

/** `runningTotal`, with something that happens besides. */
const totalThat = (besides: (batch: Totals, sum: Float64Array) => void): Subject =>
  faulty(runningTotal, {
    step(context: Context & { state: { sum: Float64Array } }, batch: Totals) {
      totalStep(context, batch as never);
      besides(batch, context.state.sum);
    },
  });

function totalOfAllCells(): Subject {
  let hidden = 0;
  return totalThat(({ numRows, total }) => {
    for (let t = 0; t < numRows; t++) total[t] = hidden += total[t]!;
  });
}

/** Keeps what it has put out many times over, so that it shows whatever else goes on in the process. */
function hoarder(): Subject {
  const hoard: number[][] = [];
  return totalThat(({ total }) => {
    for (let copy = 0; copy < 16; copy++) hoard.push(Array.from(total));
  });
}

const faults: readonly [law: Law | 'backend', fault: string, statement: RegExp, subject: Subject][] = [
  [
    'oracle',
    'is off by a millionth',
    /equals its float64 reference/,
    totalThat(({ numRows, total }) => {
      for (let t = 0; t < numRows; t++) total[t]! *= 1 + 1e-6;
    }),
  ],
  [
    'oracle',
    'settles to another state than the reference',
    /equals its float64 reference/,
    faulty(runningTotal, {
      settle({ state }: { state: { sum: Float64Array } }) {
        state.sum[0]! += 1;
      },
    }),
  ],
  [
    'oracle',
    'starts anew whatever the state',
    /start from given slots/,
    totalThat((_, sum) => void sum.fill(0)),
  ],
  [
    'chunk',
    'sees where batches begin',
    /however the rows are cut/,
    totalThat(({ numRows, total }) => {
      if (numRows > 0) total[0]! += 1e-9;
    }),
  ],
  ['chunk', 'sums over all keys', /each key the bits/, totalOfAllCells()],
  ['resume', 'keeps its sum in a closure', /fresh operator/, totalOfAllCells()],
  [
    'resume',
    'keeps its sum in scratch',
    /is restored/,
    faulty(runningTotal, {
      scratch: () => ({ hidden: f64(1) }),
      step({ scratch: { hidden } }: Scratch, { numRows, x, total }: Totals) {
        for (let t = 0; t < numRows; t++) total[t] = hidden[0]! += x[t]!;
      },
    }),
  ],
  ['isolation', 'writes to its input', /input columns as they are/, totalThat(({ x }) => void x.fill(0))],
  [
    'isolation',
    'emits its state itself',
    /share no memory/,
    faulty(blockSums, {
      step(context: Parameters<typeof sumsStep>[0] & { state: { open: Float64Array } }, batch: never) {
        sumsStep({ ...context, emit: () => {} }, batch);
        context.emit({ sum: context.state.open }, 1);
      },
    }),
  ],
  [
    'isolation',
    'keeps a view of a batch',
    /no longer once the step is over/,
    faulty(blockSums, {
      layout: undefined,
      codec: () => ({
        empty: () => ({ last: new Float32Array(1) }),
        encode: ({ last }: { last: Float32Array }) => new Uint8Array(last.slice(0, 1).buffer),
        decode: (bytes: Uint8Array) => ({ last: new Float32Array(bytes.slice().buffer) }),
      }),
      step({ state }: Kept, { x }: { x: Float32Array }) {
        if (x.length > 0) state.last = x;
      },
      flush: ({ state, emit }: Kept) => emit({ sum: Float64Array.from(state.last.slice(0, 1)) }, 1),
    }),
  ],
  [
    'isolation',
    'saves its state by handing it out',
    /snapshots by copy/,
    faulty(runningTotal, {
      layout: undefined,
      codec: () => ({
        empty: () => ({ sum: new Float64Array(1), rows: new Int32Array(1) }),
        encode: ({ sum }: { sum: Float64Array }) => new Uint8Array(sum.buffer),
        decode: (bytes: Uint8Array) => ({
          sum: new Float64Array(bytes.slice().buffer),
          rows: new Int32Array(1),
        }),
      }),
    }),
  ],
  ['isolation', 'shares a sum between subscriptions', /RxJS subscription/, totalOfAllCells()],
  ['bound', 'keeps all it has put out', /keeps nothing/, hoarder()],
  [
    'poison',
    'adds to what the output holds',
    /poisoned/,
    faulty(runningTotal, {
      step(_: object, { numRows, x, total }: Totals) {
        for (let t = 0; t < numRows; t++) total[t]! += x[t]!;
      },
    }),
  ],
  [
    'poison',
    'reads scratch before it writes it',
    /poisoned/,
    faulty(runningTotal, {
      scratch: () => ({ hidden: f64(4) }),
      step({ scratch: { hidden } }: Scratch, { numRows, x, total }: Totals) {
        for (let t = 0; t < numRows; t++) total[t] = x[t]! + hidden[3]!;
      },
    }),
  ],
  [
    'edges',
    'divides by zero',
    /never makes a NaN/,
    totalThat(({ numRows, x, total }) => {
      for (let t = 0; t < numRows; t++) total[t] = x[t]! / x[t]!;
    }),
  ],
  [
    'edges',
    'takes any option',
    /refuses options/,
    faulty(runningTotal, {
      check: ({ dim }: { dim: number }) => ({ dim: Math.max(1, Math.floor(dim) || 1) }),
    }),
  ],
  ['edges', 'does not describe an option', /what it means/, faulty(runningTotal, { options: {} })],
  [
    'backend',
    'has a twin that does nothing',
    /in TypeScript/,
    faulty(linearAttention, {
      kernels: {
        ...kernels!,
        twins: { ...kernels!.twins, scalarDecay: () => undefined },
      },
    }),
  ],
  [
    'seed',
    'draws from Math.random',
    /the same bytes twice/,
    totalThat(({ total }) => {
      total[0]! += Math.random();
    }),
  ],
  [
    'inverse',
    'is undone by itself',
    /undone by its inverse/,
    faulty(differences, { inverse: () => differences({}) }),
  ],
  ['merge', 'forgets the second state', /merges states/, faulty(runningTotal, { merge: (a: object) => a })],
];

const lawThatSays = (law: string, statement: RegExp): LawCheck =>
  allLaws.find((one) => one.law === law && statement.test(one.statement))!;

describe('the law', () => {
  it.each(faults)('%s finds an operator that %s', async (law, _, statement, subject) => {
    const check = lawThatSays(law, statement);
    expect(check.applies?.(subject) ?? true).toBe(true);
    await expect((async () => check.check(subject))()).rejects.toThrow();
  });

  it('is skipped only where the definition gives the reason', () => {
    const unseeded = faulty(runningTotal, { skipLaws: { seed: 'it draws from the clock' } });
    const seed = lawThatSays('seed', /twice/);
    expect(skipReason(unseeded, seed)).toBe('it draws from the clock');
    expect(skipReason(unseeded, lawThatSays('poison', /poisoned/))).toBeUndefined();
  });
});

describe('the registry', () => {
  it('holds every example of every exported operator', () => {
    const examples = subjects.filter(({ definition }) => definition === linearAttention.definition);
    expect(examples.map(({ options }) => options)).toEqual(linearAttention.definition.examples);
    expect(new Set(subjects.map(({ label }) => label)).size).toBe(subjects.length);
  });
});
