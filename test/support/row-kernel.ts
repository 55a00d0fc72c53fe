/**
 * What every kernel is held to that steps a state row by row: it equals a float64 recurrence at any width, has a twin
 * of the same bits, gives the same bits however the rows are cut, and touches nothing but its arrays.
 */
import { describe, expect, it } from 'vitest';
import type { Backend, KernelSet, Kernels } from '../../src/kernels/kernel.js';
import { type ArrayTypes, f32, f64 } from '../../src/layout.js';
import { expectClose, expectSameBits } from './compare.js';
import { guardedViews } from './guarded-arrays.js';
import { uniform } from './property.js';

export type Floats = Float32Array | Float64Array;
type Named<T> = Readonly<Record<string, T>>;

/** One call's memory, by name. */
export type Memory = Named<Floats>;

/** `A` are the names of the arrays that a call takes. */
export interface RowKernel<C, K extends Kernels = Kernels, A extends string = string> {
  readonly set: KernelSet<K>;
  readonly cases: readonly C[];
  /** Kept from call to call; starts as zeros. */
  state(c: C): ArrayTypes;
  /** What a row has of each input and output. */
  inputs(c: C): ArrayTypes;
  outputs(c: C): ArrayTypes;
  constants(c: C): Named<Floats>;
  /** Poisoned before each run. */
  scratch(c: C, T: number): ArrayTypes;
  /** What an input is like where any number in [-1, 1) will not do; `u` is uniform in [0, 1). */
  readonly domains?: Named<(u: number) => number>;
  call(kernels: K, memory: Readonly<Record<A, never>>, c: C, T: number, position: number): void;
  naive(c: C, rows: Named<Float32Array>): Named<ArrayLike<number>>;
}

const MOST_ROWS = 64;

/** Seeded rows of a case's inputs. */
export function kernelRows<C>(
  kernel: Pick<RowKernel<C>, 'inputs' | 'domains'>,
  c: C,
  T: number,
  seed = 1,
): Record<string, Float32Array> {
  const random = uniform(seed);
  return Object.fromEntries(
    Object.entries(kernel.inputs(c)).map(([name, { length }]) => {
      const domain = kernel.domains?.[name] ?? ((u: number) => 2 * u - 1);
      return [name, Float32Array.from({ length: T * length }, () => domain(random()))];
    }),
  );
}

const forRows = (types: ArrayTypes, rows: number): ArrayTypes =>
  Object.fromEntries(Object.entries(types).map(([n, type]) => [n, { ...type, length: rows * type.length }]));

export interface KernelRun {
  readonly cuts?: readonly number[];
  readonly backend?: Backend;
  readonly last?: string;
}

/** Runs the rows in calls of the given lengths: all outputs, the state behind them, and whether the guards held. */
export function runKernel<C, K extends Kernels, A extends string>(
  kernel: RowKernel<C, K, A>,
  c: C,
  rows: Named<Float32Array>,
  { cuts = [MOST_ROWS], backend = 'wasm', last }: KernelRun = {},
) {
  const [state, inputs, outputs] = [kernel.state(c), kernel.inputs(c), kernel.outputs(c)];
  const constants = kernel.constants(c);
  const constantTypes = Object.fromEntries(
    Object.entries(constants).map(([name, values]) => [
      name,
      (values instanceof Float32Array ? f32 : f64)(values.length),
    ]),
  );
  const rowTypes = forRows({ ...inputs, ...outputs }, MOST_ROWS);
  const types = { ...state, ...constantTypes, ...rowTypes, ...kernel.scratch(c, MOST_ROWS) };
  const { kernels, arrays, untouched } = guardedViews(kernel.set, types, backend, last);
  const memory = arrays as Record<string, Floats>;
  for (const name of Object.keys(state)) memory[name]!.fill(0);
  for (const [name, values] of Object.entries(constants)) memory[name]!.set(values);
  const [first, { length: width }] = Object.entries(inputs)[0]!;
  const total = rows[first]!.length / width;
  const got = Object.fromEntries(
    Object.entries(outputs).map(([name, { length }]) => [name, new Float32Array(total * length)]),
  );
  for (let t = 0, call = 0; t < total; call++) {
    const T = Math.min(cuts[call % cuts.length]!, total - t);
    for (const [name, { length }] of Object.entries(inputs)) {
      memory[name]!.set(rows[name]!.subarray(t * length, (t + T) * length));
    }
    kernel.call(kernels, memory as Record<A, never>, c, T, t % 256);
    for (const [name, { length }] of Object.entries(outputs)) {
      got[name]!.set(memory[name]!.subarray(0, T * length), t * length);
    }
    t += T;
  }
  const slots = Object.fromEntries(Object.keys(state).map((name) => [name, memory[name]!.slice()]));
  return { outputs: got, state: slots, untouched: untouched() };
}

