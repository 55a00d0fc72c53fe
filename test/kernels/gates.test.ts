import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/kernels/kernel.js';
import { expectClose, expectSameBits } from '../support/compare.js';
import {
  type ArrayName,
  arrayLengths,
  type GateKernel,
  type GateRows,
  gateRows,
  gateWidth,
  MOST_ROWS,
  naiveGates,
  runGates,
  type Sizes,
} from '../support/gate-kernels.js';

const KERNELS: readonly GateKernel[] = ['scalarGate', 'diagonalGate', 'bonusDiagonalGate'];
const BACKENDS: readonly Backend[] = ['wasm', 'typescript'];
const WIDTHS = [1, 3, 5, 8, 17, 64];
const EVERY_SIZE = WIDTHS.flatMap((K) => WIDTHS.flatMap((V) => [1, 3].map((H) => ({ H, K, V, C: 16 }))));

/** Log decays from numbers in [0, 1). */
const GATES: Readonly<Record<string, (u: number) => number>> = {
  'none at all': () => 0,
  weak: (u) => -0.01 * u,
  usual: (u) => -2 * u,
  'of -200 a chunk': (u) => -25 * u,
  'of -30 a row': (u) => -60 * u,
  'without end': () => -3e38,
  'of every strength': (u) => -Math.exp(30 * u - 20),
  'now and then': (u) => (u < 0.9 ? 0 : -500 * u),
};

function expectSameRun(got: ReturnType<typeof runGates>, expected: typeof got, what: string): void {
  expectSameBits(got.o, expected.o, `${what}, o`);
  expectSameBits(got.S, expected.S, `${what}, S`);
  expectSameBits(got.decay, expected.decay, `${what}, decay`);
  for (const [name, values] of Object.entries(expected.slots)) {
    expectSameBits(got.slots[name]!, values, `${what}, ${name}`);
  }
}

const isSubnormal = (x: number) => x !== 0 && Math.abs(x) < 2 ** -126;

