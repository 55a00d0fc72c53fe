/**
 * What the parts of the table model's twin share: sizes, the places of what a request and a coder say, and look-ups.
 */
import { CONTEXTS, START } from './table-constants.js';

const { fround, trunc } = Math;

export const INPUTS = 192;
export const SETS = 4;
export const APMS = 3;
export const APM_STEPS = 33;
export const CONFIDENCE = 512;
/** Where a coder keeps its range, its code value, where it is, where its bytes end, and how much it has decided. */
export const CODER = { low: 0, high: 1, code: 2, position: 3, end: 4, decisions: 5, length: 6 } as const;
/** What a request says, by place; a context or a confident context of −1 is none. */
export const REQUEST = {
  count: 0,
  withNode: 1,
  extras: 2,
  node: 3,
  rows: 4,
  confident: 8,
  apmContexts: 12,
  model: 15,
  hashes: 16,
  parents: 16 + CONTEXTS,
  length: 16 + 2 * CONTEXTS,
} as const;

export const TABLE_SHAPES = {
  INPUTS,
  SETS,
  APMS,
  APM_STEPS,
  EXTRAS: 16,
  SLOTS: 3 * CONTEXTS,
} as const;

/** The arrays of one call, as its steps hand them on. */
export interface Model {
  readonly cells: Uint32Array;
  readonly maps: Float32Array;
  readonly mapCounts: Uint16Array;
  readonly weights: Float32Array;
  readonly finals: Float32Array;
  readonly apms: Float32Array;
  readonly constants: Float32Array;
  readonly histories: Uint8Array;
  readonly request: Int32Array;
  readonly extras: Float32Array;
  readonly inputs: Float32Array;
  readonly slots: Int32Array;
  readonly cellBits: number;
  readonly apmBits: number;
  readonly count: number;
}

export interface Prediction {
  readonly rows: number[];
  readonly apmRows: number[];
  readonly dots: number[];
  readonly inputs: number;
  readonly mixedP: number;
  readonly between: number;
  readonly p: number;
}

export const stretch = ({ constants }: Model, p: number) => constants[trunc(fround(p * fround(4095.99)))]!;

export function squash({ constants }: Model, x: number): number {
  const at = fround(fround(x + 12) * fround(4096 / 24));
  const i = trunc(at);
  const low = constants[START.squash + i]!;
  const slope = fround(constants[START.squash + i + 1]! - low);
  return fround(low + fround(slope * fround(at - i)));
}
