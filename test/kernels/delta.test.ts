import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type DeltaResult,
  deltaRule,
  gatedDeltaRule,
  kimiDeltaAttention,
  rwkv7,
} from '../../operators/linear-attention/naive-delta.js';
import { deltaKernels, deltaScratch } from '../../src/kernels/delta.js';
import type { Backend, Kernel } from '../../src/kernels/kernel.js';
import { expectClose, expectSameBits } from '../support/compare.js';
import { guardedArrays } from '../support/guarded-arrays.js';
import { campaign, uniform } from '../support/property.js';

/** Each kernel's columns in their order, with the floats a row. */
const COLUMNS = {
  deltaRule: ['q', 'k', 'v', 'beta'],
  gatedDeltaRule: ['q', 'k', 'v', 'beta', 'g'],
  kimiDeltaAttention: ['q', 'k', 'v', 'beta', 'g'],
  rwkv7: ['r', 'k', 'v', 'g', 'a', 'b'],
} as const;
type Rule = keyof typeof COLUMNS;
const RULES = Object.keys(COLUMNS) as Rule[];
const GATED = RULES.filter((rule) => rule !== 'deltaRule');

interface Sizes {
  readonly H: number;
  readonly K: number;
  readonly V: number;
}
type Rows = Readonly<Record<string, Float32Array>>;

const SCALE = 0.3;
const MOST_ROWS = 100;
const SIZES: Sizes = { H: 2, K: 17, V: 13 };
const WIDTHS = [1, 3, 5, 8, 17, 64];
const EVERY_SIZE = WIDTHS.flatMap((K) => WIDTHS.flatMap((V) => [1, 3].map((H) => ({ H, K, V }))));

function widthOf(rule: Rule, column: string, { H, K, V }: Sizes): number {
  if (column === 'v') return H * V;
  if (column === 'beta' || (column === 'g' && rule === 'gatedDeltaRule')) return H;
  return H * K;
}

/** Seeded rows with gates of the given mean: keys of length 1; RWKV-7's a too, and b = -a / 2, as in the model. */
function rowsOf(rule: Rule, sizes: Sizes, T: number, { seed = 1, gate = -0.5, beta = 1 } = {}): Rows {
  const random = uniform(seed);
  const domains: Readonly<Record<string, () => number>> = {
    g: () => 2 * gate * random(),
    beta: () => beta * random(),
  };
  const rows = Object.fromEntries(
    COLUMNS[rule].map((column) => {
      const values = domains[column] ?? (() => 2 * random() - 1);
      return [column, Float32Array.from({ length: T * widthOf(rule, column, sizes) }, values)];
    }),
  );
  for (const column of ['k', 'a']) normalize(rows[column] ?? new Float32Array(), sizes.K);
  rows.b?.set(rows.a!.map((x) => -x / 2));
  return rows;
}

function normalize(vectors: Float32Array, width: number): void {
  for (let from = 0; from < vectors.length; from += width) {
    const vector = vectors.subarray(from, from + width);
    const length = Math.hypot(...vector);
    for (let i = 0; i < width; i++) vector[i]! /= length;
  }
}

interface Settings {
  readonly cuts?: readonly number[];
  readonly backend?: Backend;
  readonly C?: number;
  /** The array that ends where memory ends. */
  readonly last?: string;
}

