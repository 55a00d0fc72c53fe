/**
 * The levels: fixed sets of the same parts. What a level is made of is part of the format.
 */
import type { ModelPlan, ModelRates, SsmPlan } from '../../src/kernels/byte-model-memory.js';

export interface Level {
  readonly plan: ModelPlan;
  readonly rates: ModelRates;
}

const SPEED_CONTEXTS = [1, 2, 3, 5, 7, 8, 13, 14, 16, 23, 25, 31];
const DEFAULT_CONTEXTS = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 13, 14, 15, 16, 18, 19, 21, 22, 23, 24, 25, 26, 30, 31, 32, 36, 37, 40,
  41, 45, 47,
];

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

const MEDIUM_SSM: SsmPlan = { width1: 64, width2: 32, chunk: 16, tables: 6, rowBits: 16 };
const LARGE_SSM: SsmPlan = { width1: 128, width2: 64, chunk: 32, tables: 4, rowBits: 16 };

const rates = (mixFirst: number, mixLeast: number, weightState: number, weightOther: number): ModelRates => ({
  mixFirst,
  mixLeast,
  mixDecay: 0.003,
  mixIgnored: 0.01,
  finalRate: 0.002,
  weightState,
  weightOther,
  apmFirst: 10,
  apmStep: 0.33,
  apmMost: 123,
  ssmHead: 0.003,
  ssmBody: 0.02,
});

const sizes = {
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

const speed: Level = {
  plan: {
    ngrams: true,
    ssms: [MEDIUM_SSM],
    contexts: SPEED_CONTEXTS,
    sets: upTo(8),
    apms: upTo(4),
    matches: 1,
    ...sizes,
  },
  rates: { ...rates(0.014, 0.002, 0.14, 0.1), mixIgnored: 0.02 },
};

const normal: Level = {
  plan: {
    ngrams: true,
    ssms: [MEDIUM_SSM],
    contexts: DEFAULT_CONTEXTS,
    sets: upTo(10),
    apms: upTo(8),
    matches: 2,
    ...sizes,
  },
  rates: rates(0.008, 0.001, 0.08, 0.05),
};

const heaviest: Level = {
  plan: {
    ngrams: true,
    ssms: [MEDIUM_SSM, LARGE_SSM],
    contexts: upTo(64),
    sets: upTo(12),
    apms: upTo(8),
    matches: 3,
    ...sizes,
  },
  rates: { ...rates(0.0045, 0.0006, 0.05, 0.03), mixIgnored: 0.005 },
};

/** Level 1 … 9 at index 0 … 8. */
export const levels: readonly Level[] = [
  speed,
  speed,
  speed,
  normal,
  normal,
  normal,
  heaviest,
  heaviest,
  heaviest,
];
