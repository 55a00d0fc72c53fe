/**
 * The levels: fixed sets of the same parts. What a level is made of is part of the format.
 */
import type { ModelPlan, ModelRates, SsmPlan } from '../../src/kernels/byte-model-memory.js';

export interface Level {
  readonly plan: ModelPlan;
  readonly rates: ModelRates;
}

/** The contexts that each level adds to those of the level before, by their numbers in `byte-model-contexts.ts`. */
const ADDED_CONTEXTS: readonly (readonly number[])[] = [
  [1, 2, 3, 5, 7, 8, 13, 14, 16, 23, 25, 31],
  [4, 10, 21, 41],
  [12, 24, 36, 45],
  [0, 6, 15, 19, 22, 37],
  [18, 26, 30, 32, 40, 47, 51],
  [9, 17, 28, 33, 38, 43, 55],
  [20, 27, 35, 44, 46, 49, 53, 62],
  [11, 29, 34, 39, 42, 48, 50, 52, 54, 56, 57, 58, 59, 60, 61, 63],
  [],
];

/** A level's contexts, ascending. */
const contextsOf = (level: number): number[] =>
  ADDED_CONTEXTS.slice(0, level)
    .flat()
    .sort((a, b) => a - b);

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

const ssm: SsmPlan = { width1: 64, width2: 32, chunk: 32, tables: 6, rowBits: 16 };
const fastSsm: SsmPlan = { ...ssm, rowBits: 15 };
/** A wider one with a longer memory, beside the other. */
const secondSsm: SsmPlan = { width1: 128, width2: 64, chunk: 32, tables: 4, rowBits: 16 };

const sizes = {
  ngrams: true,
  slotBits: 22,
  runBits: 18,
  counterBits: 21,
  historyBits: 22,
  indirectBits: 16,
  headBits: 20,
  setBits: 12,
  finalBits: 11,
  apmBits: 16,
};

const rates = {
  mixDecay: 0.003,
  mixIgnored: 0.01,
  finalRate: 0.003,
  apmFirst: 10,
  apmStep: 0.33,
  apmMost: 123,
  ssmHead: 0.003,
  ssmBody: 0.02,
};

/** What differs between levels. The more inputs a mixer has, the less each weighs at first, and the slower it learns. */
interface Choice {
  readonly sets: number;
  readonly apms: number;
  readonly matches: number;
  readonly ssms: readonly SsmPlan[];
  readonly slotBits?: number;
  readonly mixFirst: number;
  readonly mixLeast: number;
  readonly mixIgnored?: number;
  readonly weightState: number;
  readonly weightOther: number;
}

const choices: readonly Choice[] = [
  {
    sets: 8,
    apms: 4,
    matches: 1,
    ssms: [fastSsm],
    mixFirst: 0.014,
    mixLeast: 0.002,
    mixIgnored: 0.02,
    weightState: 0.14,
    weightOther: 0.1,
  },
  {
    sets: 8,
    apms: 4,
    matches: 1,
    ssms: [fastSsm],
    mixFirst: 0.013,
    mixLeast: 0.0016,
    mixIgnored: 0.015,
    weightState: 0.12,
    weightOther: 0.08,
  },
  {
    sets: 9,
    apms: 6,
    matches: 2,
    ssms: [fastSsm],
    mixFirst: 0.012,
    mixLeast: 0.0013,
    weightState: 0.1,
    weightOther: 0.07,
  },
  {
    sets: 10,
    apms: 8,
    matches: 2,
    ssms: [ssm],
    mixFirst: 0.011,
    mixLeast: 0.0011,
    weightState: 0.09,
    weightOther: 0.06,
  },
  {
    sets: 10,
    apms: 8,
    matches: 2,
    ssms: [ssm],
    mixFirst: 0.01,
    mixLeast: 0.001,
    weightState: 0.08,
    weightOther: 0.05,
  },
  {
    sets: 10,
    apms: 8,
    matches: 2,
    ssms: [ssm],
    mixFirst: 0.0085,
    mixLeast: 0.0009,
    weightState: 0.07,
    weightOther: 0.045,
  },
  {
    sets: 10,
    apms: 8,
    matches: 2,
    ssms: [ssm],
    mixFirst: 0.007,
    mixLeast: 0.0008,
    weightState: 0.06,
    weightOther: 0.04,
  },
  {
    sets: 12,
    apms: 8,
    matches: 3,
    ssms: [ssm],
    slotBits: 23,
    mixFirst: 0.0055,
    mixLeast: 0.0006,
    mixIgnored: 0.005,
    weightState: 0.05,
    weightOther: 0.03,
  },
  {
    sets: 12,
    apms: 8,
    matches: 3,
    ssms: [ssm, secondSsm],
    slotBits: 23,
    mixFirst: 0.0055,
    mixLeast: 0.0006,
    mixIgnored: 0.005,
    weightState: 0.05,
    weightOther: 0.03,
  },
];

function levelOf(choice: Choice, index: number): Level {
  const { sets, apms, matches, ssms, slotBits = sizes.slotBits, ...chosenRates } = choice;
  return {
    plan: {
      ...sizes,
      contexts: contextsOf(index + 1),
      sets: upTo(sets),
      apms: upTo(apms),
      matches,
      ssms,
      slotBits,
    },
    rates: { ...rates, ...chosenRates },
  };
}

/** Level 1 … 9 at index 0 … 8. */
export const levels: readonly Level[] = choices.map(levelOf);