/** Runs the rows in calls of the given lengths: all outputs, and the state after the last row. */
function run(rule: Rule, sizes: Sizes, rows: Rows, settings: Settings = {}) {
  const { cuts = [64], backend = 'wasm', C = 16, last = 'o' } = settings;
  const { H, K, V } = sizes;
  const T = rows.v!.length / (H * V);
  const inputs = COLUMNS[rule].map((column) => [column, MOST_ROWS * widthOf(rule, column, sizes)] as const);
  const lengths: Record<string, number> = {
    S: H * K * V,
    faded: H,
    ...Object.fromEntries(inputs),
    o: MOST_ROWS * H * V,
    scratch: deltaScratch(C, K),
  };
  const { kernels, arrays, untouched } = guardedArrays(deltaKernels, lengths, backend, last);
  const kernel: Kernel = kernels[rule];
  const {
    S,
    faded,
    o: block,
    scratch,
  } = arrays as Readonly<Record<'S' | 'faded' | 'o' | 'scratch', Float32Array>>;
  S.fill(0);
  faded.fill(1);
  const o = new Float32Array(T * H * V);
  for (let t = 0, call = 0; t < T; call++) {
    const count = Math.min(cuts[call % cuts.length]!, T - t);
    const columns = inputs.map(([column]) => {
      const width = widthOf(rule, column, sizes);
      arrays[column]!.set(rows[column]!.subarray(t * width, (t + count) * width));
      return arrays[column]!;
    });
    const own = rule === 'deltaRule' ? [block] : [block, scratch];
    kernel(
      S,
      ...(rule === 'deltaRule' ? [] : [faded]),
      ...columns,
      ...own,
      count,
      H,
      K,
      V,
      C,
      t % 256,
      SCALE,
    );
    o.set(block.subarray(0, count * H * V), t * H * V);
    t += count;
  }
  return { o, S: S.slice(), untouched: untouched() };
}

type Naive = (options: object, rows: Rows) => DeltaResult;
const NAIVES = { deltaRule, gatedDeltaRule, kimiDeltaAttention, rwkv7 } as unknown as Record<Rule, Naive>;

const naive = (rule: Rule, { H, K, V }: Sizes, rows: Rows) =>
  NAIVES[rule]({ heads: H, keyDim: K, valueDim: V, scale: SCALE }, rows);

type Outcome = Readonly<Record<'o' | 'S', Float32Array>>;

function expectSame(got: Outcome, expected: Outcome, what: string): void {
  expectSameBits(got.o, expected.o, `${what}, o`);
  expectSameBits(got.S, expected.S, `${what}, S`);
}

function expectNaive(rule: Rule, sizes: Sizes, rows: Rows, got: Outcome, tolerance = 1e-6): void {
  const expected = naive(rule, sizes, rows);
  const what = `${rule} ${JSON.stringify(sizes)}`;
  expectClose(got.o, expected.o, tolerance, `${what}, o`);
  expectClose(got.S, expected.S, tolerance, `${what}, S`);
}

describe.each(RULES)('%s', (rule) => {
  it('equals the float64 recurrence in output and state for every width, and stays inside its arrays', () => {
    for (const sizes of EVERY_SIZE) {
      const rows = rowsOf(rule, sizes, 100);
      const got = run(rule, sizes, rows);
      expectNaive(rule, sizes, rows, got);
      expect(got.untouched, JSON.stringify(sizes)).toBe(true);
    }
  });

  it('has a twin in TypeScript with the same bits in output and state for every width', () => {
    for (const sizes of EVERY_SIZE) {
      const rows = rowsOf(rule, sizes, 100, { seed: 7 });
      const twin = run(rule, sizes, rows, { cuts: [100], backend: 'typescript' });
      expectSame(twin, run(rule, sizes, rows, { cuts: [37] }), JSON.stringify(sizes));
      expect(twin.untouched).toBe(true);
    }
  });

  it('gives the same bits however the rows are cut, over flushes too, and for both chunk lengths', () => {
    const widths = fc.constantFrom(1, 3, 8, 17);
    const cuttings = fc.array(fc.constantFrom(1, 2, 3, 7, 15, 16, 17, 64, 100), { minLength: 1 });
    fc.assert(
      fc.property(widths, widths, fc.constantFrom(16, 32), cuttings, (K, V, C, cuts) => {
        const sizes = { H: 2, K, V };
        const rows = rowsOf(rule, sizes, 300, { seed: K + V });
        expectSame(run(rule, sizes, rows, { cuts, C }), run(rule, sizes, rows), `cut into ${cuts}`);
      }),
      campaign(4),
    );
  });

  it.each(['wasm', 'typescript'] as const)('does not let a NaN change an earlier row (%s)', (backend) => {
    const rows = rowsOf(rule, SIZES, 64);
    const clean = run(rule, SIZES, rows, { backend });
    for (const bad of [1, 15, 16, 18, 47]) {
      const dirty = Object.fromEntries(
        Object.entries(rows).map(([column, values]) => {
          const from = bad * widthOf(rule, column, SIZES);
          return [column, values.map((value, i) => (i < from ? value : Number.NaN))];
        }),
      );
      const earlier = bad * SIZES.H * SIZES.V;
      const got = run(rule, SIZES, dirty, { backend });
      expectSameBits(got.o.subarray(0, earlier), clean.o.subarray(0, earlier), `row ${bad}`);
    }
  });

  it('reads nothing behind its arrays: each in turn ends where memory ends', () => {
    const rows = rowsOf(rule, { H: 1, K: 7, V: 11 }, MOST_ROWS);
    const expected = run(rule, { H: 1, K: 7, V: 11 }, rows, { cuts: [MOST_ROWS] });
    for (const last of ['S', ...COLUMNS[rule], 'o', 'scratch']) {
      expectSame(run(rule, { H: 1, K: 7, V: 11 }, rows, { cuts: [MOST_ROWS], last }), expected, last);
    }
  });

  it('stays right over many rows', () => {
    const sizes = { H: 2, K: 9, V: 6 };
    const rows = rowsOf(rule, sizes, 3000, { gate: -0.01 });
    expectNaive(rule, sizes, rows, run(rule, sizes, rows));
  });
});

