/**
 * What the byte model works on: registers, plan, rates, and the sizes of its state's arrays. The same as
 * `byte-model-memory.h`.
 */
import { CODER_REGISTERS } from './byte-model-coder.js';
import { STATES } from './byte-model-tables.js';

export const CONTEXTS_MOST = 64;
export const MATCHES_MOST = 3;
export const SETS_MOST = 16;
export const FINALS = 6;
export const APMS_MOST = 10;
export const SSMS_MOST = 2;
export const FIELDS = 64;
export const DIRECT = 4;
export const LOGITS = 16;
export const STEP_WORDS = 8;
export const BIAS_FLOATS = 8;
export const APM_FLOATS = 16;
export const LANES = 4;
export const BYTES = 256;
export const RUN_CLASSES = 16;
export const RUN_CELLS = 2 * RUN_CLASSES;
export const LENGTH_CLASSES = 32;
export const TRUST_CLASSES = 8;

const REGISTER_NAMES = [
  'started',
  'position',
  'last4',
  'last8',
  'last12',
  'word',
  'word1',
  'word2',
  'word3',
  'separator',
  'separator1',
  'between',
  'stem',
  'stem1',
  'stem2',
  'suffix',
  'suffix1',
  'wordLength',
  'wordLength1',
  'capitalized',
  'lastCapitalized',
  'firstWord',
  'folded4',
  'folded8',
  'classes',
  'line',
  'lineAbove',
  'lineBeginning',
  'field',
  'fieldText',
  'fieldBegan',
  'markup',
  'markupText',
  'tag',
  'openTag',
  'inTag',
  'brackets',
] as const;

/** Where each register lies, behind those of the coder. */
export const Register = Object.fromEntries(
  REGISTER_NAMES.map((name, i) => [name, CODER_REGISTERS + i]),
) as Readonly<Record<(typeof REGISTER_NAMES)[number], number>>;
/** Of each match: position, length. */
export const MATCHES_AT = CODER_REGISTERS + REGISTER_NAMES.length;
export const FIELDS_AT = MATCHES_AT + 2 * MATCHES_MOST;
export const FIELDS_ABOVE_AT = FIELDS_AT + FIELDS;
export const REGISTERS = FIELDS_ABOVE_AT + FIELDS;

/** A state space model's sizes. */
export interface SsmPlan {
  /** States of the first and the second layer, multiples of 8. */
  readonly width1: number;
  readonly width2: number;
  /** Bytes between two back-propagations. */
  readonly chunk: number;
  /** Tables of sparse embeddings, each of 2^rowBits rows. */
  readonly tables: number;
  readonly rowBits: number;
}

/** The sizes of a model. */
export interface ModelPlan {
  /** Whether contexts predict; without them the first state space model predicts alone. */
  readonly ngrams: boolean;
  readonly ssms: readonly SsmPlan[];
  /** Numbers of contexts, sets of weights and probability maps that take part, ascending. */
  readonly contexts: readonly number[];
  readonly sets: readonly number[];
  readonly apms: readonly number[];
  readonly matches: number;
  /** Logarithms of table sizes: bytes of a context's slots, a context's runs, an order's counters, the history, … */
  readonly slotBits: number;
  readonly runBits: number;
  readonly counterBits: number;
  readonly historyBits: number;
  readonly indirectBits: number;
  readonly headBits: number;
  readonly setBits: number;
  readonly finalBits: number;
  readonly apmBits: number;
}

/** Inputs of the first layer, padded to a multiple of 8. */
export const inputsOf = ({ contexts, matches, ssms }: ModelPlan): number =>
  Math.ceil((4 * contexts.length + 2 * (DIRECT + matches + ssms.length) + 1) / 8) * 8;

