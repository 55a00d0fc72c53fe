import { describe, expect, it } from 'vitest';
import { hgrn as naive } from '../../operators/naive.js';
import { scanKernels } from '../../src/kernels/scan.js';
import { f32, f64 } from '../../src/layout.js';
import { expectClose } from '../support/compare.js';
import { describeRowKernel, kernelRows, type RowKernel, runKernel } from '../support/row-kernel.js';

interface Case {
  readonly D: number;
}

type Arrays = 'h' | 'logDecay' | 'x' | 'g' | 'o';

const kernel: RowKernel<Case, (typeof scanKernels)['twins'], Arrays> = {
  set: scanKernels,
  cases: [1, 3, 4, 5, 15, 16, 17, 37, 64].map((D) => ({ D })),
  state: ({ D }) => ({ h: f32(D), logDecay: f64(D) }),
  inputs: ({ D }) => ({ x: f32(D), g: f32(D) }),
  outputs: ({ D }) => ({ o: f32(D) }),
  constants: () => ({}),
  scratch: () => ({}),
  domains: { g: (u) => -2 * u },
  call: (kernels, { h, logDecay, x, g, o }, { D }, T, position) =>
    kernels.gatedScan(h, logDecay, x, g, o, T, D, position),
  naive: ({ D }, { x, g }) => naive({ dim: D }, { x: x!, g: g! }),
};

describeRowKernel('gatedScan', kernel);

describe('gatedScan', () => {
  const withGate = (D: number, T: number, gate: number, seed = 5): Record<string, Float32Array> => ({
    ...kernelRows(kernel, { D }, T, seed),
    g: new Float32Array(T * D).fill(gate),
  });

  it.each([-0.1, -6, -30, -34, -125, -1e30])('equals the float64 recurrence at gates of %d a row', (gate) => {
    const rows = withGate(7, 600, gate);
    const { outputs } = runKernel(kernel, { D: 7 }, rows);
    expectClose(outputs.o!, naive({ dim: 7 }, rows as never).o, 1e-7, `${gate}`);
  });

  it('counts a decay below 2^-50 as 0, so that a row remembers itself alone', () => {
    const rows = withGate(6, 100, -34.7);
    expect(runKernel(kernel, { D: 6 }, rows).outputs.o).toEqual(rows.x);
  });

  it('forgets nothing at a gate of 0', () => {
    const rows = { x: new Float32Array(500).fill(1), g: new Float32Array(500) };
    expect(runKernel(kernel, { D: 1 }, rows).state.h![0]).toBe(500);
  });

  it('keeps the length of a long memory: gates of -1e-5 over 200,000 rows', () => {
    const T = 200_000;
    const rows = { x: new Float32Array(T), g: new Float32Array(T).fill(-1e-5) };
    rows.x[0] = 1;
    const { outputs } = runKernel(kernel, { D: 1 }, rows);
    // Were the decay itself rounded to float32, this would be 8e-4.
    expectClose(outputs.o!, naive({ dim: 1 }, rows).o, 1e-5, 'the fading of one row');
  });

  it('flushes what is left of old rows, so that a state that fades away ends at 0', () => {
    for (const gate of [-0.3, -0.5, -6]) {
      const rows = withGate(5, 768, gate);
      rows.x!.fill(0, 50);
      expect(runKernel(kernel, { D: 5 }, rows).state.h).toEqual(new Float32Array(5));
    }
  });

  it('sums the gates in float64, whatever their number', () => {
    const T = 100_000;
    const rows = { x: new Float32Array(T), g: new Float32Array(T).fill(-0.1) };
    const { logDecay } = runKernel(kernel, { D: 1 }, rows).state;
    expect(logDecay![0]).toBeCloseTo(T * Math.fround(-0.1), 6);
  });

  it('keeps channels apart: a NaN in one changes no other', () => {
    const D = 19;
    const rows = kernelRows(kernel, { D }, 64);
    const clean = runKernel(kernel, { D }, rows).outputs.o!;
    const dirty = { ...rows, x: rows.x!.map((value, i) => (i % D === 6 ? Number.NaN : value)) };
    const got = runKernel(kernel, { D }, dirty).outputs.o!;
    expect(got.every((value, i) => (i % D === 6 ? Number.isNaN(value) : value === clean[i]))).toBe(true);
  });
});
