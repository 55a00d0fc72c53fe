import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type H3Options,
  h3,
  hgrn,
  lightningAttention,
  type SelectiveScanOptions,
  selectiveScan,
} from '../../operators/index.js';
import * as naives from '../../operators/naive.js';
import { applyTo } from '../../src/apply.js';
import { stateFromSnapshot } from '../../src/define-operator.js';
import type { Operator } from '../../src/operator.js';
import { expectClose, expectSameBits } from '../support/compare.js';
import { expectError } from '../support/errors.js';
import { run } from '../support/outcome.js';
import { campaign, seeds, uniform } from '../support/property.js';
import { batchOf, type Rows, rowsBetween, rowsOf } from '../support/rows.js';

const randomRows = (operator: Operator, numRows: number, seed: number): Rows =>
  rowsOf(operator.name, operator.description.inputs, {}, numRows, seed);
const outcome = (operator: Operator, rows: Rows) =>
  run(operator, [batchOf(operator.description.inputs, rows)]);
const output = (operator: Operator, rows: Rows) =>
  Object.values(outcome(operator, rows).outputs)[0] as Float32Array;

/** Seeded numbers in [from, to). */
function random(seed: number, length: number, from = -1, to = 1): number[] {
  const next = uniform(seed);
  return Array.from({ length }, () => from + (to - from) * next());
}

describe('hgrn', () => {
  it('equals its float64 reference at any width', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 70 }), seeds, (dim, seed) => {
        const rows = randomRows(hgrn({ dim }), 130, seed);
        expectClose(output(hgrn({ dim }), rows), naives.hgrn({ dim }, rows as never).o, 1e-6, 'hgrn');
      }),
      campaign(3),
    );
  });

  it('with a constant gate is lightningAttention asked with ones', () => {
    const dim = 7;
    const rows = randomRows(hgrn({ dim }), 200, 1);
    const ones = new Float32Array(200).fill(1);
    for (const rate of [0, 0.01, 3]) {
      const attention = lightningAttention({ keyDim: 1, valueDim: dim, slopes: [rate] });
      const gated = output(hgrn({ dim }), { ...rows, g: new Float32Array(200 * dim).fill(-rate) });
      expectClose(gated, output(attention, { q: ones, k: ones, v: rows.x! }), 1e-6, `rate ${rate}`);
    }
  });

  it('of a constant, given by parts of 1 - e^g, stays that constant', () => {
    const [T, level, decay] = [300, 21.5, 0.9];
    const rows = {
      x: new Float32Array(T).fill(level * (1 - decay)),
      g: new Float32Array(T).fill(Math.log(decay)),
    };
    const operator = hgrn({ dim: 1 });
    const { batches } = applyTo(batchOf(operator.description.inputs, rows), operator, {
      initialState: operator.state({ h: [level] }),
    });
    const smoothed = batches[0]!.getChild('o')!.data[0]!.children[0]!.values as Float32Array;
    expectClose(smoothed, new Float32Array(T).fill(level), 1e-6, 'smoothed');
  });

  it('merges over gates that sum to far below what a float32 can hold', () => {
    const operator = hgrn({ dim: 3 });
    const rows = { x: new Float32Array(300).fill(1), g: new Float32Array(300).fill(-20) };
    const { finalState } = applyTo(batchOf(operator.description.inputs, rows), operator);
    const merged = operator.merge(operator.state({ h: [1e30, -1e30, 5] }), finalState);
    expect(merged.slot('h')).toEqual(finalState.slot('h'));
  });

  it('refuses a gate above 0, naming row and column', () => {
    const operator = hgrn({ dim: 2 });
    const rows = { x: new Float32Array(8), g: Float32Array.of(0, -1, 0, -0, -3, 0, -1, 1e-6) };
    const error = expectError('CORRUPT_INPUT', () => outcome(operator, rows), { row: 3, column: 'g' });
    expect(error.message).toContain('at most 0');
  });

  it('keeps a state of the same bytes over a million rows, and forgets as it should', () => {
    const operator = hgrn({ dim: 2 });
    const T = 20_000;
    const g = new Float32Array(2 * T).fill(-1e-3);
    const batch = batchOf(operator.description.inputs, { x: new Float32Array(2 * T).fill(1), g });
    const open = operator.open();
    for (let i = 0; i < 50; i++) open.step(batch, () => {});
    expect(open.snapshot().length).toBe(operator.stateBytes);
    const { h, logDecay } = slotsOf(operator, open.snapshot());
    const level = 1 / -Math.expm1(Math.fround(-1e-3));
    // Each row rounds h by at most 3e-8 of it, and 1000 rows are remembered.
    expectClose(h!, [level, level], 3.1e-5, 'the level that it settles at');
    expectClose(logDecay!, [-1000, -1000], 1e-6, 'the sum of the gates');
  });
});

