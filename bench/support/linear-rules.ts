/**
 * What the linear-recurrence bench runs: the rules, their rows, and their useful operations.
 */
import { nextUnit, seedRandom } from '../../src/random.js';

export const H = 4;
export const K = 64;
export const V = 64;
export const SCALE = K ** -0.5;
const CHUNK_ROWS = 16;

export interface Rule {
  /** The operator, as operators/index.ts exports it. */
  readonly operator: string;
  /** The `update_rule` of com.microsoft.LinearAttention that does the same; absent where there is none. */
  readonly update?: 'linear' | 'gated' | 'delta' | 'gated_delta';
  /** Log decays g for each head, or for each key of each head. */
  readonly gate?: 'head' | 'key';
  readonly beta?: boolean;
  /** Pre-activations i and f of the gates of an mLSTM. */
  readonly preactivations?: boolean;
}

export const rules: readonly Rule[] = [
  { operator: 'linearAttention', update: 'linear' },
  { operator: 'simpleGla', update: 'gated', gate: 'head' },
  { operator: 'gatedLinearAttention', update: 'gated', gate: 'key' },
  { operator: 'deltaRule', update: 'delta', beta: true },
  { operator: 'gatedDeltaRule', update: 'gated_delta', gate: 'head', beta: true },
  { operator: 'mlstm', preactivations: true },
];

/** Packed rows by role, as all contenders get them. */
export type RuleRows = Readonly<Record<string, Float32Array>> & {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
};

export const ruleLabel = ({ operator, gate }: Rule): string =>
  gate === undefined ? operator : `${operator}, gate a ${gate}`;

/**
 * Multiply-adds count as two, triangles exactly, gates and norms not at all: the state is written and read once a row
 * (delta rules read it twice), and half a chunk of keys and values is met.
 */
export function operationsPerRow({ beta }: Rule): number {
  const met = (CHUNK_ROWS + 1) / 2;
  return H * 2 * (beta ? 3 * K * V + 2 * met * (K + V) : 2 * K * V + met * (K + V));
}

/** Seeded rows with gates drawn anew for each: mild ones, as models have them, and keys of length 1. */
export function rowsFor({ gate, beta, preactivations }: Rule, T: number, seed = 3): RuleRows {
  const random = new Uint32Array(4);
  seedRandom(random, seed);
  const draw = (perRow: number, domain: (u: number) => number) =>
    Float32Array.from({ length: T * perRow }, () => domain(nextUnit(random)));
  const signed = (u: number) => 2 * u - 1;
  return {
    q: draw(H * K, signed),
    k: normalized(draw(H * K, signed)),
    v: draw(H * V, signed),
    ...(gate === 'head' && { g: draw(H, (u) => -0.2 * u) }),
    ...(gate === 'key' && { g: draw(H * K, (u) => -0.2 * u * u) }),
    ...(beta && { beta: draw(H, (u) => 0.05 + 0.9 * u) }),
    ...(preactivations && { i: draw(H, (u) => 6 * u - 3), f: draw(H, (u) => 4 * u + 1) }),
  };
}

function normalized(keys: Float32Array): Float32Array {
  for (let from = 0; from < keys.length; from += K) {
    const key = keys.subarray(from, from + K);
    const length = Math.hypot(...key);
    for (let i = 0; i < K; i++) key[i]! /= length;
  }
  return keys;
}
