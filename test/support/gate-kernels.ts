/**
 * The kernels of linear attention with gates, driven alike: rows in calls of given lengths, then settled.
 */
import * as naives from '../../operators/naive.js';
import { diagonalGateKernels, diagonalGateScratch, GROUP_ROWS } from '../../src/kernels/diagonal-gate.js';
import type { Backend } from '../../src/kernels/kernel.js';
import { scalarGateKernels, scalarGateScratch } from '../../src/kernels/scalar-gate.js';
import { guardedArrays } from './guarded-arrays.js';
import { uniform } from './property.js';

export interface Sizes {
  readonly H: number;
  readonly K: number;
  readonly V: number;
  readonly C: number;
}

export type GateKernel = 'scalarGate' | 'diagonalGate' | 'bonusDiagonalGate';

export interface GateRows {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly g: Float32Array;
}

export interface RunSettings {
  readonly backend?: Backend;
  /** The array that ends where memory ends. */
  readonly last?: ArrayName;
}

const SCALE = 0.375;
export const MOST_ROWS = 100;

const SCALAR_DECAYS = ['fades', 'carry', 'decay'] as const;
const DIAGONAL_DECAYS = ['groupKeys', 'groupDecay', 'chunkDecay', 'decay'] as const;
export type ArrayName =
  | (typeof SCALAR_DECAYS | typeof DIAGONAL_DECAYS)[number]
  | keyof GateRows
  | ('S' | 'keys' | 'values' | 'bonus' | 'o' | 'scratch');

export const gateWidth = (kernel: GateKernel, K: number): number => (kernel === 'scalarGate' ? 1 : K);

/** Seeded rows; `gate` makes log decays of numbers in [0, 1). */
export function gateRows(
  kernel: GateKernel,
  { H, K, V }: Sizes,
  T: number,
  gate: (u: number) => number,
  seed = 1,
): GateRows {
  const random = uniform(seed);
  const signed = (length: number) => Float32Array.from({ length }, () => 2 * random() - 1);
  const g = Float32Array.from({ length: T * H * gateWidth(kernel, K) }, () => gate(random()));
  return { q: signed(T * H * K), k: signed(T * H * K), v: signed(T * H * V), g };
}

export const bonusOf = ({ H, K }: Sizes) => Float32Array.from({ length: H * K }, (_, i) => 1.5 - (i % 7) / 2);

export function arrayLengths(kernel: GateKernel, { H, K, V, C }: Sizes) {
  const scalar = kernel === 'scalarGate';
  return {
    S: H * K * V,
    keys: H * K * C,
    values: H * C * V,
    fades: H * C,
    carry: H,
    groupKeys: H * GROUP_ROWS * K,
    groupDecay: H * K,
    chunkDecay: H * K,
    decay: scalar ? H : H * K,
    bonus: H * K,
    q: MOST_ROWS * H * K,
    k: MOST_ROWS * H * K,
    v: MOST_ROWS * H * V,
    g: MOST_ROWS * H * gateWidth(kernel, K),
    o: MOST_ROWS * H * V,
    scratch: scalar ? scalarGateScratch(C) : diagonalGateScratch(K, C),
  } satisfies Record<ArrayName, number>;
}

/** The memory of a kernel before the first row. */
function open(kernel: GateKernel, sizes: Sizes, { backend = 'wasm', last = 'o' }: RunSettings) {
  const lengths = arrayLengths(kernel, sizes);
  const scalar = guardedArrays(scalarGateKernels, lengths, backend, last);
  const diagonal = guardedArrays(diagonalGateKernels, lengths, backend, last);
  const { arrays, untouched } = kernel === 'scalarGate' ? scalar : diagonal;
  const m = arrays;
  m.S.fill(0);
  m.fades.fill(0);
  for (const decays of [m.carry, m.groupDecay, m.chunkDecay, m.decay]) decays.fill(1);
  m.bonus.set(bonusOf(sizes));
  const { H, K, V, C } = sizes;
  const matrices = [m.S, m.keys, m.values] as const;
  const scalarSlots = [...matrices, m.fades, m.carry, m.decay] as const;
  const diagonalSlots = [...matrices, m.groupKeys, m.groupDecay, m.chunkDecay, m.decay] as const;
  const rows = [m.q, m.k, m.v, m.g, m.o, m.scratch] as const;
  const step = (T: number, position: number) => {
    const numbers = [T, H, K, V, C, position, SCALE] as const;
    if (kernel === 'scalarGate') scalar.kernels.scalarGate(...scalarSlots, ...rows, ...numbers);
    else if (kernel === 'diagonalGate') diagonal.kernels.diagonalGate(...diagonalSlots, ...rows, ...numbers);
    else diagonal.kernels.bonusDiagonalGate(...diagonalSlots, m.bonus, ...rows, ...numbers);
  };
  const settle = (position: number) => {
    if (kernel === 'scalarGate') scalar.kernels.settleScalarGate(...scalarSlots, H, K, V, C, position);
    else diagonal.kernels.settleDiagonalGate(...diagonalSlots, H, K, V, C, position);
  };
  const decays = kernel === 'scalarGate' ? SCALAR_DECAYS : DIAGONAL_DECAYS;
  return { m, step, settle, decays, untouched };
}

/** Outputs, S and decay after the last row, and all of the state that has a meaning before it was settled. */
export function runGates(
  kernel: GateKernel,
  sizes: Sizes,
  rows: GateRows,
  calls: readonly number[],
  settings: RunSettings = {},
) {
  const { m, step, settle, decays, untouched } = open(kernel, sizes, settings);
  const T = rows.v.length / (sizes.H * sizes.V);
  const o = new Float32Array(rows.v.length);
  const roles = Object.keys(rows) as (keyof GateRows)[];
  let t = 0;
  for (let call = 0; t < T; call++) {
    const count = Math.min(calls[call % calls.length]!, T - t);
    const part = (x: Float32Array) => x.subarray((t * x.length) / T, ((t + count) * x.length) / T);
    for (const role of roles) m[role].set(part(rows[role]));
    step(count, t % 256);
    part(o).set(m.o.subarray(0, part(o).length));
    t += count;
  }
  const slots = Object.fromEntries(['S', ...decays].map((name) => [name, m[name as ArrayName].slice()]));
  settle(T % 256);
  return { o, S: m.S.slice(), decay: m.decay.slice(), slots, untouched: untouched() };
}

/** The same rows in float64. */
export function naiveGates(kernel: GateKernel, sizes: Sizes, rows: GateRows): naives.GatedResult {
  const { H, K, V } = sizes;
  const options = { heads: H, keyDim: K, valueDim: V, scale: SCALE };
  if (kernel === 'scalarGate') return naives.simpleGla(options, rows);
  if (kernel === 'diagonalGate') return naives.gatedLinearAttention(options, rows);
  return naives.rwkv6({ ...options, bonus: bonusOf(sizes) }, { ...rows, r: rows.q });
}