const slotsOf = (operator: Operator, snapshot: Uint8Array) => {
  const state = stateFromSnapshot(operator, snapshot);
  return Object.fromEntries(state.slots.map((name) => [name, state.slot(name) as Float64Array]));
};

describe('selectiveScan', () => {
  const shapes = fc.record({
    heads: fc.integer({ min: 1, max: 5 }),
    groups: fc.integer({ min: 1, max: 4 }),
    stateDim: fc.integer({ min: 1, max: 9 }),
    softplus: fc.boolean(),
    gate: fc.boolean(),
    complex: fc.boolean(),
    own: fc.constantFrom('', 'B', 'C', 'BC'),
  });
  const optionsOf = ({
    heads,
    groups,
    stateDim,
    own,
    ...flags
  }: typeof shapes extends fc.Arbitrary<infer S> ? S : never) => {
    const dim = heads * groups;
    const weights = dim * stateDim * (flags.complex ? 2 : 1);
    return {
      ...flags,
      ...{
        dim,
        stateDim,
        groups,
        A: random(1, weights, -3, -0.1),
        D: random(2, dim),
        dtBias: random(3, dim, 0, 1),
      },
      ...(own.includes('B') && { B: random(4, weights) }),
      ...(own.includes('C') && { C: random(5, weights) }),
    } satisfies SelectiveScanOptions;
  };

  it('equals its float64 reference at any shape, with any of its options', () => {
    fc.assert(
      fc.property(shapes, seeds, (shape, seed) => {
        const options = optionsOf(shape);
        const operator = selectiveScan(options);
        const rows = randomRows(operator, 130, seed);
        expectClose(output(operator, rows), naives.selectiveScan(options, rows as never).y, 2e-6, 'y');
      }),
      campaign(4),
    );
  });

  const dim = 6;
  const stateDim = 3;
  const A = random(6, dim * stateDim, -2, 0);
  const plain = { dim, stateDim, A, gate: false };

  it('of one state, written and read as it is, is hgrn with g = dt A and x = dt u', () => {
    const rates = random(7, dim, -2, 0).map(Math.fround);
    const operator = selectiveScan({ dim, stateDim: 1, A: rates, gate: false });
    const ones = new Float32Array(200).fill(1);
    const rows = { ...randomRows(operator, 200, 3), B: ones, C: ones };
    const { u, dt } = rows as unknown as Record<'u' | 'dt', Float32Array>;
    const gated = { x: dt.map((step, i) => step * u[i]!), g: dt.map((step, i) => step * rates[i % dim]!) };
    expectClose(output(operator, rows), output(hgrn({ dim }), gated), 1e-6, 'as hgrn');
  });

  it('takes constant B and C as columns that repeat them, a group for each channel', () => {
    const [B, C] = [random(8, 18).map(Math.fround), random(9, 18).map(Math.fround)];
    const repeated = selectiveScan({ ...plain, groups: dim });
    const constant = selectiveScan({ ...plain, B, C });
    const rows = randomRows(constant, 100, 4);
    const repeat = (values: number[]) => Float32Array.from({ length: 1800 }, (_, i) => values[i % 18]!);
    expectSameBits(output(repeated, { ...rows, B: repeat(B), C: repeat(C) }), output(constant, rows), 'y');
  });

  it('gives each group the B and C of its own', () => {
    const rows = randomRows(selectiveScan({ ...plain, groups: 2 }), 100, 5);
    const grouped = output(selectiveScan({ ...plain, groups: 2 }), rows);
    for (const group of [0, 1]) {
      const own = (values: Rows[string], width: number) =>
        (values as Float32Array).filter((_, i) => Math.floor(i / width) % 2 === group);
      const alone = selectiveScan({ dim: 3, stateDim, A: A.slice(9 * group, 9 * group + 9), gate: false });
      const { u, dt, B, C } = rows as Record<'u' | 'dt' | 'B' | 'C', Rows[string]>;
      const got = output(alone, { u: own(u, 3), dt: own(dt, 3), B: own(B, 3), C: own(C, 3) });
      expectSameBits(got, own(grouped, 3) as Float32Array, `group ${group}`);
    }
  });

  it('without imaginary parts gives twice the real one', () => {
    const complexOf = (values: ArrayLike<number>) => Array.from(values).flatMap((value) => [value, 0]);
    const real = selectiveScan(plain);
    const rows = randomRows(real, 200, 6);
    const wide = { ...rows, B: complexOf(rows.B as Float32Array), C: complexOf(rows.C as Float32Array) };
    const got = output(selectiveScan({ ...plain, A: complexOf(A), complex: true }), {
      ...wide,
      B: Float32Array.from(wide.B),
      C: Float32Array.from(wide.C),
    });
    expectClose(
      got,
      output(real, rows).map((y) => 2 * y),
      1e-6,
      'y',
    );
  });

  it('with steps of 0 keeps its state, whatever comes', () => {
    const operator = selectiveScan(plain);
    const rows = { ...randomRows(operator, 100, 7), dt: new Float32Array(100 * dim) };
    const x = Float32Array.from(random(10, 18));
    const { finalState } = applyTo(batchOf(operator.description.inputs, rows), operator, {
      initialState: operator.state({ x }),
    });
    expect(finalState.slot('x')).toEqual(x);
  });

  it('reads only the columns that its options leave open', () => {
    const columns = (options: object) =>
      Object.keys(selectiveScan({ dim: 2, stateDim: 1, A: [-1, -1], ...options }).description.inputs);
    expect(columns({})).toEqual(['u', 'dt', 'z', 'B', 'C']);
    expect(columns({ gate: false })).toEqual(['u', 'dt', 'B', 'C']);
    expect(columns({ B: [1, 1], C: [1, 1] })).toEqual(['u', 'dt', 'z']);
  });

  it('refuses options that do not fit together', () => {
    const make = (options: object) => () => selectiveScan({ ...plain, ...options });
    expect(make({ groups: 4 })).toThrow('selectiveScan: option groups, expected a divisor of dim 6, got 4.');
    expect(make({ complex: true })).toThrow("selectiveScan: option A, expected 36 numbers, got '18'.");
    expect(make({ B: [1] })).toThrow("selectiveScan: option B, expected 18 numbers, got '1'.");
    expect(make({ D: [Number.NaN, 0, 0, 0, 0, 0] })).toThrow(
      'option D[0], expected a finite number, got NaN.',
    );
    expect(make({ gate: 1 })).toThrow('selectiveScan: option gate, expected true or false, got 1.');
  });
});

