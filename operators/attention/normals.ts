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
