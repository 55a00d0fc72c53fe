import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Backend, openArena } from '../../src/kernels/kernel.js';
import { decayTable, scalarDecayKernels, scalarDecayScratch } from '../../src/kernels/scalar-decay.js';

interface Sizes {
  readonly H: number;
  readonly K: number;
  readonly V: number;
  readonly C: number;
}

interface Case extends Sizes {
  readonly lambdas: readonly number[];
  readonly normalized?: boolean;
}

interface Rows {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
}

const SLOTS = ['S', 'z', 'keys', 'values', 'decay', 'q', 'k', 'v', 'o', 'scratch'] as const;
type Slot = (typeof SLOTS)[number];

const SCALE = 0.3;
const EPSILON = 0.25;
const MOST_ROWS = 100;
const GUARD_FLOATS = 16;
const DECAYS = [0.999, 1, Math.exp(-60), 0.9];

const of = (sizes: Partial<Case>): Case => {
  const H = sizes.H ?? 2;
  return { H, K: 8, V: 8, C: 16, lambdas: DECAYS.slice(0, H), ...sizes };
};

function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

/** Seeded rows; those of a normalized case are positive, as a feature map makes them. */
function rowsOf({ H, K, V, normalized }: Case, T: number, seed = 1): Rows {
  const random = uniform(seed);
  const feature = normalized ? () => Math.abs(random()) : random;
  return {
    q: Float32Array.from({ length: T * H * K }, feature),
    k: Float32Array.from({ length: T * H * K }, feature),
    v: Float32Array.from({ length: T * H * V }, random),
  };
}

/** The operator's memory: each array between guards, the one named at the very end; scratch and output poisoned. */
function open(c: Case, backend: Backend, last: Slot = 'o') {
  const { H, K, V, C } = c;
  const lengths: Record<Slot, number> = {
    S: H * K * V,
    z: H * K,
    keys: H * K * C,
    values: H * C * V,
    decay: H * (C * C + C),
    q: MOST_ROWS * H * K,
    k: MOST_ROWS * H * K,
    v: MOST_ROWS * H * V,
    o: MOST_ROWS * H * V,
    scratch: scalarDecayScratch(C),
  };
  const floats = Object.values(lengths).reduce((sum, length) => sum + GUARD_FLOATS + length, 0);
  const { kernels, buffer } = openArena(scalarDecayKernels, 4 * floats, backend);
  const all = new Float32Array(buffer, buffer.byteLength - 4 * floats, floats).fill(Number.NaN);
  const memory = {} as Record<Slot, Float32Array>;
  const guards: Float32Array[] = [];
  let offset = 0;
  for (const slot of [...SLOTS.filter((name) => name !== last), last]) {
    guards.push(all.subarray(offset, offset + GUARD_FLOATS));
    offset += GUARD_FLOATS;
    memory[slot] = all.subarray(offset, offset + lengths[slot]);
    offset += lengths[slot];
  }
  memory.S.fill(0);
  memory.z.fill(0);
  memory.decay.set(decayTable(c.lambdas, C));
  return { ...memory, kernels, untouched: () => guards.every((guard) => guard.every(Number.isNaN)) };
}

