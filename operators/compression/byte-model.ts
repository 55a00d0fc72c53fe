/**
 * The byte model's memory: its state as slots, its constants, and both as the arguments that every kernel begins with.
 */
import { argumentsOf, type ByteModelArrays } from '../../src/kernels/byte-model.js';
import {
  APM_FLOATS,
  BYTES,
  DIRECT,
  embeddingFloats,
  FINALS,
  inputsOf,
  LOGITS,
  type ModelPlan,
  type ModelRates,
  mapFloats,
  planArray,
  REGISTERS,
  Register,
  ratesArray,
  ssmFloats,
  stepWords,
} from '../../src/kernels/byte-model-memory.js';
import { floatTables, historyTable } from '../../src/kernels/byte-model-tables.js';
import { f32, u8, u32, type Views } from '../../src/layout.js';
import { levels } from './levels.js';

export { byteModelKernels } from '../../src/kernels/byte-model.js';

export interface ModelOptions {
  /** 1 (fastest) … 9 (smallest). */
  readonly level: number;
  /** Every hash table is 2^tableShift smaller, 0 … 14 (default 0): for tests and short inputs. */
  readonly tableShift?: number;
  /** Which halves of the model predict (default 'both'). */
  readonly parts?: 'both' | 'ngrams' | 'ssm';
}

/** The smallest tables that `tableShift` leaves. */
const LEAST_BITS = 8;

/** The level's plan with smaller tables and without the parts that are not wanted. */
export function planOf({ level, tableShift = 0, parts = 'both' }: ModelOptions): ModelPlan {
  const { plan } = levels[level - 1]!;
  const less = (bits: number) => Math.max(bits - tableShift, Math.min(bits, LEAST_BITS));
  const without = parts === 'ssm' ? { contexts: [], sets: [], apms: [], matches: 0 } : {};
  const ssms = parts === 'ssm' ? plan.ssms.slice(0, 1) : parts === 'ngrams' ? [] : plan.ssms;
  return {
    ...plan,
    ...without,
    ngrams: parts !== 'ssm',
    ssms: ssms.map((ssm) => ({ ...ssm, rowBits: less(ssm.rowBits) })),
    slotBits: less(plan.slotBits),
    runBits: less(plan.runBits),
    counterBits: less(plan.counterBits),
    historyBits: less(plan.historyBits),
    indirectBits: less(plan.indirectBits),
    headBits: less(plan.headBits),
    setBits: less(plan.setBits),
    finalBits: less(plan.finalBits),
    apmBits: less(plan.apmBits),
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, x) => total + x, 0);

/** The state as slots. Their size is the memory of the model, known before the first byte. */
export function modelSlots(options: ModelOptions) {
  const plan = planOf(options);
  const contexts = plan.contexts.length;
  const orders = plan.ngrams ? DIRECT : 0;
  const finals = plan.ngrams ? FINALS : 0;
  return {
    registers: u32(REGISTERS),
    history: u8(2 ** plan.historyBits),
    slots: u8(contexts, 2 ** plan.slotBits),
    runs: u8(contexts, 2 ** plan.runBits, 2),
    counters: u32(orders, 2 ** plan.counterBits),
    indirect: u32(BYTES + 2 * 2 ** plan.indirectBits),
    heads: u32(plan.matches, 2 ** plan.headBits),
    maps: f32(mapFloats(plan)),
    weights: f32(plan.sets.length, 2 ** plan.setBits, inputsOf(plan)),
    weightCounts: u32(plan.sets.length, 2 ** plan.setBits),
    finals: f32(finals, 2 ** plan.finalBits, LOGITS),
    apms: f32(plan.apms.length, 2 ** plan.apmBits, APM_FLOATS),
    ssm: f32(sum(plan.ssms.map(ssmFloats))),
    embeddings: f32(sum(plan.ssms.map(embeddingFloats))),
    steps: u32(sum(plan.ssms.map(stepWords))),
  };
}

/** The model's sizes, rates and tables. */
export const modelConstants = (options: ModelOptions) => ({
  plan: planArray(planOf(options)),
  rates: ratesArray(ratesOf(options)),
  tables: floatTables(),
  histories: historyTable(),
});

export const ratesOf = ({ level }: ModelOptions): ModelRates => levels[level - 1]!.rates;

/** The arrays in the order in which every kernel takes them, before its own arguments. */
export const byteModelArrays = (
  state: Views<ReturnType<typeof modelSlots>>,
  constants: ReturnType<typeof modelConstants>,
): ByteModelArrays => argumentsOf({ ...state, ...constants });

/** Whether the state is that of a started model: slots begin as zeros, and `startModel` makes a model of them. */
export const isModelStarted = ({ registers }: { readonly registers: Uint32Array }): boolean =>
  registers[Register.started] === 1;
