import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Backend, openArena } from '../../src/kernels/kernel.js';
import { paddedPoints, similarityKernels } from '../../src/kernels/similarity.js';
import { bytesPerElement, f32, f64, i32, layoutOf, type Views, viewsOf } from '../../src/layout.js';
import { expectSameBits } from '../support/compare.js';
import { uniform } from '../support/property.js';

const ROWS = 38;
const COUNT = 10;

interface Sizes {
  readonly points: number;
  readonly D: number;
  readonly gamma: number;
}

const typesOf = ({ points, D }: Sizes) => {
  const P = paddedPoints(points);
  return {
    ground: f32(D, P),
    best: f32(P),
    features: f32(ROWS, D),
    slots: i32(COUNT),
    rows: f32(COUNT, P),
    gains: f64(COUNT),
    L: f64(P, P),
    z: f64(P),
  };
};
type Memory = Views<ReturnType<typeof typesOf>>;

/** Seeded arrays at the very end of memory: a read behind the last one traps. */
function open(sizes: Sizes, backend: Backend, last: keyof Memory = 'z') {
  const types = typesOf(sizes);
  const { [last]: final, ...others } = types;
  const layout = layoutOf({ ...others, [last]: final });
  const { kernels, buffer } = openArena(similarityKernels, layout.byteLength + 65536, backend);
  const offsets = layout.offsets as Readonly<Record<string, number>>;
  const end = offsets[last]! + final.length * bytesPerElement(final.dtype);
  const base = buffer.byteLength - end;
  const memory = viewsOf(layout, buffer, base) as unknown as Memory;
  const random = uniform(7);
  const { points, D } = sizes;
  const P = paddedPoints(points);
  for (let d = 0; d < D; d++) for (let p = 0; p < points; p++) memory.ground[d * P + p] = 2 * random() - 1;
  for (let i = 0; i < memory.features.length; i++) memory.features[i] = 2 * random() - 1;
  for (let p = 0; p < P; p++) memory.best[p] = p < points ? random() - 0.5 : Number.POSITIVE_INFINITY;
  for (let c = 0; c < COUNT; c++) memory.slots[c] = Math.floor(ROWS * random());
  return { kernels, memory, P };
}

/** The similarity of a row to a point, in float64. */
function similarity({ D, gamma }: Sizes, { ground, features }: Memory, P: number, row: number, p: number) {
  let product = 0;
  let square = 0;
  for (let d = 0; d < D; d++) {
    const [x, y] = [features[row * D + d]!, ground[d * P + p]!];
    product += x * y;
    square += (x - y) ** 2;
  }
  return gamma > 0 ? Math.exp(-gamma * square) : product;
}

const everySize = [1, 3, 16, 17, 200].flatMap((points) =>
  [1, 5, 16, 33].flatMap((D) => [0, 0.4].map((gamma) => ({ points, D, gamma }))),
);

describe('similarities', () => {
  it('are right for every number of points and features, as products and by distance', () => {
    for (const sizes of everySize) {
      const { kernels, memory, P } = open(sizes, 'wasm');
      const { ground, features, slots, rows } = memory;
      kernels.similarities(ground, features, slots, rows, COUNT, P, sizes.D, sizes.gamma);
      for (let c = 0; c < COUNT; c++) {
        for (let p = 0; p < sizes.points; p++) {
          const expected = similarity(sizes, memory, P, slots[c]!, p);
          expect(Math.abs(rows[c * P + p]! - expected), JSON.stringify(sizes)).toBeLessThan(4e-6);
        }
      }
    }
  });

  it('read nothing behind their arrays: each in turn ends where memory ends', () => {
    for (const last of ['ground', 'features', 'slots', 'rows', 'best', 'gains'] as const) {
      const sizes = { points: 30, D: 5, gamma: 0 };
      const { kernels, memory, P } = open(sizes, 'wasm', last);
      const { ground, best, features, slots, rows, gains } = memory;
      const run = () => {
        kernels.similarities(ground, features, slots, rows, COUNT, P, sizes.D, 0);
        kernels.facilityGains(ground, best, features, slots, gains, rows, COUNT, P, sizes.D, 0);
      };
      expect(run, last).not.toThrow();
    }
  });
});