/** Runs the rows in calls of the given lengths, then settles: all outputs, and the state before and after settling. */
function run(c: Case, rows: Rows, cuts: readonly number[], backend?: Backend, last?: Slot) {
  const { H, K, V, C } = c;
  const T = rows.v.length / (H * V);
  const m = open(c, backend ?? 'wasm', last);
  const o = new Float32Array(T * H * V);
  let t = 0;
  for (let call = 0; t < T; call++) {
    const count = Math.min(cuts[call % cuts.length]!, T - t);
    const keySpan = [t * H * K, (t + count) * H * K] as const;
    const valueSpan = [t * H * V, (t + count) * H * V] as const;
    m.q.set(rows.q.subarray(...keySpan));
    m.k.set(rows.k.subarray(...keySpan));
    m.v.set(rows.v.subarray(...valueSpan));
    const { S, z, keys, values, decay, q, k, v, scratch } = m;
    const sizes = [count, H, K, V, C, t % 256, SCALE] as const;
    if (c.normalized) {
      m.kernels.normalizedScalarDecay(S, z, keys, values, decay, q, k, v, m.o, scratch, ...sizes, EPSILON);
    } else {
      m.kernels.scalarDecay(S, keys, values, decay, q, k, v, m.o, scratch, ...sizes);
    }
    o.set(m.o.subarray(0, count * H * V), valueSpan[0]);
    t += count;
  }
  const state = Float32Array.from([m.S, m.z, m.keys, m.values].flatMap((slot) => Array.from(slot)));
  const { S, z, keys, values, decay } = m;
  if (c.normalized) m.kernels.settleNormalizedScalarDecay(S, z, keys, values, decay, H, K, V, C, T % 256);
  else m.kernels.settleScalarDecay(S, keys, values, decay, H, K, V, C, T % 256);
  return { o, state, S: m.S.slice(), z: m.z.slice(), untouched: m.untouched() };
}

/** The recurrence in float64, row by row. */
function naive({ H, K, V, lambdas, normalized }: Case, { q, k, v }: Rows) {
  const T = v.length / (H * V);
  const S = new Float64Array(H * K * V);
  const z = new Float64Array(H * K);
  const o = new Float64Array(T * H * V);
  for (let t = 0; t < T; t++) {
    for (let h = 0; h < H; h++) {
      const qRow = (t * H + h) * K;
      const vRow = (t * H + h) * V;
      let weight = EPSILON;
      for (let i = 0; i < K; i++) {
        z[h * K + i] = lambdas[h]! * z[h * K + i]! + k[qRow + i]!;
        weight += SCALE * q[qRow + i]! * z[h * K + i]!;
        for (let j = 0; j < V; j++) {
          const s = (h * K + i) * V + j;
          S[s] = lambdas[h]! * S[s]! + k[qRow + i]! * v[vRow + j]!;
          o[vRow + j] = o[vRow + j]! + SCALE * q[qRow + i]! * S[s]!;
        }
      }
      if (normalized) for (let j = 0; j < V; j++) o[vRow + j] = o[vRow + j]! / weight;
    }
  }
  return { o, S, z };
}

function relativeRmse(got: Float32Array, expected: Float64Array): number {
  let error = 0;
  let size = 0;
  for (let i = 0; i < expected.length; i++) {
    error += (got[i]! - expected[i]!) ** 2;
    size += expected[i]! ** 2;
  }
  return Math.sqrt(error / size);
}

function sameBits(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}

const WIDTHS = [1, 3, 5, 8, 17, 64];
const EVERY_SIZE = WIDTHS.flatMap((K) => WIDTHS.flatMap((V) => [1, 3, 4].map((H) => ({ H, K, V }))));

