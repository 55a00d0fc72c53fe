/**
 * Dynamic submodular maximisation by levels: for guesses of the optimum, elements are chosen at random from buckets of like
 * gain, so that who deletes without knowing the answer seldom hits it.
 *
 *   τ = guess / 2k      level i: a random part of one bucket of what adds at least τ to the levels before
 *
 * In      op Int8 (1 insert, -1 delete; absent: all inserts)   id integer or text   what the objective reads
 * Out     selected List<id>   gains List<Float64>   value Float64   oracleCalls Int64   changed Int32   certified Bool
 * State   live elements, about 30 bytes each and what the objective reads; their levels in each of about 8 guesses, 6 bytes
 * Cost    amortised polylogarithmic in the number of live elements; a job of a guess makes 16 / epsilon calls an update
 * Error   randomised: two seeds give two answers, one seed always the same
 * Nulls   an error that names the row; so are NaN and infinities
 * Differs from the paper: guesses only around the best value; a level is built anew when a part epsilon of what it chose is
 *         lost (not of its bucket, which fails when the answer is deleted); the work is spread over updates; bucket choice, the
 *         growth of 3/2 and the sample test are our reconstruction
 * Source  Banihashem, Biabani, Goudarzi, Hajiaghayi, Jabbarzade, Monemizadeh, Dynamic Constrained Submodular Optimization with
 *         Polylogarithmic Update Time, 2023, arXiv:2305.15192
 *
 * Ratio               1/2 − epsilon in expectation, as the paper states it of the structure, when nothing is being built
 * Memory              O(n log k)
 * Queries per update  polylogarithmic, amortised; measured 1 … 4 on windows
 * Objective class     monotone submodular
 * Assumes             an oblivious adversary: who deletes does not know the answers
 */
import { oneOf, truth } from '../../src/options.js';
import {
  checkSeed,
  checkSummary,
  defineSubmodular,
  type RandomOptions,
  seedOption,
  summaryOptions,
} from './define-submodular.js';
import { LevelLadder } from './level-ladder.js';
import { coverage } from './objectives/coverage.js';
import { facilityLocation } from './objectives/facility-location.js';

export interface LevelSubmodularOptions extends RandomOptions {
  /** The part of what a level has chosen that may be lost, and the width of buckets, 0.01 … 0.5 (default 0.2). */
  readonly epsilon?: number;
  /** Choose from the bucket with most elements ('largest', default), or from the highest with a fair part of them. */
  readonly bucket?: 'largest' | 'highest';
  /** Build in the update that asks for it (default false): no answers with gaps, but updates of any length. */
  readonly atOnce?: boolean;
}

/** Elements that are chosen at some level of some guess, or of what is being built for it. */
const PINNED_PER_PLACE = 40;

export const levelSubmodular = defineSubmodular({
  name: 'levelSubmodular',
  version: 2,
  summary: 'the best k of a changing set of elements, by random levels for guesses of the optimum',
  options: {
    ...summaryOptions,
    ...seedOption,
    epsilon: 'the part of a level that may be lost, and the width of buckets (default 0.2)',
    bucket: "the bucket to choose from: 'largest' or 'highest' (default 'largest')",
    atOnce: 'whether levels are built in the update that asks for it (default false)',
  },
  check(options: LevelSubmodularOptions) {
    const checked = checkSummary(options, 0.2, 0.01, 0.5);
    return {
      ...checked,
      seed: checkSeed(options),
      bucket: oneOf({ bucket: options.bucket ?? 'largest' }, ['largest', 'highest']),
      atOnce: truth({ atOnce: options.atOnce ?? false }),
    };
  },
  algorithm: (options) => (world) => new LevelLadder(world, options),
  spareSlots: ({ k }) => PINNED_PER_PLACE * k,
  examples: [
    { k: 6, objective: coverage({ maxItems: 100 }), emit: 'row', maxElements: 500 },
    {
      k: 4,
      objective: facilityLocation({ dim: 3, groundRows: 12, similarity: 'rbf' }),
      emit: 'row',
      maxElements: 500,
      bucket: 'highest',
      windowRows: 30,
    },
    { k: 3, objective: coverage({ maxItems: 100 }), emit: 'row', maxElements: 500, atOnce: true, seed: 7 },
  ],
});
