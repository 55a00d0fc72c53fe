/**
 * Seeded normal numbers, for projections that options decide.
 */
import { nextNormal, randomSlot, seedRandom } from '../../src/random.js';

/** A generator of its own for `seed`; equal seeds and streams draw equal numbers. */
export function generatorOf(seed: number, stream = 0): Uint32Array {
  const random = new Uint32Array(randomSlot().length);
  seedRandom(random, seed, stream);
  return random;
}

/** `count` numbers of mean 0 and variance 1, the same in every engine. */
export function normals(count: number, seed: number): Float64Array {
  const random = generatorOf(seed);
  return Float64Array.from({ length: count }, () => nextNormal(random));
}

/**
 * [rows, K]: directions of normal length, at right angles to each other among every K of them, which makes estimates
 * from them vary less than independent ones do (Choromanski et al., Rethinking Attention with Performers, 2020).
 */
export function orthogonalNormals(rows: number, K: number, seed: number): Float64Array {
  const drawn = normals(rows * K, seed);
  const rowOf = (i: number) => drawn.subarray(i * K, (i + 1) * K);
  for (let i = 0; i < rows; i++) {
    const row = rowOf(i);
    const length = Math.sqrt(product(row, row));
    for (let j = i - (i % K); j < i; j++) {
      const other = rowOf(j);
      const share = product(row, other) / product(other, other);
      for (let c = 0; c < K; c++) row[c]! -= share * other[c]!;
    }
    const stretch = length / Math.sqrt(product(row, row));
    for (let c = 0; c < K; c++) row[c]! *= stretch;
  }
  return drawn;
}

function product(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