describe.each(KERNELS)('%s', (kernel) => {
  it('equals the float64 recurrence in output and settled state for every width', () => {
    for (const sizes of EVERY_SIZE) {
      const rows = gateRows(kernel, sizes, 100, GATES.usual!);
      const got = runGates(kernel, sizes, rows, [64]);
      const expected = naiveGates(kernel, sizes, rows);
      const label = JSON.stringify(sizes);
      expectClose(got.o, expected.o, 1e-6, label);
      expectClose(got.S, expected.S, 1e-6, `${label}, S`);
      expect(got.untouched, label).toBe(true);
    }
  });

  it.each(Object.keys(GATES))(
    'is as exact, and its bits independent of cutting, with gates %s',
    (strength) => {
      for (const C of [16, 32]) {
        const sizes = { H: 2, K: 12, V: 9, C };
        const rows = gateRows(kernel, sizes, 700, GATES[strength]!);
        const got = runGates(kernel, sizes, rows, [MOST_ROWS]);
        const expected = naiveGates(kernel, sizes, rows);
        expectClose(got.o, expected.o, 1e-6, 'o');
        expectClose(got.S, expected.S, 1e-6, 'S');
        expectSameRun(runGates(kernel, sizes, rows, [1, 2, 3, 5, 7, 17, 31]), got, 'cut');
      }
    },
  );

  it('gives the same bits however the rows are cut, in WASM and in TypeScript', () => {
    const widths = fc.constantFrom(1, 3, 8, 17);
    const calls = fc.array(fc.constantFrom(1, 2, 3, 4, 5, 7, 15, 16, 17, 64, 100), { minLength: 1 });
    const chunks = fc.constantFrom(16, 32);
    fc.assert(
      fc.property(
        widths,
        widths,
        chunks,
        fc.constantFrom(...Object.keys(GATES)),
        calls,
        (K, V, C, gates, cut) => {
          const sizes = { H: 2, K, V, C };
          const rows = gateRows(kernel, sizes, 300, GATES[gates]!, K + V);
          const whole = runGates(kernel, sizes, rows, [MOST_ROWS]);
          expectSameRun(runGates(kernel, sizes, rows, cut), whole, 'cut');
          expectSameRun(runGates(kernel, sizes, rows, cut, { backend: 'typescript' }), whole, 'twin, cut');
        },
      ),
      { numRuns: 30 },
    );
  });

  it('has a twin in TypeScript with the same bits for every width', () => {
    for (const sizes of EVERY_SIZE) {
      const rows = gateRows(kernel, sizes, 70, GATES['of every strength']!, 7);
      const twin = runGates(kernel, sizes, rows, [70], { backend: 'typescript' });
      expectSameRun(twin, runGates(kernel, sizes, rows, [37]), JSON.stringify(sizes));
      expect(twin.untouched).toBe(true);
    }
  });

  it.each(BACKENDS)('does not let a NaN change an earlier row (%s)', (backend) => {
    const sizes = { H: 2, K: 17, V: 13, C: 16 };
    const rows = gateRows(kernel, sizes, 64, GATES.usual!);
    const clean = runGates(kernel, sizes, rows, [64], { backend });
    for (const bad of [1, 2, 3, 18, 21, 30, 47]) {
      const spoil = (x: Float32Array) => x.slice().fill(Number.NaN, (bad * x.length) / 64);
      const dirty = { q: spoil(rows.q), k: spoil(rows.k), v: spoil(rows.v), g: spoil(rows.g) };
      const got = runGates(kernel, sizes, dirty, [64], { backend });
      const earlier = bad * sizes.H * sizes.V;
      expectSameBits(got.o.slice(0, earlier), clean.o.slice(0, earlier), `before row ${bad}`);
    }
  });

  it('reads nothing behind its arrays: each in turn ends where memory ends', () => {
    const sizes = { H: 1, K: 7, V: 11, C: 16 };
    const rows = gateRows(kernel, sizes, MOST_ROWS, GATES.usual!);
    const expected = runGates(kernel, sizes, rows, [MOST_ROWS]);
    for (const last of Object.keys(arrayLengths(kernel, sizes)) as ArrayName[]) {
      expectSameRun(runGates(kernel, sizes, rows, [MOST_ROWS], { last }), expected, last);
    }
  });

  it('keeps the product of all its decays', () => {
    const sizes = { H: 3, K: 5, V: 2, C: 16 };
    const rows = gateRows(kernel, sizes, 90, (u) => -0.2 * u);
    const sums = new Float64Array(sizes.H * gateWidth(kernel, sizes.K));
    rows.g.forEach((g, i) => {
      sums[i % sums.length]! += g;
    });
    expectClose(runGates(kernel, sizes, rows, [40]).decay, sums.map(Math.exp), 1e-6, 'decay');
  });

  it('leaves no subnormal numbers behind, and of rows that have faded away nothing', () => {
    const sizes = { H: 2, K: 8, V: 6, C: 16 };
    for (const gate of [-1, -3, -6, -30, -86]) {
      const rows = gateRows(kernel, sizes, 512, () => gate);
      rows.k.fill(0, 20 * sizes.H * sizes.K);
      const early = runGates(kernel, sizes, first(23, rows), [10]);
      for (const [name, values] of Object.entries(early.slots)) {
        if (name !== 'S') expect(values.filter(isSubnormal), `${name} at ${gate}`).toHaveLength(0);
      }
      const late = runGates(kernel, sizes, rows, [100]);
      expect(late.S).toEqual(new Float32Array(late.S.length));
      expect(late.decay).toEqual(new Float32Array(late.decay.length));
    }
  });

  it('leaves S as it is when it settles an empty chunk', () => {
    const sizes = { H: 2, K: 8, V: 8, C: 16 };
    const { S, slots } = runGates(kernel, sizes, gateRows(kernel, sizes, 96, GATES.usual!), [96]);
    expectSameBits(S, slots.S!, 'S');
  });
});

/** The first of 512 rows. */
function first(count: number, { q, k, v, g }: GateRows): GateRows {
  const part = (x: Float32Array) => x.subarray(0, (count * x.length) / 512);
  return { q: part(q), k: part(k), v: part(v), g: part(g) };
}

describe('gates', () => {
  it('that are one for each key and all equal are one for the head, within rounding', () => {
    const sizes: Sizes = { H: 2, K: 6, V: 5, C: 16 };
    const rows = gateRows('scalarGate', sizes, 200, GATES['of every strength']!);
    const g = Float32Array.from({ length: rows.q.length }, (_, i) => rows.g[Math.floor(i / sizes.K)]!);
    const scalar = runGates('scalarGate', sizes, rows, [64]);
    const diagonal = runGates('diagonalGate', sizes, { ...rows, g }, [64]);
    expectClose(diagonal.o, scalar.o, 1e-6, 'o');
    expectClose(diagonal.S, scalar.S, 1e-6, 'S');
  });
});
