import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  alibiSlopes,
  type LinearAttentionOptions,
  lightningAttention,
  linearAttention,
  retention,
} from '../../operators/index.js';
import * as naives from '../../operators/naive.js';
import { type OperatorMaker, stateFromSnapshot } from '../../src/define-operator.js';
import type { Operator } from '../../src/operator.js';
import { expectClose, expectSameOutcome } from '../support/compare.js';
import { run } from '../support/outcome.js';
import { campaign, seeds } from '../support/property.js';
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
const outcome = (operator: Operator, rows: Rows) =>
  run(operator, [batchOf(operator.description.inputs, rows)]);
const output = (operator: Operator, rows: Rows) => outcome(operator, rows).outputs.o as Float32Array;

describe('linear attention of any width', () => {
  it.each([
    ['linearAttention', linearAttention, naives.linearAttention],
    ['lightningAttention', lightningAttention, naives.lightningAttention],
    ['retention', retention, naives.retention],
  ] as const)('%s equals its float64 reference', (_, maker, naive) => {
    fc.assert(
      fc.property(widths, seeds, (options, seed) => {
        const operator = (maker as OperatorMaker<Widths>)(options);
        const rows = randomRows(operator, options, 130, seed);
        const { o } = naive(options, rows as unknown as naives.MatrixColumns);
        expectClose(output(operator, rows), o, 1e-6, operator.name);
      }),
      campaign(3),
    );
  });
});

describe('lightningAttention', () => {
  it('without decay is linearAttention with scale 1, bit for bit', () => {
    fc.assert(
      fc.property(widths, seeds, (options, seed) => {
        const slopes = new Array<number>(options.heads).fill(0);
        const lightning = lightningAttention({ ...options, slopes });
        const linear = linearAttention({ ...options, scale: 1 });
        const rows = randomRows(linear, options, 130, seed);
        expectSameOutcome(outcome(lightning, rows), outcome(linear, rows), 'without decay');
      }),
      campaign(2),
    );
  });

  it('with slopes −ln γ and scale K^-1/2 is retention', () => {
    fc.assert(
      fc.property(widths, seeds, (options, seed) => {
        const slopes = Array.from({ length: options.heads }, (_, h) => -Math.log(1 - 2 ** (-5 - h)));
        const lightning = lightningAttention({ ...options, slopes, scale: options.keyDim ** -0.5 });
        const retained = retention(options);
        const rows = randomRows(retained, options, 130, seed);
        expectClose(output(lightning, rows), output(retained, rows), 1e-6, 'as retention');
      }),
      campaign(2),
    );
  });

  it('at a decay of e^-90 a row remembers itself alone, and nothing overflows', () => {
    const options = { heads: 1, keyDim: 4, valueDim: 3, chunkRows: 16 } as const;
    const operator = lightningAttention({ ...options, slopes: [90] });
    const rows = randomRows(operator, options, 2000, 1);
    const { q, k, v } = rows as unknown as Record<'q' | 'k' | 'v', Float32Array>;
    const own = Float64Array.from(v, (value, i) => {
      const t = Math.floor(i / 3);
      let score = 0;
      for (let c = 0; c < 4; c++) score += q[t * 4 + c]! * k[t * 4 + c]!;
      return score * value;
    });
    expectClose(output(operator, rows), own, 1e-6, 'only the own row');
  });

  it('has the ALiBi slopes unless told otherwise', () => {
    expect(alibiSlopes(8)).toEqual(Float32Array.from({ length: 8 }, (_, h) => 2 ** -(h + 1)));
    expect(alibiSlopes(1)).toEqual(Float32Array.of(2 ** -8));
    expect(alibiSlopes(6)).toEqual(Float32Array.of(2 ** -2, 2 ** -4, 2 ** -6, 2 ** -8, 2 ** -1, 2 ** -3));
    const options = { heads: 6, keyDim: 4, valueDim: 4, chunkRows: 16 } as const;
    const told = lightningAttention({ ...options, slopes: alibiSlopes(6) });
    const rows = randomRows(told, options, 100, 2);
    expectSameOutcome(outcome(lightningAttention(options), rows), outcome(told, rows), 'by default');
  });

  it('refuses slopes that are no rates, or not one a head', () => {
    const make = (slopes: number[]) => () => lightningAttention({ heads: 2, keyDim: 1, valueDim: 1, slopes });
    expect(make([0.5, -1])).toThrow('lightningAttention: option slopes[1], expected a rate >= 0, got -1.');
    expect(make([0.5])).toThrow("lightningAttention: option slopes, expected 2 numbers, got '1'.");
    expect(make([0.5, Number.NaN])).toThrow('option slopes[1], expected a finite number, got NaN.');
  });
});

