/** The approximate members' kernels: equal to their twins, inside of their arrays, for every width. */
import { describe, expect, it } from 'vitest';
import { attendScratch } from '../../src/kernels/attend.js';
import { hyperAttentionKernels } from '../../src/kernels/hyper-attention.js';
import type { Backend } from '../../src/kernels/kernel.js';
import {
  distanceTable,
  kernelizedAttentionKernels,
  kernelizedScratch,
  ringBlocks,
} from '../../src/kernels/kernelized-attention.js';
import { monomialsUpTo, tensorAttentionKernels, tensorScratch } from '../../src/kernels/tensor-attention.js';
import { f32, f64, i32 } from '../../src/layout.js';
import { guardedViews } from '../support/guarded-arrays.js';
import { uniform } from '../support/property.js';

const WIDTHS = [1, 3, 4, 5, 8, 17];
const EVERY_WIDTH = WIDTHS.flatMap((K) => WIDTHS.map((V) => ({ K, V })));

const BACKENDS: readonly Backend[] = ['wasm', 'typescript'];

function fillWith(random: () => number, ...arrays: (Float32Array | Float64Array)[]) {
  for (const array of arrays) for (let i = 0; i < array.length; i++) array[i] = 2 * random() - 1;
}

/** Every 7th row as queries, rows of both halves in turn as keys. */
function attended(backend: Backend, { K, V }: { K: number; V: number }, causal: number) {
  const [T, H, head, count] = [150, 2, 1, 70];
  const types = {
    m: f32(T, H),
    l: f32(T, H),
    o: f32(T, H * V),
    q: f32(T, H * K),
    k: f32(T, H * K),
    v: f32(T, H * V),
    queries: i32(count),
    keys: i32(count),
    scratch: f32(attendScratch(K, V)),
  };
  const { kernels, arrays: a, untouched } = guardedViews(hyperAttentionKernels, types, backend, 'v');
  fillWith(uniform(K * 100 + V), a.q, a.k, a.v);
  a.m.fill(Number.NEGATIVE_INFINITY);
  a.l.fill(0);
  a.o.fill(0);
  for (let i = 0; i < count; i++) {
    a.queries[i] = (i * 7) % T;
    a.keys[i] = (i * 77) % T;
  }
  const lists = [a.m, a.l, a.o, a.q, a.k, a.v, a.queries, a.keys, a.scratch] as const;
  kernels.attendRows(...lists, count, count, H, K, V, head, 0.7, 0, causal);
  kernels.attendRows(...lists, 5, 9, H, K, V, head, 0.7, 1.5, 0);
  kernels.finishAttention(a.m, a.l, a.o, T, H, V);
  return { o: a.o.slice(), lse: a.l.slice(), untouched: untouched() };
}

describe('attendRows', () => {
  it.each([0, 1])('has a twin with the same bits and stays inside of its arrays (causal: %i)', (causal) => {
    for (const widths of EVERY_WIDTH) {
      const [wasm, twin] = BACKENDS.map((backend) => attended(backend, widths, causal));
      expect(twin, JSON.stringify(widths)).toEqual(wasm);
      expect(wasm!.untouched, JSON.stringify(widths)).toBe(true);
    }
  });

  it('leaves other heads and rows that are not listed as they were', () => {
    const { o, lse } = attended('wasm', { K: 3, V: 5 }, 0);
    const listed = new Set(Array.from({ length: 70 }, (_, i) => (i * 7) % 150));
    for (let row = 0; row < 300; row++) {
      if (row % 2 === 1 && listed.has((row - 1) / 2)) continue;
      expect(lse[row]).toBe(Number.NEGATIVE_INFINITY);
      expect(o.subarray(row * 5, row * 5 + 5)).toEqual(new Float32Array(5));
    }
  });
});

function kernelized(backend: Backend, { K, V }: { K: number; V: number }, identity: number, W: number) {
  const [T, H] = [64, 2];
  const M = identity ? K : 7;
  const R = ringBlocks(W);
  const types = {
    keys: f32(H, R, M, 64),
    values: f32(H, R, 64, V),
    distances: f32(H, W + 9),
    projections: f32(identity ? 0 : K * M),
    q: f32(T, H * K),
    k: f32(T, H * K),
    v: f32(T, H * V),
    o: f32(T, H * V),
    scratch: f32(kernelizedScratch(K, M)),
  };
  const { kernels, arrays: a, untouched } = guardedViews(kernelizedAttentionKernels, types, backend, 'o');
  const random = uniform(K * 100 + V);
  a.distances.set(distanceTable(Float64Array.from({ length: H * (2 * W + 1) }, random), H, W));
  fillWith(random, a.projections);
  const outputs: number[] = [];
  let position = 0;
  for (const [call, rows] of [64, 1, 50, 64, 13, 64].entries()) {
    fillWith(random, a.q, a.k, a.v);
    if (identity) for (const x of [a.q, a.k]) x.set(x.map(Math.abs));
    if (call === 2) a.q.fill(0, 0, K);
    const place = [position % (64 * R), Math.min(position, W), identity] as const;
    const { keys, values, distances, projections, q, k, v, o, scratch } = a;
    const arrays = [keys, values, distances, projections, q, k, v, o, scratch] as const;
    kernels.kernelizedAttention(...arrays, rows, H, K, V, M, R, W, ...place);
    outputs.push(...a.o.subarray(0, rows * H * V));
    position += rows;
  }
  return { outputs, untouched: untouched() };
}

