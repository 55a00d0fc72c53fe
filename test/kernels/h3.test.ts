import { describe, expect, it } from 'vitest';
import { h3 as naive } from '../../operators/naive.js';
import { h3Kernels, h3Scratch } from '../../src/kernels/h3.js';
import { f32, f64 } from '../../src/layout.js';
import { expectClose } from '../support/compare.js';
import { uniform } from '../support/property.js';
import { describeRowKernel, kernelRows, type RowKernel, runKernel } from '../support/row-kernel.js';

interface Case {
  readonly D: number;
  readonly N: number;
  readonly M: number;
  readonly P: number;
  /** How far from the unit circle the modes are. */
  readonly distance?: number;
}

/** Parameters whose discretized modes are what `modes` says: A = 2 (Z - 1) / (Z + 1) for steps of 1. */
function constantsOf({ D, N, M, P, distance = 0.05 }: Case) {
  const random = uniform(4);
  const H = D / P;
  const signed = () => 2 * random() - 1;
  const modes = Float64Array.from({ length: H * M * 6 }, signed);
  for (let i = 0; i < modes.length; i += 6) {
    const angle = 3 * random();
    modes[i] = (1 - distance * random()) * Math.cos(angle);
    modes[i + 1] = (1 - distance * random()) * Math.sin(angle);
  }
  return {
    taps: Float32Array.from({ length: N * D }, signed),
    keySkip: Float32Array.from({ length: D }, signed),
    modes,
    valueSkip: Float64Array.from({ length: H }, signed),
  };
}

type Pair = readonly [number, number];
const times = ([a, b]: Pair, [c, d]: Pair): Pair => [a * c - b * d, a * d + b * c];
const over = (x: Pair, [c, d]: Pair): Pair => times(x, [c / (c * c + d * d), -d / (c * c + d * d)]);

/** The options that have these constants: the bilinear rule undone. */
function optionsOf(c: Case) {
  const { taps, keySkip, modes, valueSkip } = constantsOf(c);
  const { D, N, P } = c;
  const [A, B, C]: [number[], number[], number[]] = [[], [], []];
  for (let i = 0; i < modes.length; i += 6) {
    const z: Pair = [modes[i]!, modes[i + 1]!];
    const a = over([2 * (z[0] - 1), 2 * z[1]], [z[0] + 1, z[1]]);
    A.push(...a);
    B.push(...times([modes[i + 2]!, modes[i + 3]!], [1 - a[0] / 2, -a[1] / 2]));
    C.push(modes[i + 4]! / 2, modes[i + 5]! / 2);
  }
  return {
    ...{ dim: D, stateDim: N, headDim: P },
    shift: { C: Float32Array.from(taps, (_, i) => taps[(i % N) * D + Math.floor(i / N)]!), D: keySkip },
    diagonal: { dt: new Array<number>(D / P).fill(1), A, B, C, D: valueSkip },
  };
}

type Arrays =
  | keyof ReturnType<typeof constantsOf>
  | keyof ReturnType<typeof h3Scratch>
  | ('shift' | 'x' | 'q' | 'k' | 'v' | 'y');

const kernel: RowKernel<Case, (typeof h3Kernels)['twins'], Arrays> = {
  set: h3Kernels,
  cases: [
    { D: 1, N: 1, M: 1, P: 1 },
    { D: 6, N: 8, M: 4, P: 1 },
    { D: 17, N: 3, M: 5, P: 1 },
    { D: 5, N: 70, M: 2, P: 1 },
    { D: 6, N: 4, M: 3, P: 2 },
    { D: 6, N: 2, M: 1, P: 6 },
    { D: 15, N: 5, M: 2, P: 3 },
  ],
  state: ({ D, N, M, P }) => ({ shift: f32(D * N), x: f64(P * D * M * 2) }),
  inputs: ({ D }) => ({ q: f32(D), k: f32(D), v: f32(D) }),
  outputs: ({ D }) => ({ y: f32(D) }),
  constants: constantsOf,
  scratch({ D, N }, T) {
    const { history, keys, lanes } = h3Scratch(T, D, N);
    return { history: f32(history), keys: f32(keys), lanes: f64(lanes) };
  },
  call(kernels, memory, { D, N, M, P }, T, position) {
    const { shift, x, taps, keySkip, modes, valueSkip, q, k, v, y, history, keys, lanes } = memory;
    const sizes = [T, D, N, M, P, position] as const;
    kernels.h3(shift, x, taps, keySkip, modes, valueSkip, q, k, v, y, history, keys, lanes, ...sizes);
  },
  naive: (c, rows) => naive(optionsOf(c), rows as never),
};

describeRowKernel('h3', kernel);

describe('h3', () => {
  it('keeps modes on the edge of the unit circle in step over 20,000 rows', () => {
    const c: Case = { D: 2, N: 2, M: 3, P: 1, distance: 1e-5 };
    const rows = kernelRows(kernel, c, 20_000);
    expectClose(runKernel(kernel, c, rows).outputs.y!, kernel.naive(c, rows).y!, 1e-6, 'long modes');
  });

  it('flushes what is left of old rows, so that a state that fades away ends at 0', () => {
    const c: Case = { D: 3, N: 4, M: 2, P: 1, distance: 0.9 };
    const fading: typeof kernel = {
      ...kernel,
      constants: (one) => ({ ...constantsOf(one), modes: constantsOf(one).modes.fill(0.5, 0) }),
    };
    const rows = kernelRows(kernel, c, 768);
    rows.k!.fill(0, 30);
    const { x } = runKernel(fading, c, rows).state;
    expect(x!.every((value) => value === 0)).toBe(true);
  });
});
