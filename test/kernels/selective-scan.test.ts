import { describe, expect, it } from 'vitest';
import { selectiveScan as naive } from '../../operators/naive.js';
import {
  SelectiveScanFeature,
  selectiveScanKernels,
  selectiveScanScratch,
} from '../../src/kernels/selective-scan.js';
import { f32, f64 } from '../../src/layout.js';
import { expectClose } from '../support/compare.js';
import { uniform } from '../support/property.js';
import { describeRowKernel, kernelRows, type RowKernel, runKernel } from '../support/row-kernel.js';

const { SOFTPLUS, GATED, CONSTANT_B, CONSTANT_C } = SelectiveScanFeature;

interface Case {
  readonly D: number;
  readonly N: number;
  readonly G: number;
  readonly features: number;
  readonly complex?: boolean;
  /** The largest real part of A, in size. */
  readonly rate?: number;
}

/** Real parts from 0 to -rate; imaginary parts of either sign. */
function ratesOf({ D, N, complex, rate = 3 }: Case): Float64Array {
  const random = uniform(2);
  return Float64Array.from({ length: D * N * (complex ? 2 : 1) }, (_, i) =>
    complex && i % 2 === 1 ? 8 * random() - 4 : -rate * random(),
  );
}

function constantsOf(c: Case) {
  const random = uniform(9);
  const { D, N, complex, features } = c;
  const A = ratesOf(c);
  const own = (length: number) => Float32Array.from({ length }, () => 2 * random() - 1);
  const weights = D * N * (complex ? 2 : 1);
  return {
    powers: Float32Array.from(complex ? A.filter((_, i) => i % 2 === 0) : A, (rate) => rate * Math.LOG2E),
    quarters: complex
      ? A.filter((_, i) => i % 2 === 1).map((rate) => (2 * rate) / Math.PI)
      : new Float64Array(),
    skip: own(D),
    bias: own(D),
    ...(features & CONSTANT_B && { B: own(weights) }),
    ...(features & CONSTANT_C && { C: own(weights) }),
  };
}

type Arrays =
  | keyof ReturnType<typeof constantsOf>
  | keyof ReturnType<typeof selectiveScanScratch>
  | ('x' | 'elapsed' | 'u' | 'dt' | 'z' | 'y');
type Kernel = RowKernel<Case, (typeof selectiveScanKernels)['twins'], Arrays>;

const kernel: Kernel = {
  set: selectiveScanKernels,
  cases: [
    { D: 1, N: 1, G: 1, features: 0 },
    { D: 6, N: 4, G: 1, features: SOFTPLUS + GATED },
    { D: 5, N: 3, G: 5, features: GATED },
    { D: 18, N: 7, G: 2, features: SOFTPLUS + CONSTANT_B },
    { D: 9, N: 8, G: 3, features: SOFTPLUS + CONSTANT_C },
    { D: 7, N: 5, G: 1, features: CONSTANT_B + CONSTANT_C + GATED },
    { D: 5, N: 3, G: 1, features: SOFTPLUS + GATED, complex: true },
    { D: 6, N: 2, G: 2, features: CONSTANT_B, complex: true },
    { D: 3, N: 4, G: 3, features: CONSTANT_B + CONSTANT_C, complex: true },
  ],
  state: ({ D, N, complex }) => ({ x: f32(D * N * (complex ? 2 : 1)), elapsed: f64(D) }),
  inputs({ D, N, G, features, complex }) {
    const weights = f32(G * N * (complex ? 2 : 1));
    return {
      u: f32(D),
      dt: f32(D),
      ...(features & GATED && { z: f32(D) }),
      ...(!(features & CONSTANT_B) && { B: weights }),
      ...(!(features & CONSTANT_C) && { C: weights }),
    };
  },
  outputs: ({ D }) => ({ y: f32(D) }),
  constants: constantsOf,
  scratch(_, T) {
    const { scratch, steps } = selectiveScanScratch(T);
    return { scratch: f32(scratch), steps: f64(steps) };
  },
  domains: { dt: (u) => 1.05 + 0.5 * u },
  call(kernels, memory, { D, N, G, features, complex }, T, position) {
    const { x, elapsed, powers, quarters, skip, bias, u, dt, z = u, B, C, y, scratch, steps } = memory;
    const sizes = [T, D, N, G, features, position] as const;
    if (complex) {
      kernels.complexSelectiveScan(
        x,
        elapsed,
        powers,
        quarters,
        skip,
        bias,
        u,
        dt,
        z,
        B,
        C,
        y,
        scratch,
        steps,
        ...sizes,
      );
    } else {
      kernels.selectiveScan(x, elapsed, powers, skip, bias, u, dt, z, B, C, y, scratch, steps, ...sizes);
    }
  },
  naive(c, rows) {
    const { B, C, skip, bias } = constantsOf(c);
    const { D: dim, N: stateDim, G: groups, features, complex = false } = c;
    const options = {
      ...{ dim, stateDim, groups, complex, A: ratesOf(c), D: skip, dtBias: bias },
      ...(B && { B }),
      ...(C && { C }),
      softplus: (features & SOFTPLUS) !== 0,
      gate: (features & GATED) !== 0,
    };
    return naive(options, rows as never);
  },
};

