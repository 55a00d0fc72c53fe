import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../../src/kernels/kernel.js';
import { COLUMNS, LANES, rootsOfUnity, toeplitz, toeplitzKernels } from '../../src/kernels/toeplitz.js';
import { f64 } from '../../src/layout.js';
import { guardedViews } from '../support/guarded-arrays.js';
import { campaign, seeds, uniform } from '../support/property.js';

/** Each column of x [COLUMNS, n], multiplied. */
function multiplied(diagonals: Float64Array, x: readonly Float64Array[], backend: Backend): Float64Array[] {
  const n = x[0]!.length;
  const matrix = toeplitz(diagonals, n, backend);
  const of = (c: number) => (c < LANES ? matrix.first : matrix.second);
  for (const [c, column] of x.entries()) {
    for (const [i, value] of column.entries()) of(c)[i * LANES + (c % LANES)] = value;
  }
  matrix.multiply();
  return x.map((_, c) => Float64Array.from({ length: n }, (_value, i) => of(c)[i * LANES + (c % LANES)]!));
}

describe('toeplitz', () => {
  it('multiplies as the sum does, for every length and number of diagonals', () => {
    const size = fc.integer({ min: 1, max: 80 });
    fc.assert(
      fc.property(size, fc.integer({ min: 0, max: 100 }), seeds, (n, W, seed) => {
        const random = uniform(seed);
        const diagonals = Float64Array.from({ length: 2 * W + 1 }, random);
        const x = Array.from({ length: COLUMNS }, () => Float64Array.from({ length: n }, random));
        const got = multiplied(diagonals, x, 'wasm');
        x.forEach((column, c) => {
          for (let i = 0; i < n; i++) {
            let sum = 0;
            for (let j = 0; j < n; j++) sum += (diagonals[W + j - i] ?? 0) * column[j]!;
            expect(Math.abs(got[c]![i]! - sum)).toBeLessThan(1e-12);
          }
        });
      }),
      campaign(4),
    );
  });

  it('has a twin with the same bits', () => {
    const random = uniform(3);
    for (const n of [1, 2, 5, 33, 100]) {
      const diagonals = Float64Array.from({ length: 2 * n - 1 }, random);
      const x = Array.from({ length: COLUMNS }, () => Float64Array.from({ length: n }, random));
      expect(multiplied(diagonals, x, 'typescript')).toEqual(multiplied(diagonals, x, 'wasm'));
    }
  });

  it('stays inside of its arrays', () => {
    for (const n of [1, 2, 8]) {
      const half = Math.max(n / 2, 1);
      const types = { re: f64(n, 4), im: f64(n, 4), x: f64(n), y: f64(n), cos: f64(half), sin: f64(half) };
      const { kernels, arrays: a, untouched } = guardedViews(toeplitzKernels, types, 'wasm', 're');
      for (const array of Object.values(a)) array.fill(1);
      kernels.toFrequencies(a.re, a.im, a.cos, a.sin, n);
      kernels.multiplyPlaces(a.re, a.im, a.x, a.y, n);
      kernels.fromFrequencies(a.re, a.im, a.cos, a.sin, n);
      expect(untouched()).toBe(true);
    }
  });
});

describe('rootsOfUnity', () => {
  it('are those of the library to the last bits', () => {
    for (const n of [1, 2, 4, 1024, 2 ** 17]) {
      const { re, im } = rootsOfUnity(n);
      let most = 0;
      for (let k = 0; k < n / 2; k++) {
        const angle = (2 * Math.PI * k) / n;
        most = Math.max(most, Math.abs(re[k]! - Math.cos(angle)), Math.abs(im[k]! + Math.sin(angle)));
      }
      expect(most).toBeLessThan(2e-15);
    }
  });
});