describe('linearAttention', () => {
  const byHand = {
    identity: (x: number) => x,
    relu: (x: number) => Math.max(x, 0),
    elu1: (x: number) => (x > 0 ? x + 1 : Math.exp(x)),
    exp: Math.exp,
  };

  it.each(['identity', 'relu', 'elu1', 'exp'] as const)(
    'with featureMap %s equals the map applied by hand',
    (featureMap) => {
      fc.assert(
        fc.property(widths, fc.boolean(), seeds, (options, positive, seed) => {
          const normalize = positive && (featureMap === 'elu1' || featureMap === 'exp');
          const mapped = linearAttention({ ...options, normalize, featureMap });
          const plain = linearAttention({ ...options, normalize });
          const rows = randomRows(mapped, options, 100, seed);
          const map = (values: Rows[string]) => (values as Float32Array).map(byHand[featureMap]);
          const given = { ...rows, q: map(rows.q!), k: map(rows.k!) };
          expectClose(output(mapped, rows), output(plain, given), 1e-6, featureMap);
        }),
        campaign(),
      );
    },
  );

  it('leaves its input columns alone when it maps them', () => {
    const options = { heads: 2, keyDim: 3, valueDim: 2, chunkRows: 16 } as const;
    const operator = linearAttention({ ...options, featureMap: 'exp' });
    const rows = randomRows(operator, options, 50, 3);
    const before = (rows.q as Float32Array).slice();
    output(operator, rows);
    expect(rows.q).toEqual(before);
  });

  it('normalized is an average of the values: of equal ones, that value', () => {
    const options = { heads: 2, keyDim: 5, valueDim: 3, chunkRows: 16 } as const;
    const operator = linearAttention({ ...options, featureMap: 'elu1', normalize: true });
    const rows = randomRows(operator, options, 300, 4);
    const v = new Float32Array(300 * 6).fill(2.5);
    expectClose(output(operator, { ...rows, v }), v, 1e-6, 'the average');
  });

  it('is the same within rounding for both lengths of chunks', () => {
    fc.assert(
      fc.property(widths, seeds, (options, seed) => {
        const [short, long] = ([16, 32] as const).map((chunkRows) =>
          linearAttention({ ...options, chunkRows }),
        );
        const rows = randomRows(short!, options, 130, seed);
        expectClose(output(short!, rows), output(long!, rows), 1e-6, 'chunks of 16 and 32');
      }),
      campaign(),
    );
  });

  it('multiplies its outputs by scale and leaves S as it is', () => {
    const options = { heads: 2, keyDim: 4, valueDim: 4, chunkRows: 16 } as const;
    const [one, four] = [1, 4].map((scale) => linearAttention({ ...options, scale }));
    const rows = randomRows(one!, options, 100, 6);
    const scaled = outcome(four!, rows);
    const plain = outcome(one!, rows);
    const expected = (plain.outputs.o as Float32Array).map((x) => 4 * x);
    expect(scaled.outputs.o).toEqual(expected);
    expect(scaled.snapshot).toEqual(plain.snapshot);
  });

  it('keeps a state of the same bytes over a million rows, and stays finite', () => {
    const options: LinearAttentionOptions = { keyDim: 4, valueDim: 4, featureMap: 'elu1', normalize: true };
    const operator = linearAttention(options);
    const batch = batchOf(
      operator.description.inputs,
      randomRows(operator, { heads: 1, keyDim: 4, valueDim: 4, chunkRows: 16 }, 20_000, 7),
    );
    const open = operator.open();
    let last = new Float32Array();
    for (let i = 0; i < 50; i++) {
      open.step(batch, (emitted) => {
        last = emitted.getChild('o')!.data[0]!.children[0]!.values as Float32Array<ArrayBuffer>;
      });
      expect(open.snapshot().length).toBe(operator.stateBytes);
    }
    expect(last.every(Number.isFinite)).toBe(true);
    expect(stateFromSnapshot(operator, open.snapshot()).slot('rows')[0]).toBe(1e6);
  });
});
