/**
 * The byte model's memory: its state as slots, its constants, and both as the arguments that every kernel begins with.
 */
import { type ByteModelArrays, LAST4, STARTED } from '../../src/kernels/byte-model.js';
import { u32, type Views } from '../../src/layout.js';

export { byteModelKernels } from '../../src/kernels/byte-model.js';

export interface ModelOptions {
  /** 1 (fastest) … 9 (smallest). */
  readonly level: number;
  /** Every hash table is 2^tableShift smaller, 0 … 14 (default 0): for tests and short inputs. */
  readonly tableShift?: number;
  /** Which halves of the model predict (default 'both'). */
  readonly parts?: 'both' | 'ngrams' | 'ssm';
}

const counterBits = ({ tableShift = 0 }: ModelOptions): number => 24 - tableShift;

/** The state as slots. Their size is the memory of the model, known before the first byte. */
export const modelSlots = (options: ModelOptions) => ({
  registers: u32(LAST4 + 1),
  counters: u32(2 ** counterBits(options)),
});

export const modelConstants = (options: ModelOptions) => ({ plan: Int32Array.of(counterBits(options)) });

/** The arrays in the order in which every kernel takes them, before its own arguments. */
export const byteModelArrays = (
  { registers, counters }: Views<ReturnType<typeof modelSlots>>,
  { plan }: ReturnType<typeof modelConstants>,
): ByteModelArrays => [registers, counters, plan];

/** Whether the state is that of a started model: slots begin as zeros, and `startModel` makes a model of them. */
export const isModelStarted = ({ registers }: { readonly registers: Uint32Array }): boolean =>
  registers[STARTED] === 1;
