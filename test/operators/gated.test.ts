import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  gatedLinearAttention,
  linearAttention,
  retention,
  rwkv6,
  simpleGla,
  stateSpaceDuality,
} from '../../operators/index.js';
import * as naives from '../../operators/naive.js';
import { applyTo } from '../../src/apply.js';
import type { OperatorMaker } from '../../src/define-operator.js';
import type { Operator } from '../../src/operator.js';
import { expectClose, expectSameBits } from '../support/compare.js';
import { expectError } from '../support/errors.js';
import { run, valuesOf } from '../support/outcome.js';
import { campaign, seeds } from '../support/property.js';
import { batchOf, type Rows, rowsBetween, rowsOf } from '../support/rows.js';

const widths = fc.record({
  heads: fc.integer({ min: 1, max: 4 }),
  keyDim: fc.integer({ min: 1, max: 20 }),
  valueDim: fc.integer({ min: 1, max: 20 }),
  chunkRows: fc.constantFrom(16, 32),
});
type Widths = typeof widths extends fc.Arbitrary<infer W> ? W : never;

type Maker = OperatorMaker<Widths>;
type Naive = (options: object, rows: object) => naives.GatedResult;
const OPERATORS: readonly (readonly [string, Maker, Naive])[] = [
  ['simpleGla', simpleGla as Maker, naives.simpleGla as Naive],
  ['gatedLinearAttention', gatedLinearAttention as Maker, naives.gatedLinearAttention as Naive],
  ['rwkv6', rwkv6 as Maker, naives.rwkv6 as Naive],
];

const T = 130;
const some: Widths = { heads: 2, keyDim: 5, valueDim: 3, chunkRows: 16 };

const randomRows = (operator: Operator, options: Widths, seed: number, numRows = T): Rows =>
  rowsOf(operator.name, operator.description.inputs, { ...options }, numRows, seed);
const output = (operator: Operator, rows: Rows) =>
  run(operator, [batchOf(operator.description.inputs, rows)]).outputs.o as Float32Array;

/** Checks a statement over widths and seeds. */
const forAll = (statement: (options: Widths, seed: number) => void) =>
  fc.assert(fc.property(widths, seeds, statement), campaign(2));

/** The same gate for all keys of a head. */
const spread = (g: Float32Array, K: number) =>
  Float32Array.from({ length: g.length * K }, (_, i) => g[Math.floor(i / K)]!);

describe.each(OPERATORS)('%s', (_, maker, naive) => {
  it('equals its float64 reference at any width and strength of gates', () => {
    const strengths = fc.constantFrom(0, 0.01, 1, 6, 30, 1000);
    fc.assert(
      fc.property(widths, strengths, seeds, (options, strength, seed) => {
        const operator = maker(options);
        const rows = randomRows(operator, options, seed);
        const given = { ...rows, g: (rows.g as Float32Array).map((g) => strength * g) };
        expectClose(output(operator, given), naive(options, given).o, 1e-6, `gates times ${strength}`);
      }),
      campaign(4),
    );
  });

  it('refuses a log decay above 0, naming its row', () => {
    const operator = maker(some);
    const rows = randomRows(operator, some, 1);
    const g = (rows.g as Float32Array).slice();
    g[g.length - 1] = 1e-6;
    const batch = batchOf(operator.description.inputs, { ...rows, g });
    const error = expectError('CORRUPT_INPUT', () => run(operator, [batch]), { row: T - 1, column: 'g' });
    expect(error.message).toContain('at most 0');
  });

  it('merges states by their decays, however strong the gates', () => {
    const operator = maker(some);
    const { inputs } = operator.description;
    for (const strength of [0, 0.01, 0.2, 6, 100]) {
      const rows = randomRows(operator, some, 5);
      const given = { ...rows, g: (rows.g as Float32Array).map((g) => strength * g) };
      const stateAfter = (from: number, to: number) =>
        applyTo(batchOf(inputs, rowsBetween(inputs, given, from, to)), operator).finalState;
      const merged = operator.merge(stateAfter(0, 70), stateAfter(70, T));
      expectClose(merged.slot('S') as Float32Array, naive(some, given).S, 1e-6, `gates times ${strength}`);
    }
  });

  it('keeps a state of the same bytes over a hundred thousand rows, and stays finite', () => {
    const operator = maker(some);
    const batch = batchOf(operator.description.inputs, randomRows(operator, some, 7, 20_000));
    const open = operator.open();
    let last = new Float32Array();
    for (let i = 0; i < 5; i++) {
      open.step(batch, (emitted) => {
        last = valuesOf(emitted, 'o') as Float32Array<ArrayBuffer>;
      });
      expect(open.snapshot().length).toBe(operator.stateBytes);
    }
    expect(last.every(Number.isFinite)).toBe(true);
  });
});