describeRowKernel('selectiveScan', kernel);

describe('selectiveScan', () => {
  it.each([0.01, 1, 30, 500])('equals the float64 recurrence at rates up to %d', (rate) => {
    for (const complex of [false, true]) {
      const c: Case = { D: 6, N: 4, G: 1, features: SOFTPLUS, rate, complex };
      const rows = kernelRows(kernel, c, 600);
      // At 0.01 a row is remembered by hundreds of others, each of which rounds it once.
      const tolerance = rate < 1 ? 2e-6 : 1e-6;
      expectClose(runKernel(kernel, c, rows).outputs.y!, kernel.naive(c, rows).y!, tolerance, `${rate}`);
    }
  });

  it('follows a state that grows, until it is too large for a float32', () => {
    const c: Case = { D: 4, N: 2, G: 1, features: 0, rate: -0.5 };
    const rows = kernelRows(kernel, c, 100);
    expectClose(runKernel(kernel, c, rows).outputs.y!, kernel.naive(c, rows).y!, 1e-5, 'a growing state');
  });

  it('flushes what is left of old rows, so that a state that fades away ends at 0', () => {
    for (const complex of [false, true]) {
      const c: Case = { D: 5, N: 3, G: 1, features: SOFTPLUS, rate: 0, complex };
      const fading: Kernel = {
        ...kernel,
        constants: (one) => ({ ...constantsOf(one), powers: new Float32Array(15).fill(-0.4) }),
      };
      const rows = kernelRows(kernel, c, 768);
      rows.u!.fill(0, 50);
      const { x } = runKernel(fading, c, rows).state;
      expect(x!.every((value) => value === 0)).toBe(true);
    }
  });

  it('turns by whole, half and quarter turns without an error', () => {
    const c: Case = { D: 1, N: 1, G: 1, features: CONSTANT_B + CONSTANT_C, complex: true };
    const turning = (quarters: number): Kernel => ({
      ...kernel,
      constants: () => ({
        powers: new Float32Array(1),
        quarters: Float64Array.of(quarters),
        skip: new Float32Array(1),
        bias: new Float32Array(1),
        B: Float32Array.of(1, 0),
        C: Float32Array.of(0.5, 0),
      }),
    });
    const rows = { u: Float32Array.of(1, 0, 0, 0, 0), dt: new Float32Array(5).fill(1) };
    const y = (quarters: number) =>
      Array.from(runKernel(turning(quarters), c, rows).outputs.y!, (v) => v + 0);
    expect(y(1)).toEqual([1, 0, -1, 0, 1]);
    expect(y(-1)).toEqual([1, 0, -1, 0, 1]);
    expect(y(2)).toEqual([1, -1, 1, -1, 1]);
    expect(y(4e6)).toEqual([1, 1, 1, 1, 1]);
  });
});
