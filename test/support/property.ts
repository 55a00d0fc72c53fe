/**
 * How property tests are run. `LAW_RUNS` makes a long campaign, `LAW_SEED` another one; a failure prints the seed and
 * the path that replay it.
 */
import fc from 'fast-check';

export const LAW_RUNS = Number(process.env.LAW_RUNS ?? 8);
export const LAW_SEED = Number(process.env.LAW_SEED ?? 20260);

/** fast-check's settings; `share` of 2 asks for twice as many runs as usual. */
export const campaign = (share = 1) => ({
  seed: LAW_SEED,
  numRuns: Math.max(1, Math.round(LAW_RUNS * share)),
});

/** Seeds of generated rows. */
export const seeds = fc.integer({ min: 0, max: 2 ** 31 - 1 });

/** Lengths that meet the edges of blocks, chunks and bitmaps. */
const LENGTHS = [0, 1, 1, 2, 7, 15, 16, 17, 31, 33, 63, 64, 65, 100];

/** Ways to cut a stream: the lengths of its first batches, the rest is one more. */
export const cuttings = fc.array(fc.constantFrom(...LENGTHS), { minLength: 1, maxLength: 24 });

/** Uniform numbers in [0, 1): mulberry32. */
export function uniform(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