describe('simpleGla', () => {
  it('without decay is linearAttention, bit for bit', () => {
    forAll((options, seed) => {
      const gated = simpleGla(options);
      const rows = randomRows(gated, options, seed);
      const g = new Float32Array((rows.g as Float32Array).length);
      expectSameBits(output(gated, { ...rows, g }), output(linearAttention(options), rows), 'without decay');
    });
  });

  it('with the constant gates ln γ is retention', () => {
    forAll((options, seed) => {
      const gated = simpleGla(options);
      const rows = randomRows(gated, options, seed);
      const g = (rows.g as Float32Array).map((_, i) => Math.log(1 - 2 ** (-5 - (i % options.heads))));
      expectClose(output(gated, { ...rows, g }), output(retention(options), rows), 1e-6, 'as retention');
    });
  });

  it('is stateSpaceDuality, of C, B, X and A with scale 1', () => {
    forAll((options, seed) => {
      const columns = { q: 'C', k: 'B', v: 'X', g: 'A', o: 'Y' };
      const gated = simpleGla({ ...options, scale: 1 });
      const dual = stateSpaceDuality({ ...options, scale: 1, columns });
      const { inputs } = gated.description;
      const rows = randomRows(gated, options, seed);
      const got = run(dual, [batchOf(inputs, rows, columns)]);
      expectSameBits(got.outputs.o as Float32Array, output(gated, rows), 'as simpleGla');
      expectSameBits(gated.stateFrom(dual.state().toBytes()).bytes, gated.state().bytes, 'state');
    });
  });
});

describe('gatedLinearAttention', () => {
  it('without decay is linearAttention', () => {
    forAll((options, seed) => {
      const gated = gatedLinearAttention(options);
      const rows = randomRows(gated, options, seed);
      const g = new Float32Array((rows.g as Float32Array).length);
      expectClose(
        output(gated, { ...rows, g }),
        output(linearAttention(options), rows),
        1e-6,
        'without decay',
      );
    });
  });

  it('with equal gates for all keys of a head is simpleGla', () => {
    forAll((options, seed) => {
      const scalar = simpleGla(options);
      const rows = randomRows(scalar, options, seed);
      const given = { ...rows, g: spread(rows.g as Float32Array, options.keyDim) };
      expectClose(output(gatedLinearAttention(options), given), output(scalar, rows), 1e-6, 'equal gates');
    });
  });

  it('forgets the key that a gate closes, and no other', () => {
    const options = { keyDim: 2, valueDim: 1, scale: 1 };
    const rows = {
      q: Float32Array.of(0, 0, 1, 10),
      k: Float32Array.of(1, 1, 0, 0),
      v: Float32Array.of(3, 0),
      g: Float32Array.of(0, 0, -1000, 0),
    };
    expect(output(gatedLinearAttention(options), rows)).toEqual(Float32Array.of(0, 30));
  });
});

describe('rwkv6', () => {
  /** Rows of r as the queries of the rows before. */
  const earlier = (r: Float32Array, width: number) => {
    const shifted = new Float32Array(r.length);
    shifted.set(r.subarray(width));
    return shifted;
  };

  it('without a bonus reads what gatedLinearAttention reads with the same query a row before', () => {
    forAll((options, seed) => {
      const operator = rwkv6(options);
      const rows = randomRows(operator, options, seed);
      const q = earlier(rows.r as Float32Array, options.heads * options.keyDim);
      const gated = output(gatedLinearAttention({ ...options, scale: 1 }), { ...rows, q });
      const width = options.heads * options.valueDim;
      const got = output(operator, rows);
      expect(got.subarray(0, width)).toEqual(new Float32Array(width));
      expectClose(got.subarray(width), gated.subarray(0, gated.length - width), 1e-6, 'a row later');
    });
  });

  it('adds r (u k) v of the row itself for a bonus u, and leaves the state alone', () => {
    forAll((options, seed) => {
      const { heads: H, keyDim: K, valueDim: V } = options;
      const bonus = Float32Array.from({ length: H * K }, (_, i) => (i % 5) - 1.5);
      const [without, withBonus] = [rwkv6(options), rwkv6({ ...options, bonus })];
      const rows = randomRows(without, options, seed) as Readonly<
        Record<'r' | 'k' | 'v' | 'g', Float32Array>
      >;
      const expected = Float64Array.from(output(without, rows));
      for (let i = 0; i < T * H * K; i++) {
        const row = Math.floor(i / K);
        const own = rows.r[i]! * bonus[i % (H * K)]! * rows.k[i]!;
        for (let j = 0; j < V; j++) expected[row * V + j]! += own * rows.v[row * V + j]!;
      }
      expectClose(output(withBonus, rows), expected, 1e-6, 'with a bonus');
      const stateOf = (operator: Operator) =>
        run(operator, [batchOf(operator.description.inputs, rows)]).snapshot;
      expectSameBits(stateOf(withBonus), stateOf(without), 'state');
    });
  });

  it('refuses a bonus that is not one finite number a key and head', () => {
    const make = (bonus: number[]) => () => rwkv6({ heads: 2, keyDim: 1, valueDim: 1, bonus });
    expect(make([1])).toThrow("rwkv6: option bonus, expected 2 numbers, got '1'.");
    expect(make([1, Number.NaN])).toThrow('rwkv6: option bonus[1], expected a finite number, got NaN.');
  });
});