/** Throws unless two runs gave the same bits; `rows` limits the outputs to the first ones. */
export function expectSameRun(
  got: ReturnType<typeof runKernel>,
  expected: ReturnType<typeof runKernel>,
  what: string,
): void {
  for (const part of ['outputs', 'state'] as const) {
    for (const [name, values] of Object.entries(expected[part]))
      expectSameBits(got[part][name]!, values, `${what}, ${name}`);
  }
}

/** The tests that all row kernels share. */
export function describeRowKernel<C, K extends Kernels, A extends string>(
  name: string,
  kernel: RowKernel<C, K, A>,
): void {
  describe(`${name}, as a kernel`, () => {
    it('equals the float64 recurrence for every case, and writes nowhere else', () => {
      for (const c of kernel.cases) {
        const label = JSON.stringify(c);
        const rows = kernelRows(kernel, c, 300);
        const { outputs, state, untouched } = runKernel(kernel, c, rows);
        for (const [array, values] of Object.entries(kernel.naive(c, rows))) {
          const got = outputs[array] ?? state[array];
          if (got !== undefined) expectClose(got, values, 1e-6, `${label}, ${array}`);
        }
        expect(untouched, label).toBe(true);
      }
    });

    it('has a twin in TypeScript with the same bits', () => {
      for (const c of kernel.cases) {
        const rows = kernelRows(kernel, c, 270, 7);
        const twin = runKernel(kernel, c, rows, { backend: 'typescript' });
        expectSameRun(twin, runKernel(kernel, c, rows), JSON.stringify(c));
        expect(twin.untouched).toBe(true);
      }
    });

    it('gives the same bits however the rows are cut', () => {
      for (const c of kernel.cases) {
        const rows = kernelRows(kernel, c, 300, 3);
        const whole = runKernel(kernel, c, rows);
        for (const cuts of [[1], [3, 64, 1, 16], [63, 2], [0, 17]]) {
          expectSameRun(runKernel(kernel, c, rows, { cuts }), whole, `${JSON.stringify(c)} cut into ${cuts}`);
        }
      }
    });

    it.each(['wasm', 'typescript'] as const)('does not let a NaN change an earlier row (%s)', (backend) => {
      for (const c of kernel.cases) {
        const rows = kernelRows(kernel, c, 64);
        const clean = runKernel(kernel, c, rows, { backend });
        for (const bad of [1, 18, 63]) {
          const dirty = Object.fromEntries(
            Object.entries(kernel.inputs(c)).map(([input, { length }]) => [
              input,
              rows[input]!.slice().fill(Number.NaN, bad * length),
            ]),
          );
          const got = runKernel(kernel, c, dirty, { backend });
          for (const [output, { length }] of Object.entries(kernel.outputs(c))) {
            const earlier = (values: Float32Array) => values.slice(0, bad * length);
            expectSameBits(
              earlier(got.outputs[output]!),
              earlier(clean.outputs[output]!),
              `before row ${bad}`,
            );
          }
        }
      }
    });

    it('reads nothing behind its arrays: each in turn ends where memory ends', () => {
      for (const c of kernel.cases) {
        const rows = kernelRows(kernel, c, 64);
        const expected = runKernel(kernel, c, rows);
        const all = { ...kernel.state(c), ...kernel.inputs(c), ...kernel.outputs(c), ...kernel.constants(c) };
        for (const last of Object.keys(all)) {
          expectSameRun(runKernel(kernel, c, rows, { last }), expected, `${last} at the end`);
        }
      }
    });
  });
}
