import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/kernels/kernel.js';
import { mlstmGates, mlstmKernels, mlstmScratch } from '../../src/kernels/mlstm.js';
import { type ArrayType, f32, f64 } from '../../src/layout.js';
import { expectClose, expectSameBits } from '../support/compare.js';
import { guardedViews } from '../support/guarded-arrays.js';
import { uniform } from '../support/property.js';

const kinds = ['exp', 'sigmoid', 'normalized sigmoid'] as const;
type Kind = (typeof kinds)[number];

interface Case {
  readonly kind: Kind;
  readonly H: number;
  readonly K: number;
  readonly V: number;
  readonly C: number;
  /** Gates are drawn from center ± reach. */
  readonly i: readonly [center: number, reach: number];
  readonly f: readonly [center: number, reach: number];
}

const of = (some: Partial<Case>): Case => ({
  kind: 'exp',
  H: 2,
  K: 8,
  V: 8,
  C: 16,
  i: [0, 3],
  f: [2, 3],
  ...some,
});

const MOST_ROWS = 100;
const SCALE = 0.3;

const SLOTS = ['S', 'n', 'm', 'logDecay', 'keys', 'values', 'weights', 'carry'] as const;
const COLUMNS = ['q', 'k', 'v', 'i', 'f'] as const;
const NAMES = [...SLOTS, ...COLUMNS, 'o', 'scratch', 'gates'] as const;
type Name = (typeof NAMES)[number];
type Arrays<N extends Name> = Readonly<Record<N, Float32Array | Float64Array>>;

type Wide = (typeof WIDE)[number];
type Types = Readonly<Record<Wide, ArrayType<'f64'>>> &
  Readonly<Record<Exclude<Name, Wide>, ArrayType<'f32'>>>;
const WIDE = ['n', 'm', 'logDecay', 'weights', 'carry', 'i', 'f', 'gates'] as const;

function lengthsOf({ H, K, V, C }: Case, T: number): Record<Name, number> {
  const slots = { S: H * K * V, n: H * K, m: H, logDecay: H, keys: H * K * C, values: H * C * V };
  const chunk = { weights: H * C, carry: H, scratch: mlstmScratch(C), gates: mlstmGates(C) };
  return { ...slots, ...chunk, q: T * H * K, k: T * H * K, v: T * H * V, i: T * H, f: T * H, o: T * H * V };
}

function rowsOf(c: Case, T: number, seed = 1): Arrays<(typeof COLUMNS)[number]> {
  const random = uniform(seed);
  const lengths = lengthsOf(c, T);
  const drawn = (name: Name, [center, reach] = [0, 1] as readonly [number, number]) =>
    Float64Array.from({ length: lengths[name] }, () => center + reach * (2 * random() - 1));
  const narrow = (name: Name) => Float32Array.from(drawn(name));
  return { q: narrow('q'), k: narrow('k'), v: narrow('v'), i: drawn('i', c.i), f: drawn('f', c.f) };
}

/** The operator's memory before the first row; scratch and output are poisoned. */
function open(c: Case, backend: Backend, last: Name) {
  const lengths = Object.entries(lengthsOf(c, MOST_ROWS));
  const isWide = (name: string) => (WIDE as readonly string[]).includes(name);
  const types = Object.fromEntries(lengths.map(([name, n]) => [name, isWide(name) ? f64(n) : f32(n)]));
  const { kernels, arrays, untouched } = guardedViews(mlstmKernels, types as Types, backend, last);
  for (const name of SLOTS) arrays[name].fill(0);
  arrays.m.fill(-Infinity);
  arrays.carry.fill(1);
  return { kernels, memory: arrays, untouched };
}

interface RunSettings {
  readonly cuts?: readonly number[];
  readonly backend?: Backend;
  readonly last?: Name;
}

/** Runs the rows in calls of the given lengths, then settles: outputs, the state before, and S behind. */
function run(c: Case, rows: Arrays<(typeof COLUMNS)[number]>, settings: RunSettings = {}) {
  const { cuts = [MOST_ROWS], backend = 'wasm', last = 'o' } = settings;
  const { kernels, memory, untouched } = open(c, backend, last);
  const { S, n, m, logDecay, keys, values, weights, carry, q, k, v, i, f, o, scratch, gates } = memory;
  const { kind, H, K, V, C } = c;
  const T = rows.i.length / H;
  const out = new Float32Array(T * H * V);
  for (let t = 0, call = 0, count = 0; t < T; t += count, call++) {
    count = Math.min(cuts[call % cuts.length]!, T - t);
    for (const name of COLUMNS) {
      const width = rows[name].length / T;
      memory[name].set(rows[name].subarray(t * width, (t + count) * width));
    }
    const chunk = [logDecay, keys, values, weights, carry] as const;
    const call_ = [q, k, v, i, f, o, scratch, gates, count, H, K, V, C, t % 256, SCALE] as const;
    if (kind === 'exp') kernels.mlstm(S, n, m, ...chunk, ...call_, 0);
    else if (kind === 'sigmoid') kernels.sigmoidMlstm(S, ...chunk, ...call_);
    else kernels.normalizedSigmoidMlstm(S, n, ...chunk, ...call_, 0);
    out.set(o.subarray(0, count * H * V), t * H * V);
  }
  const state = SLOTS.map((name) => memory[name].slice());
  kernels.settleMlstm(S, keys, values, weights, carry, scratch, H, K, V, C, T % 256);
  return { o: out, state, S: S.slice(), n: n.slice(), untouched: untouched() };
}