describe('h3', () => {
  const modelOf = (dim: number, stateDim: number, headDim: number, M: number): H3Options => {
    const H = dim / headDim;
    return {
      ...{ dim, stateDim, headDim },
      shift: { C: random(1, dim * stateDim), D: random(2, dim) },
      diagonal: {
        dt: random(3, H, 0.01, 0.1),
        A: random(4, 2 * H * M, 0, 20).map((part, i) => (i % 2 === 0 ? -0.5 : part)),
        B: random(5, 2 * H * M),
        C: random(6, 2 * H * M),
        D: random(7, H),
      },
    };
  };

  it('equals its float64 reference at any shape', () => {
    const size = (max: number) => fc.integer({ min: 1, max });
    fc.assert(
      fc.property(size(5), size(12), size(4), size(5), seeds, (H, N, P, M, seed) => {
        const options = modelOf(H * P, N, P, M);
        const rows = randomRows(h3(options), 130, seed);
        expectClose(output(h3(options), rows), naives.h3(options, rows as never).y, 1e-6, 'y');
      }),
      campaign(3),
    );
  });

  /** The response to a single 1, as a convolution would have it: sum over modes of 2 Re(C A^t B). */
  function responseOf({ dt, A, B, C }: H3Options['diagonal'], h: number, M: number, T: number): Float64Array {
    const response = new Float64Array(T);
    for (let i = h * M; i < (h + 1) * M; i++) {
      const [re, im] = [(dt[h]! * A[2 * i]!) / 2, (dt[h]! * A[2 * i + 1]!) / 2];
      const size = Math.hypot(1 + re, im) / Math.hypot(1 - re, im);
      const angle = Math.atan2(im, 1 + re) - Math.atan2(-im, 1 - re);
      const write = dt[h]! / Math.hypot(1 - re, im);
      const offset = -Math.atan2(-im, 1 - re);
      for (let t = 0; t < T; t++) {
        const [c, s] = [Math.cos(angle * t + offset), Math.sin(angle * t + offset)];
        const [bRe, bIm] = [B[2 * i]! * c - B[2 * i + 1]! * s, B[2 * i]! * s + B[2 * i + 1]! * c];
        response[t]! += 2 * write * size ** t * (C[2 * i]! * bRe - C[2 * i + 1]! * bIm);
      }
    }
    return response;
  }

  it('is two convolutions, with the products of keys, values and queries between', () => {
    const [T, M, N, P, dim] = [90, 3, 6, 2, 6];
    const H = dim / P;
    const options = modelOf(dim, N, P, M);
    const rows = randomRows(h3(options), T, 8);
    const { q, k, v } = rows as unknown as Record<'q' | 'k' | 'v', Float32Array>;
    const keys = Float64Array.from(k, (key, at) => {
      const d = at % dim;
      let sum = options.shift.D[d]! * key;
      for (let j = 0; j < N && at - j * dim >= 0; j++) sum += options.shift.C[d * N + j]! * k[at - j * dim]!;
      return sum;
    });
    const expected = new Float64Array(T * dim);
    for (let h = 0; h < H; h++) {
      const response = responseOf(options.diagonal, h, M, T);
      for (let t = 0; t < T; t++) {
        for (let i = 0; i < P * P; i++) {
          const [key, value] = [h * P + Math.floor(i / P), h * P + (i % P)];
          let sum = options.diagonal.D[h]! * keys[t * dim + key]! * v[t * dim + value]!;
          for (let j = 0; j <= t; j++) sum += response[t - j]! * keys[j * dim + key]! * v[j * dim + value]!;
          expected[t * dim + (i % P) * H + h]! += q[t * dim + key]! * sum;
        }
      }
    }
    expectClose(output(h3(options), rows), expected, 1e-6, 'y');
  });

  it('merges at any row, also while the shift register is not yet full', () => {
    const operator = h3(modelOf(6, 9, 2, 2));
    const { inputs } = operator.description;
    const rows = randomRows(operator, 24, 9);
    const ranOver = (from: number, to: number) =>
      applyTo(batchOf(inputs, rowsBetween(inputs, rows, from, to)), operator).finalState;
    const whole = ranOver(0, 24);
    for (let first = 0; first <= 24; first++) {
      for (const second of [first, first + 1, first + 5, 24].filter((row) => row <= 24)) {
        const ab = operator.merge(ranOver(0, first), ranOver(first, second));
        const abc = operator.merge(ab, ranOver(second, 24));
        for (const slot of ['shift', 'x', 'firstValues', 'rows']) {
          const [got, expected] = [abc.slot(slot), whole.slot(slot)] as [Float64Array, Float64Array];
          expectClose(got, expected, 1e-6, `${slot} merged at ${first} and ${second}`);
        }
      }
    }
  });

  it('refuses parameters that do not fit together', () => {
    const model = modelOf(4, 2, 2, 1);
    const make = (options: object) => () => h3({ ...model, ...options });
    const diagonal = (change: object) => make({ diagonal: { ...model.diagonal, ...change } });
    expect(make({ headDim: 3 })).toThrow('h3: option headDim, expected a divisor of dim 4, got 3.');
    expect(make({ shift: { C: [1], D: [1] } })).toThrow("h3: option shift.C, expected 8 numbers, got '1'.");
    expect(make({ shift: undefined })).toThrow('h3: option shift.C, expected 8 numbers, got undefined.');
    expect(make({ shift: { ...model.shift, E: [] } })).toThrow(
      "h3: option shift.E, expected one of C, D, got 'E'.",
    );
    expect(diagonal({ A: [0.1, 0, -1, 0] })).toThrow(
      'h3: option diagonal.A[0], expected a real part <= 0, got 0.1.',
    );
    expect(diagonal({ dt: [0.1, 0] })).toThrow('h3: option diagonal.dt[1], expected a step > 0, got 0.');
    expect(diagonal({ B: [1] })).toThrow("h3: option diagonal.B, expected 4 numbers, got '1'.");
  });
});