describe('facility gains', () => {
  it('are what the points gain, without the padding', () => {
    for (const sizes of everySize) {
      const { kernels, memory, P } = open(sizes, 'wasm');
      const { ground, best, features, slots, rows, gains } = memory;
      kernels.facilityGains(ground, best, features, slots, gains, rows, COUNT, P, sizes.D, sizes.gamma);
      for (let c = 0; c < COUNT; c++) {
        let expected = 0;
        for (let p = 0; p < sizes.points; p++)
          expected += Math.max(0, similarity(sizes, memory, P, slots[c]!, p) - best[p]!);
        expect(Math.abs(gains[c]! - expected), JSON.stringify(sizes)).toBeLessThan(1e-6 * (1 + sizes.points));
      }
    }
  });

  it('never grow when points are represented better, to the last bit', () => {
    const better = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(better, (shares) => {
        const sizes = { points: 16, D: 5, gamma: 0.4 };
        const { kernels, memory, P } = open(sizes, 'wasm');
        const { ground, best, features, slots, rows, gains } = memory;
        const evaluate = () => {
          kernels.facilityGains(ground, best, features, slots, gains, rows, COUNT, P, sizes.D, sizes.gamma);
          return gains.slice();
        };
        const before = evaluate();
        for (let p = 0; p < 16; p++) best[p] = best[p]! + shares[p]!;
        const after = evaluate();
        expect(after.every((gain, c) => gain <= before[c]!)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});

/** The columns of the Cholesky factor of the points' similarities plus noise, in float64. */
function factorOf(sizes: Sizes, memory: Memory, P: number, n: number, noise: number): void {
  const { ground, L } = memory;
  const { D, gamma } = sizes;
  const between = (a: number, b: number) => {
    let product = 0;
    let square = 0;
    for (let d = 0; d < D; d++) {
      product += ground[d * P + a]! * ground[d * P + b]!;
      square += (ground[d * P + a]! - ground[d * P + b]!) ** 2;
    }
    return gamma > 0 ? Math.exp(-gamma * square) : product;
  };
  for (let j = 0; j < n; j++) {
    for (let i = j; i < n; i++) {
      let left = between(i, j) + (i === j ? noise : 0);
      for (let s = 0; s < j; s++) left -= L[s * P + i]! * L[s * P + j]!;
      L[j * P + i] = i === j ? Math.sqrt(left) : left / L[j * P + j]!;
    }
  }
}

describe('Schur complements', () => {
  const noise = 0.3;
  const evaluate = (sizes: Sizes, n: number, backend: Backend) => {
    const { kernels, memory, P } = open(sizes, backend);
    factorOf(sizes, memory, P, n, noise);
    const { ground, features, slots, rows, gains, L, z } = memory;
    const { D, gamma } = sizes;
    kernels.similarities(ground, features, slots, rows, COUNT, P, D, gamma);
    kernels.schurComplements(L, rows, features, slots, gains, z, COUNT, n, P, D, gamma, noise);
    return { memory, P };
  };

  it('are what a row leaves unexplained: a solve in float64 agrees', () => {
    for (const sizes of everySize.filter(({ points }) => points < 100)) {
      for (const n of [0, 1, sizes.points]) {
        const { memory, P } = evaluate(sizes, n, 'wasm');
        for (let c = 0; c < COUNT; c++) {
          const row = memory.slots[c]!;
          const own = memory.features.subarray(row * sizes.D, (row + 1) * sizes.D);
          let left = noise + (sizes.gamma > 0 ? 1 : own.reduce((sum, x) => sum + x * x, 0));
          const solved: number[] = [];
          for (let j = 0; j < n; j++) {
            let rest = similarity(sizes, memory, P, row, j);
            for (let s = 0; s < j; s++) rest -= memory.L[s * P + j]! * solved[s]!;
            solved.push(rest / memory.L[j * P + j]!);
            left -= solved[j]! ** 2;
          }
          expect(Math.abs(memory.gains[c]! - left), JSON.stringify(sizes)).toBeLessThan(2e-5);
        }
      }
    }
  });

  it('have a twin in TypeScript with the same bits, as the other kernels have', () => {
    for (const sizes of everySize.filter(({ points }) => points < 100)) {
      const [wasm, twin] = (['wasm', 'typescript'] as const).map(
        (backend) => evaluate(sizes, sizes.points, backend).memory,
      ) as [Memory, Memory];
      for (const name of ['rows', 'gains', 'z'] as const)
        expectSameBits(twin[name], wasm[name], `${name} ${JSON.stringify(sizes)}`);
    }
    for (const sizes of everySize) {
      const [wasm, twin] = (['wasm', 'typescript'] as const).map((backend) => {
        const { kernels, memory, P } = open(sizes, backend);
        const { ground, best, features, slots, rows, gains } = memory;
        kernels.facilityGains(ground, best, features, slots, gains, rows, COUNT, P, sizes.D, sizes.gamma);
        return gains;
      }) as [Float64Array, Float64Array];
      expectSameBits(twin, wasm, JSON.stringify(sizes));
    }
  });
});
