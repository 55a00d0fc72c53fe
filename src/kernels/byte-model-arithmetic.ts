/**
 * The byte model's arrays by name, and the arithmetic that its parts share. The twin of `byte-model-memory.h`.
 */
import { type ModelPlan, planOfArray } from './byte-model-memory.js';
import { Tables } from './byte-model-tables.js';
import { ROUNDER } from './math.js';

const { fround, imul } = Math;

/** The state's slots and the constants. */
interface NamedArrays {
  registers: Uint32Array;
  history: Uint8Array;
  slots: Uint8Array;
  runs: Uint8Array;
  counters: Uint32Array;
  indirect: Uint32Array;
  heads: Uint32Array;
  maps: Float32Array;
  weights: Float32Array;
  weightCounts: Uint32Array;
  finals: Float32Array;
  apms: Float32Array;
  ssm: Float32Array;
  embeddings: Float32Array;
  steps: Uint32Array;
  plan: Int32Array;
  rates: Float32Array;
  tables: Float32Array;
  histories: Uint8Array;
}

/** Their order in the arguments of every kernel. */
const ORDER = [
  'registers',
  'history',
  'slots',
  'runs',
  'counters',
  'indirect',
  'heads',
  'maps',
  'weights',
  'weightCounts',
  'finals',
  'apms',
  'ssm',
  'embeddings',
  'steps',
  'plan',
  'rates',
  'tables',
  'histories',
] as const;

type InOrder<N extends readonly (keyof NamedArrays)[]> = { -readonly [I in keyof N]: NamedArrays[N[I]] };
/** What every kernel begins with. */
export type ByteModelArrays = InOrder<typeof ORDER>;
export const ARRAYS = ORDER.length;

/** The arrays as arguments. */
export const argumentsOf = (arrays: Readonly<NamedArrays>): ByteModelArrays =>
  ORDER.map((name) => arrays[name]) as unknown as ByteModelArrays;

/** The arrays by name, and the plan read. */
export type Model = Readonly<Omit<NamedArrays, 'plan'>> & { readonly plan: ModelPlan };

export function modelOf(...arrays: ByteModelArrays): Model {
  const named = Object.fromEntries(ORDER.map((name, i) => [name, arrays[i]])) as unknown as NamedArrays;
  return { ...named, plan: planOfArray(named.plan) };
}

/** Where each rate lies. */
export const Rate = {
  mixLeast: 0,
  mixSpan: 1,
  mixDecay: 2,
  mixIgnored: 3,
  final: 4,
  weightState: 5,
  weightOther: 6,
  apmFirst: 7,
  apmStep: 8,
  apmMost: 9,
  ssmHead: 10,
  ssmBody: 11,
} as const;

export function mixHash(a: number, b: number): number {
  let h = imul(a, 0x2c1b3c6d) ^ imul(b + 0x9e3779b9, 0x297a2d39);
  h = imul(h ^ (h >>> 15), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
}

/** The `bits` highest bits of a product: an index into a table of 2^bits entries. */
export const tableIndex = (hash: number, bits: number): number => imul(hash, 0x9e3779b1) >>> (32 - bits);

/** No logit is larger: e^12 to 1. */
export const LOGIT_MOST = 12;

export const clampTo = (x: number, limit: number): number => Math.max(-limit, Math.min(limit, x));

/** The integer nearest to x, |x| < 2^22; of two, the even one. */
export const nearest = (x: number): number => fround(x + ROUNDER) - ROUNDER;

export const stretch = (tables: Float32Array, p: number): number =>
  tables[Tables.stretch + nearest(fround(p * 4095))]!;

/** From a table; for |x| <= 12. */
export const roughSigmoid = (tables: Float32Array, x: number): number =>
  tables[Tables.sigmoid + nearest(fround(fround(x * 170) + 2048))]!;

export const reciprocal = (tables: Float32Array, count: number): number => tables[Tables.reciprocal + count]!;

const lanes = new Float32Array(8);

/** a [n] . b [n] from their rows on; n is a multiple of 8, and eight sums are added up in the end. */
export function dotProduct(a: Float32Array, aRow: number, b: Float32Array, bRow: number, n: number): number {
  lanes.fill(0);
  for (let i = 0; i < n; i++) lanes[i & 7] = lanes[i & 7]! + fround(a[aRow + i]! * b[bRow + i]!);
  for (let i = 0; i < 4; i++) lanes[i] = lanes[i]! + lanes[i + 4]!;
  return fround(fround(lanes[0]! + lanes[1]!) + fround(lanes[2]! + lanes[3]!));
}

/** y [n] += factor x [n], from their rows on. */
export function addScaled(
  y: Float32Array,
  yRow: number,
  x: Float32Array,
  xRow: number,
  factor: number,
  n: number,
): void {
  for (let i = 0; i < n; i++) y[yRow + i] = y[yRow + i]! + fround(factor * x[xRow + i]!);
}