const firstRows = ({ o }: { o: Float32Array }, { H, V }: Case, rows: number) => o.slice(0, rows * H * V);
const WIDTHS = [1, 3, 5, 8, 17];
const EVERY_SIZE = WIDTHS.flatMap((K) => WIDTHS.map((V) => ({ K, V, H: 1 + ((K + V) % 3) })));

describe.each(kinds)('mlstm with input gate %s', (kind) => {
  it('has a twin in TypeScript with the same bits, for every width, and touches nothing beside its arrays', () => {
    for (const sizes of EVERY_SIZE) {
      const c = of({ kind, ...sizes, C: sizes.K % 2 ? 16 : 32 });
      const rows = rowsOf(c, 100, sizes.K);
      const wasm = run(c, rows, { cuts: [37] });
      const twin = run(c, rows, { backend: 'typescript' });
      const label = JSON.stringify(sizes);
      expectSameBits(twin.o, wasm.o, label);
      expectSameBits(twin.S, wasm.S, label);
      for (const [slot, values] of wasm.state.entries()) expectSameBits(twin.state[slot]!, values, label);
      expect([wasm.untouched, twin.untouched], label).toEqual([true, true]);
    }
  });

  it('reads nothing behind its arrays: each in turn ends where memory ends', () => {
    const c = of({ kind, H: 1, K: 7, V: 11 });
    const rows = rowsOf(c, MOST_ROWS);
    const expected = run(c, rows);
    for (const last of NAMES) expectSameBits(run(c, rows, { last }).o, expected.o, last);
  });

  it.each(['wasm', 'typescript'] as const)('does not let a NaN change an earlier row (%s)', (backend) => {
    const c = of({ kind, K: 17, V: 13 });
    const rows = rowsOf(c, 64);
    const clean = run(c, rows, { backend });
    for (const bad of [1, 18, 30, 47]) {
      const from = (name: (typeof COLUMNS)[number]) =>
        rows[name].map((value, at) => (at < (bad * rows[name].length) / 64 ? value : Number.NaN));
      const dirty = { q: from('q'), k: from('k'), v: from('v'), i: from('i'), f: from('f') };
      const got = firstRows(run(c, dirty, { backend }), c, bad);
      expectSameBits(got, firstRows(clean, c, bad), `before row ${bad}`);
    }
  });

  it('gives the same bits however the rows are cut, with gates of every strength', () => {
    const cuts = fc.array(fc.constantFrom(1, 2, 3, 7, 15, 16, 17, 64, 100), { minLength: 1, maxLength: 12 });
    const center = fc.constantFrom(-30, -6, 0, 6, 30);
    fc.assert(
      fc.property(center, center, fc.constantFrom(1, 30), cuts, (i, f, reach, lengths) => {
        const c = of({ kind, i: [i, reach], f: [f, reach], K: 5, V: 6 });
        const rows = rowsOf(c, 300);
        const whole = run(c, rows);
        const cut = run(c, rows, { cuts: lengths });
        expectSameBits(cut.o, whole.o, 'o');
        for (const [slot, values] of whole.state.entries())
          expectSameBits(cut.state[slot]!, values, SLOTS[slot]!);
      }),
      { numRuns: 30 },
    );
  });

  it('lets no subnormal number stay in its memory when nothing is written any more', () => {
    const c = of({ kind, H: 1, i: [0, 1], f: [-1, 0.5] });
    const rows = rowsOf(c, 1024);
    rows.k.fill(0, 10 * c.K);
    const { S, n } = run(c, rows);
    if (kind !== 'exp') expect([...S, ...(kind === 'sigmoid' ? [] : n)].every((x) => x === 0)).toBe(true);
    for (const x of [...S, ...n]) expect(x === 0 || Math.abs(x) >= 2 ** -126).toBe(true);
  });
});

describe('mlstm with exponential input gates', () => {
  it.each([-1e30, -1000, -90, 90, 1000, 1e30])('stays finite at input gates around %s', (center) => {
    const c = of({ i: [center, 5], f: [0, 30] });
    expect(run(c, rowsOf(c, 300)).o.every(Number.isFinite)).toBe(true);
  });

  it('gives 0 for a query of zeros, though nothing but 0 is left to divide by', () => {
    const c = of({ i: [500, 0] });
    const rows = rowsOf(c, 40);
    rows.q.fill(0);
    expect(run(c, rows).o.every((x) => x === 0)).toBe(true);
  });

  it('forgets all that came before at once when a gate outweighs it', () => {
    const c = of({ H: 1, i: [0, 1] });
    const rows = rowsOf(c, 40);
    rows.i[25] = 1000;
    const alone = rowsOf(c, 1);
    for (const name of ['q', 'k', 'v'] as const) {
      alone[name].set(rows[name].subarray(25 * c.K, 26 * c.K));
    }
    alone.i[0] = 1000;
    expectClose(run(c, rows).o.subarray(25 * c.V, 26 * c.V), run(c, alone).o, 1e-6, 'row 25');
  });
});