describe.each([false, true])('scalar decay, normalized: %s', (normalized) => {
  it('equals the float64 recurrence in output and settled state for every width and number of heads', () => {
    for (const sizes of EVERY_SIZE) {
      const c = of({ ...sizes, normalized });
      const rows = rowsOf(c, 100);
      const got = run(c, rows, [64]);
      const expected = naive(c, rows);
      const label = JSON.stringify(sizes);
      expect(relativeRmse(got.o, expected.o), label).toBeLessThanOrEqual(1e-6);
      expect(relativeRmse(got.S, expected.S), label).toBeLessThanOrEqual(1e-6);
      if (normalized) expect(relativeRmse(got.z, expected.z), label).toBeLessThanOrEqual(1e-6);
      expect(got.untouched, label).toBe(true);
    }
  });

  it('stays right over many flushes, with every kind of decay and both chunk lengths', () => {
    for (const C of [16, 32]) {
      const c = of({ H: 4, K: 5, V: 9, C, normalized });
      const rows = rowsOf(c, 2000);
      const got = run(c, rows, [100]);
      const expected = naive(c, rows);
      expect(relativeRmse(got.o, expected.o)).toBeLessThanOrEqual(1e-6);
      expect(relativeRmse(got.S, expected.S)).toBeLessThanOrEqual(1e-6);
    }
  });

  it('gives the same bits however the rows are cut', () => {
    const sizes = fc.constantFrom(1, 3, 8, 17);
    const cuts = fc.array(fc.constantFrom(1, 2, 3, 7, 15, 16, 17, 64, 100), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(sizes, sizes, fc.constantFrom(16, 32), cuts, (K, V, C, lengths) => {
        const c = of({ K, V, C, normalized });
        const rows = rowsOf(c, 300, K + V);
        const whole = run(c, rows, [MOST_ROWS]);
        const cut = run(c, rows, lengths);
        expect(sameBits(cut.o, whole.o)).toBe(true);
        expect(sameBits(cut.S, whole.S)).toBe(true);
        expect(sameBits(cut.state, whole.state)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('has a twin in TypeScript with the same bits in output and state', () => {
    for (const sizes of EVERY_SIZE) {
      const c = of({ ...sizes, normalized });
      const rows = rowsOf(c, 100, 7);
      const wasm = run(c, rows, [37], 'wasm');
      const twin = run(c, rows, [100], 'typescript');
      const label = JSON.stringify(sizes);
      expect(sameBits(twin.o, wasm.o), label).toBe(true);
      expect(sameBits(twin.S, wasm.S), label).toBe(true);
      expect(sameBits(twin.state, wasm.state), label).toBe(true);
      expect(twin.untouched, label).toBe(true);
    }
  });

  it.each(['wasm', 'typescript'] as const)('does not let a NaN change an earlier row (%s)', (backend) => {
    const c = of({ K: 17, V: 13, normalized });
    const rows = rowsOf(c, 64);
    const clean = run(c, rows, [64], backend);
    for (const bad of [1, 18, 30, 47]) {
      const dirty = { q: rows.q.slice(), k: rows.k.slice(), v: rows.v.slice() };
      dirty.q.fill(Number.NaN, bad * c.H * c.K);
      dirty.k.fill(Number.NaN, bad * c.H * c.K);
      dirty.v.fill(Number.NaN, bad * c.H * c.V);
      const earlier = bad * c.H * c.V;
      const got = run(c, dirty, [64], backend);
      expect(sameBits(got.o.subarray(0, earlier), clean.o.subarray(0, earlier))).toBe(true);
    }
  });
});

describe('scalar decay', () => {
  it('reads nothing behind its arrays: each in turn ends where memory ends', () => {
    const c = of({ H: 1, K: 7, V: 11, normalized: true });
    const rows = rowsOf(c, MOST_ROWS);
    const expected = run(c, rows, [MOST_ROWS]);
    for (const last of SLOTS)
      expect(sameBits(run(c, rows, [MOST_ROWS], 'wasm', last).o, expected.o), last).toBe(true);
  });

  it('flushes what is left of old rows, so that a state that fades away ends at 0', () => {
    const c = of({ H: 1, K: 5, V: 6, lambdas: [0.5] });
    const rows = rowsOf(c, 512);
    rows.k.fill(0, 10 * c.K);
    expect(run(c, rows, [100]).S).toEqual(new Float32Array(c.K * c.V));
  });

  it('leaves S as it is when the chunk is empty', () => {
    const c = of({});
    const { S, state } = run(c, rowsOf(c, 96), [96]);
    expect(S).toEqual(state.subarray(0, S.length));
  });
});

describe('decayTable', () => {
  it('has the decays from row to row, then those from the start of the chunk', () => {
    const table = decayTable([0.5, 0.25], 4);
    expect(Array.from(table.subarray(0, 20))).toEqual([
      1, 0, 0, 0, 0.5, 1, 0, 0, 0.25, 0.5, 1, 0, 0.125, 0.25, 0.5, 1, 0.5, 0.25, 0.125, 0.0625,
    ]);
    expect(Array.from(table.subarray(36))).toEqual([2 ** -2, 2 ** -4, 2 ** -6, 2 ** -8]);
  });

  it('counts decays below 2^-50 as 0', () => {
    const table = decayTable([2 ** -10], 16);
    expect(table[15 * 16 + 10]).toBe(2 ** -50);
    expect(table[15 * 16 + 9]).toBe(0);
  });
});