describe.each(GATED)('gates of %s', (rule) => {
  it.each([0, -0.1, -6, -30, -125, -1e4])('stay right at a mean of %d a row', (gate) => {
    const rows = rowsOf(rule, SIZES, 600, { gate });
    expectNaive(rule, SIZES, rows, run(rule, SIZES, rows));
  });

  it('count as 0 below 2^-50, so that a row then remembers itself alone', () => {
    const rows = rowsOf(rule, SIZES, 40);
    rows.g!.fill(-35);
    rows.b?.fill(0);
    const lastRow = Object.fromEntries(
      COLUMNS[rule].map((column) => [column, rows[column]!.slice(-widthOf(rule, column, SIZES))]),
    );
    expectClose(run(rule, SIZES, rows).S, naive(rule, SIZES, lastRow).S, 1e-7, 'the last row alone');
  });

  it('leave a memory at 0 once it has faded away', () => {
    const rows = rowsOf(rule, SIZES, 512);
    for (const column of ['k', 'b']) rows[column]?.fill(0, 10 * SIZES.H * SIZES.K);
    expect(run(rule, SIZES, rows).S).toEqual(new Float32Array(SIZES.H * SIZES.K * SIZES.V));
  });
});

describe('delta rules', () => {
  const delta = RULES.filter((rule) => rule !== 'rwkv7');

  it.each(delta)('take a write strength of up to 2, which turns a key around (%s)', (rule) => {
    const rows = rowsOf(rule, SIZES, 500, { beta: 2, gate: -0.01 });
    expectNaive(rule, SIZES, rows, run(rule, SIZES, rows), 2e-6);
    const reflecting = { ...rows, beta: rows.beta!.fill(2) };
    expectNaive(rule, SIZES, reflecting, run(rule, SIZES, reflecting), 2e-6);
  });

  it.each(delta)('take keys of any length, and grow where their feedback does (%s)', (rule) => {
    const rows = rowsOf(rule, SIZES, 200, { gate: -0.01 });
    const short = { ...rows, k: rows.k!.map((x) => 0.1 * x) };
    expectNaive(rule, SIZES, short, run(rule, SIZES, short));
    const long = { ...rows, k: rows.k!.map((x) => 100 * x) };
    expect(run(rule, SIZES, long).o.some((x) => !Number.isFinite(x))).toBe(true);
    const none = { ...rows, k: rows.k!.fill(0) };
    expect(run(rule, SIZES, none).o.every((x) => x === 0)).toBe(true);
  });

  it('with gates of 0 is the delta rule, bit for bit', () => {
    const rows = rowsOf('deltaRule', SIZES, 300);
    const expected = run('deltaRule', SIZES, rows);
    for (const rule of ['gatedDeltaRule', 'kimiDeltaAttention'] as const) {
      const g = new Float32Array(300 * widthOf(rule, 'g', SIZES));
      expectSame(run(rule, SIZES, { ...rows, g }), expected, rule);
    }
  });
});
