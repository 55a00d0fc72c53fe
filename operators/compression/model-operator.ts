/**
 * What the operators that let the byte model look at rows have in common: columns, state and step.
 */
import { defineOperator, type OperatorMaker } from '../../src/define-operator.js';
import { f32, f64, u8 } from '../../src/layout.js';
import { integer, oneOf } from '../../src/options.js';
import { binary } from '../../src/row-types.js';
import {
  byteModelArrays,
  byteModelKernels,
  isModelStarted,
  type ModelOptions,
  modelConstants,
  modelSlots,
} from './byte-model.js';

export interface ModelOperatorOptions {
  /** 1 (fastest) … 9 (smallest), default 5. */
  readonly level?: number;
  /** Every hash table is 2^tableShift smaller than the level's, 0 … 14 (default 0): for many keys or short streams. */
  readonly tableShift?: number;
  /** Which halves of the model predict. */
  readonly parts?: 'both' | 'ngrams' | 'ssm';
  /** The byte that the model sees behind every row, 0 … 255 (default 10, a line feed), or -1 for none. */
  readonly separator?: number;
}

const PARTS = ['both', 'ngrams', 'ssm'] as const;
/** Bytes that are handed to a kernel at a time. */
const PIECE_BYTES = 4096;

/** What one of these operators says of itself; all else follows. */
interface ModelOperator {
  readonly name: string;
  readonly version: number;
  readonly summary: string;
  readonly parts: (typeof PARTS)[number];
  readonly examples: readonly ModelOperatorOptions[];
  readonly oracle: string;
}

type Kernels = (typeof byteModelKernels)['twins'];

/** Shows the model one row, and returns how many bits it costs. */
function learnRow(
  kernels: Kernels,
  arrays: ReturnType<typeof byteModelArrays>,
  piece: Uint8Array,
  row: Uint8Array,
  separator: number,
): number {
  let bits = 0;
  for (let from = 0; from < row.length; from += PIECE_BYTES) {
    const bytes = row.subarray(from, from + PIECE_BYTES);
    piece.set(bytes);
    bits += kernels.learnBytes(...arrays, piece, 0, bytes.length);
  }
  if (separator < 0) return bits;
  piece[0] = separator;
  return bits + kernels.learnBytes(...arrays, piece, 0, 1);
}

export function defineModelOperator({
  parts: usualParts,
  oracle,
  ...rest
}: ModelOperator): OperatorMaker<ModelOperatorOptions> {
  return defineOperator({
    ...rest,
    kernels: byteModelKernels,
    options: {
      level: '1 (fastest) … 9 (smallest), default 5',
      tableShift: 'hash tables 2^tableShift smaller, 0 … 14 (default 0)',
      parts: `which halves predict: both, ngrams or ssm (default ${usualParts})`,
      separator: 'the byte behind every row, 0 … 255, or -1 for none (default 10)',
    },
    check: (options: ModelOperatorOptions) => ({
      level: integer({ level: options.level ?? 5 }, 1, 9),
      tableShift: integer({ tableShift: options.tableShift ?? 0 }, 0, 14),
      parts: oneOf({ parts: options.parts ?? usualParts }, PARTS),
      separator: integer({ separator: options.separator ?? 10 }, -1, 255),
    }),
    inputs: () => ({ bytes: binary() }),
    outputs: () => ({ bitsPerByte: f32(), bits: f64() }),
    layout: (options: Required<ModelOptions & ModelOperatorOptions>) => modelSlots(options),
    constants: (options) => modelConstants(options),
    scratch: () => ({ piece: u8(PIECE_BYTES) }),
    step(
      { options: { separator }, state, constants, scratch, kernels },
      { numRows, bytes, bitsPerByte, bits },
    ) {
      const arrays = byteModelArrays(state, constants);
      if (!isModelStarted(state)) kernels.startModel(...arrays);
      for (let t = 0; t < numRows; t++) {
        const row = bytes.values.subarray(bytes.offsets[t], bytes.offsets[t + 1]);
        const length = row.length + (separator < 0 ? 0 : 1);
        bits[t] = learnRow(kernels, arrays, scratch.piece, row, separator);
        bitsPerByte[t] = bits[t]! / Math.max(length, 1);
      }
    },
    tolerance: 0,
    skipLaws: { oracle },
  });
}