/** The plan as the kernels read it. */
export function planArray(plan: ModelPlan): Int32Array {
  const padded = (numbers: readonly number[], length: number) => [
    ...numbers,
    ...new Array<number>(length - numbers.length).fill(0),
  ];
  const ssms = plan.ssms.flatMap(({ width1, width2, chunk, tables, rowBits }) => [
    width1,
    width2,
    chunk,
    tables,
    rowBits,
  ]);
  return Int32Array.from([
    plan.ngrams ? 1 : 0,
    plan.ssms.length,
    plan.contexts.length,
    plan.matches,
    plan.sets.length,
    plan.apms.length,
    plan.slotBits,
    plan.runBits,
    plan.counterBits,
    plan.historyBits,
    plan.indirectBits,
    plan.headBits,
    plan.setBits,
    plan.finalBits,
    plan.apmBits,
    inputsOf(plan),
    ...padded(ssms, 5 * SSMS_MOST),
    ...padded(plan.contexts, CONTEXTS_MOST),
    ...padded(plan.sets, SETS_MOST),
    ...padded(plan.apms, APMS_MOST),
  ]);
}

/** The plan in an array that `planArray` made. */
export function planOfArray(array: Int32Array): ModelPlan {
  const [ngrams, ssms, contexts, matches, sets, apms, ...bits] = array;
  const [slotBits, runBits, counterBits, historyBits, indirectBits, headBits, setBits, finalBits, apmBits] =
    bits;
  const ssmsAt = 16;
  const contextsAt = ssmsAt + 5 * SSMS_MOST;
  const setsAt = contextsAt + CONTEXTS_MOST;
  const apmsAt = setsAt + SETS_MOST;
  return {
    ngrams: ngrams === 1,
    ssms: Array.from({ length: ssms! }, (_, i) => {
      const [width1, width2, chunk, tables, rowBits] = array.subarray(ssmsAt + 5 * i);
      return { width1: width1!, width2: width2!, chunk: chunk!, tables: tables!, rowBits: rowBits! };
    }),
    contexts: Array.from(array.subarray(contextsAt, contextsAt + contexts!)),
    sets: Array.from(array.subarray(setsAt, setsAt + sets!)),
    apms: Array.from(array.subarray(apmsAt, apmsAt + apms!)),
    matches: matches!,
    slotBits: slotBits!,
    runBits: runBits!,
    counterBits: counterBits!,
    historyBits: historyBits!,
    indirectBits: indirectBits!,
    headBits: headBits!,
    setBits: setBits!,
    finalBits: finalBits!,
    apmBits: apmBits!,
  };
}

/** How fast a model learns. */
export interface ModelRates {
  /** The first layer's rate sinks from `mixFirst` to `mixLeast`, as 1 / (1 + mixDecay · times learned). */
  readonly mixFirst: number;
  readonly mixLeast: number;
  readonly mixDecay: number;
  /** Errors below it are not learned from. */
  readonly mixIgnored: number;
  readonly finalRate: number;
  /** What weights are at first: those of bit histories, and the others. */
  readonly weightState: number;
  readonly weightOther: number;
  /** A probability map's rate is 1 / (apmFirst + apmStep · times used + 3/2), where the sum stops at apmMost. */
  readonly apmFirst: number;
  readonly apmStep: number;
  readonly apmMost: number;
  readonly ssmHead: number;
  readonly ssmBody: number;
}

/** The rates as the kernels read them. */
export const ratesArray = (rates: ModelRates): Float32Array =>
  Float32Array.of(
    rates.mixLeast,
    rates.mixFirst - rates.mixLeast,
    rates.mixDecay,
    rates.mixIgnored,
    rates.finalRate,
    rates.weightState,
    rates.weightOther,
    rates.apmFirst,
    rates.apmStep,
    rates.apmMost,
    rates.ssmHead,
    rates.ssmBody,
  );

export const mapFloats = ({ contexts, matches }: ModelPlan): number =>
  contexts.length * (STATES * (LANES + 1) + 3 * RUN_CELLS) + matches * 3 * LENGTH_CLASSES + 2 * TRUST_CLASSES;

export const ssmFloats = ({ width1: K, width2: V, chunk: C }: SsmPlan): number => {
  const features = K + V + BIAS_FLOATS;
  const parameters = 3 * (3 * BYTES * K + 2 * V * K + V);
  const states = (C + 1) * (K + V);
  return parameters + BYTES * K + V + BYTES * features + states + C * (2 * K + 2 * features + 2 * V + 4);
};

export const embeddingFloats = ({ width1, tables, rowBits }: SsmPlan): number =>
  tables * 2 ** rowBits * (width1 + 1);

export const stepWords = ({ chunk }: SsmPlan): number => (chunk + 1) * STEP_WORDS;
