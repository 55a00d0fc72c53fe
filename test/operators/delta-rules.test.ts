import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  deltaRule,
  gatedDeltaRule,
  kimiDeltaAttention,
  linearAttention,
  rwkv7,
} from '../../operators/index.js';
import type { DeltaOptions } from '../../operators/linear-attention/delta-memory.js';
import * as naive from '../../operators/linear-attention/naive-delta.js';
import { applyTo } from '../../src/apply.js';
import type { OperatorMaker } from '../../src/define-operator.js';
import type { Operator } from '../../src/operator.js';
import { expectClose, expectSameBits } from '../support/compare.js';
import { expectError } from '../support/errors.js';
import { run } from '../support/outcome.js';
import { campaign, seeds } from '../support/property.js';
import { batchOf, rowsOf } from '../support/rows.js';

const ROWS = 130;

const widths = fc.record({
  heads: fc.integer({ min: 1, max: 4 }),
  keyDim: fc.integer({ min: 1, max: 20 }),
  valueDim: fc.integer({ min: 1, max: 20 }),
});
type Widths = typeof widths extends fc.Arbitrary<infer W> ? W : never;
type Floats = Readonly<Record<string, Float32Array>>;

const randomRows = (operator: Operator, options: Widths, seed: number): Floats =>
  rowsOf(operator.name, operator.description.inputs, { ...options }, ROWS, seed) as Floats;
const output = (operator: Operator, rows: Floats) =>
  run(operator, [batchOf(operator.description.inputs, rows)]).outputs.o as Float32Array;

/** Each head's number for each of its `width` elements. */
const spread = (perHead: Float32Array, width: number) =>
  Float32Array.from({ length: perHead.length * width }, (_, i) => perHead[Math.floor(i / width)]!);

const MAKERS = [
  ['deltaRule', deltaRule, naive.deltaRule],
  ['gatedDeltaRule', gatedDeltaRule, naive.gatedDeltaRule],
  ['kimiDeltaAttention', kimiDeltaAttention, naive.kimiDeltaAttention],
  ['rwkv7', rwkv7, naive.rwkv7],
] as unknown as [
  string,
  OperatorMaker<DeltaOptions>,
  (options: DeltaOptions, rows: Floats) => naive.DeltaResult,
][];

describe.each(MAKERS)('%s', (_, maker, reference) => {
  it('equals its float64 reference at any width', () => {
    fc.assert(
      fc.property(widths, seeds, (options, seed) => {
        const operator = maker(options);
        const rows = randomRows(operator, options, seed);
        expectClose(output(operator, rows), reference(options, rows).o, 1e-6, operator.name);
      }),
      campaign(3),
    );
  });

  it('gives the same bits with chunks of 16 and of 32 rows', () => {
    const options = { heads: 2, keyDim: 7, valueDim: 9 };
    const operator = maker({ ...options, chunkRows: 32 });
    const rows = randomRows(operator, options, 1);
    expectSameBits(output(operator, rows), output(maker(options), rows), 'with 32 rows');
  });
});

describe('deltaRule', () => {
  it('with keys at right angles to one another is linearAttention of the values beta v', () => {
    const options = { keyDim: 16, valueDim: 5 };
    const k = Float32Array.from({ length: 256 }, (_, i) => (i % 17 === 0 ? 1 : 0));
    const { q, v, beta } = rowsOf(
      'deltaRule',
      deltaRule(options).description.inputs,
      options,
      16,
      1,
    ) as Floats;
    const written = v!.map((x, i) => x * beta![Math.floor(i / 5)]!);
    const linear = output(linearAttention(options), { q: q!, k, v: written });
    expectClose(output(deltaRule(options), { q: q!, k, v: v!, beta: beta! }), linear, 1e-6, 'as linear');
  });

  it('at a strength of 1 reads back the value written last under a key', () => {
    const operator = deltaRule({ keyDim: 4, valueDim: 2, scale: 1 });
    const k = Float32Array.of(0.5, 0.5, 0.5, 0.5, 1, 0, 0, 0, 0.5, 0.5, 0.5, 0.5);
    const v = Float32Array.of(3, 4, -7, 1, 10, -20);
    const beta = Float32Array.of(1, 1, 1);
    expectClose(output(operator, { q: k, k, v, beta }), v, 1e-6, 'what was written');
  });

  it('has its matrix alone as state, given back as it was given', () => {
    const operator = deltaRule({ heads: 2, keyDim: 3, valueDim: 4 });
    const S = Float32Array.from({ length: 24 }, (_, i) => i - 12);
    expect(operator.state({ S }).slot('S')).toEqual(S);
    expect(operator.stateBytes).toBe(192);
  });
});

describe('gatedDeltaRule', () => {
  it('without decay is deltaRule, bit for bit', () => {
    fc.assert(
      fc.property(widths, seeds, (options, seed) => {
        const plain = deltaRule(options);
        const rows = randomRows(plain, options, seed);
        const g = new Float32Array(ROWS * options.heads);
        expectSameBits(output(gatedDeltaRule(options), { ...rows, g }), output(plain, rows), 'without decay');
      }),
      campaign(2),
    );
  });

  it('refuses a gate above 0, which would make the memory grow, and names its row', () => {
    const operator = gatedDeltaRule({ keyDim: 2, valueDim: 2 });
    const rows = { ...rowsOf(operator.name, operator.description.inputs, { keyDim: 2 }, 9, 1) } as Floats;
    rows.g![6] = 0.5;
    const at = { row: 6, column: 'g' };
    expectError('CORRUPT_INPUT', () => applyTo(batchOf(operator.description.inputs, rows), operator), at);
  });
});

describe('kimiDeltaAttention', () => {
  it('with the same gate for all of a head is gatedDeltaRule', () => {
    fc.assert(
      fc.property(widths, seeds, (options, seed) => {
        const gated = gatedDeltaRule(options);
        const rows = randomRows(gated, options, seed);
        const kimi = { ...rows, g: spread(rows.g!, options.keyDim) };
        expectClose(output(kimiDeltaAttention(options), kimi), output(gated, rows), 1e-6, 'one gate a head');
      }),
      campaign(2),
    );
  });
});

describe('rwkv7', () => {
  it('with a = -e^g k, b = beta k and k = beta k is kimiDeltaAttention', () => {
    fc.assert(
      fc.property(widths, seeds, (options, seed) => {
        const scale = options.keyDim ** -0.5;
        const kimi = kimiDeltaAttention(options);
        const { q, k, v, beta, g } = randomRows(kimi, options, seed) as Record<string, Float32Array>;
        const written = spread(beta!, options.keyDim).map((strength, i) => strength * k![i]!);
        const asked = k!.map((key, i) => -Math.exp(g![i]!) * key);
        const rows = { r: q!, k: written, v: v!, g: g!, a: asked, b: written };
        const expected = output(kimi, { q: q!, k: k!, v: v!, beta: beta!, g: g! });
        expectClose(output(rwkv7({ ...options, scale }), rows), expected, 2e-6, 'as KDA');
      }),
      campaign(2),
    );
  });

  it('that neither fades nor answers is linearAttention with scale 1', () => {
    const options = { heads: 2, keyDim: 6, valueDim: 5 };
    const linear = linearAttention({ ...options, scale: 1 });
    const { q, k, v } = randomRows(linear, options, 1) as Record<'q' | 'k' | 'v', Float32Array>;
    const none = new Float32Array(k.length);
    const rows = { r: q, k, v, g: none, a: k, b: none };
    expectClose(output(rwkv7(options), rows), output(linear, { q, k, v }), 1e-6, 'as linear attention');
  });
});
