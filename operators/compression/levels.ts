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
  finalRate: 0.003,
  apmFirst: 10,
  apmStep: 0.33,
  apmMost: 123,
  ssmHead: 0.003,
  ssmBody: 0.02,
};

/** How a mixer learns: the more inputs it has, the less each weighs at first, and the slower it learns. */
const mixing = (
  mixFirst: number,
  mixLeast: number,
  mixIgnored: number,
  weightState: number,
  weightOther: number,
): ModelRates => ({ ...rates, mixFirst, mixLeast, mixIgnored, weightState, weightOther });

/** What differs between levels besides their contexts. */
type Choice = Pick<ModelPlan, 'matches' | 'ssms'> & {
  readonly sets: number;
  readonly apms: number;
  readonly slotBits?: number;
};

const levelOf = (number: number, { sets, apms, ...choice }: Choice, mixer: ModelRates): Level => ({
  plan: { ...sizes, ...choice, contexts: contextsOf(number), sets: upTo(sets), apms: upTo(apms) },
  rates: mixer,
});

const fast = { sets: 8, apms: 4, matches: 1, ssms: [fastSsm] };
const usual = { sets: 10, apms: 8, matches: 2, ssms: [ssm] };
const heavy = { sets: 12, apms: 8, matches: 3, slotBits: 23 };

/** Level 1 … 9 at index 0 … 8. */
export const levels: readonly Level[] = [
  levelOf(1, fast, mixing(0.014, 0.002, 0.02, 0.14, 0.1)),
  levelOf(2, fast, mixing(0.013, 0.0016, 0.015, 0.12, 0.08)),
  levelOf(3, { ...fast, sets: 9, apms: 6, matches: 2 }, mixing(0.012, 0.0013, 0.01, 0.1, 0.07)),
  levelOf(4, usual, mixing(0.011, 0.0011, 0.01, 0.09, 0.06)),
  levelOf(5, usual, mixing(0.01, 0.001, 0.01, 0.08, 0.05)),
  levelOf(6, usual, mixing(0.0085, 0.0009, 0.01, 0.07, 0.045)),
  levelOf(7, usual, mixing(0.007, 0.0008, 0.01, 0.06, 0.04)),
  levelOf(8, { ...heavy, ssms: [ssm] }, mixing(0.0055, 0.0006, 0.005, 0.05, 0.03)),
  levelOf(9, { ...heavy, ssms: [ssm, secondSsm] }, mixing(0.0055, 0.0006, 0.005, 0.05, 0.03)),
];