describe('kernelizedAttention', () => {
  it.each([
    [0, 30],
    [0, 100],
    [1, 64],
    [1, 0],
  ])(
    'has a twin with the same bits and stays inside of its arrays (identity: %i, window: %i)',
    (identity, W) => {
      for (const widths of EVERY_WIDTH) {
        const [wasm, twin] = BACKENDS.map((backend) => kernelized(backend, widths, identity, W));
        expect(twin, JSON.stringify(widths)).toEqual(wasm);
        expect(wasm!.untouched, JSON.stringify(widths)).toBe(true);
        expect(wasm!.outputs.every(Number.isFinite), JSON.stringify(widths)).toBe(true);
      }
    },
  );
});

function tensor(backend: Backend, { K, V }: { K: number; V: number }) {
  const [n, H] = [37, 2];
  const { parents, variables, coefficients } = monomialsUpTo(K, 2, 0.4);
  const count = parents.length;
  const types = {
    q: f32(n, H * K),
    k1: f32(n, H * K),
    k2: f32(n, H * K),
    v1: f32(n, H * V),
    v2: f32(n, H * V),
    o: f32(n, H * V),
    numbers: i32(n),
    scratch: f32(tensorScratch(n, K, V)),
    sums1: f64(H, count, V + 1),
    sums2: f64(H, count, V + 1),
    parents: i32(count),
    variables: i32(count),
    coefficients: f64(count),
    monomials: f64(count + V + 1),
  };
  const { kernels, arrays: a, untouched } = guardedViews(tensorAttentionKernels, types, backend, 'v2');
  fillWith(uniform(K * 100 + V), a.q, a.k1, a.k2, a.v1, a.v2);
  for (let i = 0; i < n; i++) a.numbers[i] = i;
  const { q, k1, k2, v1, v2, o, sums1, sums2, monomials } = a;
  for (let i = 0; i < n; i += 9) {
    const out = o.subarray(i * H * V);
    kernels.attendToPairs(q.subarray(i * H * K), k1, k2, v1, v2, out, a.numbers, a.scratch, n, H, K, V, 0.4);
  }
  const exact = o.slice();
  a.parents.set(parents);
  a.variables.set(variables);
  a.coefficients.set(coefficients);
  sums1.fill(0);
  sums2.fill(0);
  const rows = [k1, k2, v1, v2, a.parents, a.variables, monomials] as const;
  kernels.addPairMoments(sums1, sums2, ...rows, n, H, K, V, count);
  const powers = [a.parents, a.variables, a.coefficients, monomials] as const;
  kernels.readPairMoments(sums1, sums2, q, o, ...powers, n, H, K, V, count);
  return { exact, o: o.slice(), sums: sums1.slice(), untouched: untouched() };
}

describe('attention to pairs', () => {
  it('has twins with the same bits and stays inside of its arrays', () => {
    for (const widths of EVERY_WIDTH) {
      const [wasm, twin] = BACKENDS.map((backend) => tensor(backend, widths));
      expect(twin, JSON.stringify(widths)).toEqual(wasm);
      expect(wasm!.untouched, JSON.stringify(widths)).toBe(true);
    }
  });
});

describe('monomialsUpTo', () => {
  it('has each monomial once, with what the power series of e^x gives it', () => {
    const { parents, variables, coefficients } = monomialsUpTo(2, 3, 0.5);
    expect(parents.length).toBe(10);
    expect([...parents]).toEqual([0, 0, 0, 1, 1, 2, 3, 3, 4, 5]);
    expect([...variables]).toEqual([0, 0, 1, 0, 1, 1, 0, 1, 1, 1]);
    const [half, quarter, eighth] = [0.5, 0.25, 0.125];
    expect([...coefficients]).toEqual([
      1,
      half,
      half,
      quarter / 2,
      quarter,
      quarter / 2,
      eighth / 6,
      eighth / 2,
      eighth / 2,
      eighth / 6,
    ]);
  });
});
