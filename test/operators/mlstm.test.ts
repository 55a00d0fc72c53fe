import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { linearAttention, type MlstmOptions, mlstm, retention } from '../../operators/index.js';
import * as naives from '../../operators/naive.js';
import { stateFromSnapshot } from '../../src/define-operator.js';
import type { Operator } from '../../src/operator.js';
import { expectClose } from '../support/compare.js';
import { run } from '../support/outcome.js';
import { campaign, seeds, uniform } from '../support/property.js';
import { batchOf, type Rows, rowsOf } from '../support/rows.js';

const widths = fc.record({
  heads: fc.integer({ min: 1, max: 4 }),
  keyDim: fc.integer({ min: 1, max: 20 }),
  valueDim: fc.integer({ min: 1, max: 20 }),
  chunkRows: fc.constantFrom(16, 32),
});
type Widths = typeof widths extends fc.Arbitrary<infer W> ? W : never;

const randomRows = (operator: Operator, options: Widths, numRows: number, seed: number): Rows =>
  rowsOf(operator.name, operator.description.inputs, { ...options }, numRows, seed);
const output = (operator: Operator, rows: Rows) =>
  run(operator, [batchOf(operator.description.inputs, rows)]).outputs.o as Float32Array;
const reference = (options: MlstmOptions, rows: Rows) =>
  naives.mlstm(options, rows as unknown as naives.MlstmColumns);

/** Keys and queries without signs: the divisor is then a sum in which nothing cancels. */
const positive = (rows: Rows): Rows => {
  const absolute = (values: Rows[string]) => (values as Float32Array).map(Math.abs);
  return { ...rows, q: absolute(rows.q!), k: absolute(rows.k!) };
};

const gatesBetween = (low: number, high: number, length: number, seed: number) => {
  const random = uniform(seed);
  return Float64Array.from({ length }, () => low + (high - low) * random());
};

/** sigmoid(40) is 1 in float32, and so is what is left of log sigmoid(40) over any stream tested here. */
const OPEN = 40;

describe('mlstm with sigmoid input gates', () => {
  it('whose gates are all open is linearAttention', () => {
    fc.assert(
      fc.property(widths, seeds, (options, seed) => {
        const operator = mlstm({ ...options, inputGate: 'sigmoid' });
        const rows = randomRows(operator, options, 130, seed);
        const gates = new Float64Array(130 * options.heads).fill(OPEN);
        const got = output(operator, { ...rows, i: gates, f: gates });
        const { q, k, v } = rows as Record<'q' | 'k' | 'v', Float32Array>;
        expectClose(got, output(linearAttention(options), { q, k, v }), 1e-6, 'open');
      }),
      campaign(2),
    );
  });

  it('whose forget gates are the logits of γ is retention', () => {
    fc.assert(
      fc.property(widths, seeds, (options, seed) => {
        const operator = mlstm({ ...options, inputGate: 'sigmoid' });
        const rows = randomRows(operator, options, 130, seed);
        const i = new Float64Array(130 * options.heads).fill(OPEN);
        const f = i.map((_, at) => {
          const gamma = 1 - 2 ** (-5 - (at % options.heads));
          return Math.log(gamma / (1 - gamma));
        });
        const { q, k, v } = rows as Record<'q' | 'k' | 'v', Float32Array>;
        expectClose(
          output(operator, { ...rows, i, f }),
          output(retention(options), { q, k, v }),
          1e-6,
          'logits',
        );
      }),
      campaign(2),
    );
  });
});

describe('mlstm with exponential input gates', () => {
  const strengths = fc.constantFrom([-30, 30], [-80, 80], [20, 30], [-30, -20], [-3, 3]);

  it('equals its float64 reference at gates of ±30 and beyond', () => {
    fc.assert(
      fc.property(widths, strengths, strengths, seeds, (options, i, f, seed) => {
        const operator = mlstm(options);
        const length = 300 * options.heads;
        const rows = {
          ...positive(randomRows(operator, options, 300, seed)),
          i: gatesBetween(i[0]!, i[1]!, length, seed + 1),
          f: gatesBetween(f[0]!, f[1]!, length, seed + 2),
        };
        expectClose(output(operator, rows), reference(options, rows).o, 1e-6, `i ${i}, f ${f}`);
      }),
      campaign(5),
    );
  });

  it('does not notice a constant on all input gates where the weight of the keys divides', () => {
    fc.assert(
      fc.property(widths, seeds, (options, seed) => {
        const operator = mlstm(options);
        const plain = positive(randomRows(operator, options, 200, seed));
        const shifted = (by: number) => ({ ...plain, i: (plain.i as Float64Array).map((x) => x + by) });
        expectClose(output(operator, shifted(400)), output(operator, shifted(60)), 1e-6, 'shifted');
      }),
      campaign(2),
    );
  });

  it('is a mean of the values: of equal ones, that value', () => {
    const options = { heads: 2, keyDim: 5, valueDim: 3, chunkRows: 16 } as const;
    const operator = mlstm(options);
    const rows = positive(randomRows(operator, options, 300, 4));
    const i = gatesBetween(25, 30, 600, 5);
    const v = new Float32Array(300 * 6).fill(2.5);
    expectClose(output(operator, { ...rows, i, v }), v, 1e-6, 'the mean');
  });

  it('has the same outputs from m = 0 as from the start, until eps tells them apart', () => {
    const options = { heads: 2, keyDim: 8, valueDim: 4, chunkRows: 16 } as const;
    const difference = (eps: number) => {
      const operator = mlstm({ ...options, eps });
      const rows = positive(randomRows(operator, options, 100, 6));
      const batch = batchOf(operator.description.inputs, {
        ...rows,
        i: gatesBetween(-12, -10, 200, 7),
        f: gatesBetween(5, 9, 200, 8),
      });
      const from = operator.state({ m: [0, 0] }).bytes;
      const [zero, start] = [run(operator, [batch], { from }), run(operator, [batch])] as const;
      const size = Math.hypot(...(start.outputs.o as Float32Array));
      const apart = (start.outputs.o as Float32Array).map(
        (x, at) => x - (zero.outputs.o as Float32Array)[at]!,
      );
      return Math.hypot(...apart) / size;
    };
    expect(difference(0)).toBeLessThan(1e-6);
    expect(difference(1)).toBeGreaterThan(1e-3);
  });

  it('is always normalized', () => {
    expect(() => mlstm({ keyDim: 2, valueDim: 2, normalize: false })).toThrow(
      "mlstm: option normalize, expected true with inputGate 'exp', got false.",
    );
  });

  it('keeps a state of the same bytes over a million rows, and stays finite', () => {
    const options = { heads: 1, keyDim: 4, valueDim: 4, chunkRows: 16 } as const;
    const operator = mlstm(options);
    const batch = batchOf(operator.description.inputs, randomRows(operator, options, 20_000, 7));
    const opened = operator.open();
    for (let i = 0; i < 50; i++) {
      opened.step(batch, () => {});
      expect(opened.snapshot().length).toBe(operator.stateBytes);
    }
    const state = stateFromSnapshot(operator, opened.snapshot());
    expect(state.slot('rows')[0]).toBe(1e6);
    for (const slot of ['S', 'n', 'm']) {
      expect(Array.from(state.slot(slot) as Float64Array).every(Number.isFinite)).toBe(true);
    }
  });
});
