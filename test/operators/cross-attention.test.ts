import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  alibi,
  type CrossAttentionOptions,
  crossAttention,
  mergeAttention,
  squaredDistance,
} from '../../operators/index.js';
import * as naives from '../../operators/naive.js';
import { applyTo } from '../../src/apply.js';
import { attended, attendedWith, attentionRows } from '../support/attention.js';
import { expectClose, expectSameBits } from '../support/compare.js';
import { expectError } from '../support/errors.js';
import { outputsOf } from '../support/outcome.js';
import { campaign, seeds, uniform } from '../support/property.js';
import { batchOf, cutInto, type Rows, rowsBetween } from '../support/rows.js';

type Naive = Parameters<typeof naives.crossAttention>[1];
const reference = (options: CrossAttentionOptions, rows: Rows) =>
  naives.crossAttention(options, rows as unknown as Naive);

const drawnQueries = (length: number, seed = 1) => {
  const random = uniform(seed);
  return Float32Array.from({ length }, () => 2 * random() - 1);
};

const widths = fc.record({
  kvHeads: fc.constantFrom(1, 2, 3),
  group: fc.constantFrom(1, 2, 4),
  keyDim: fc.integer({ min: 1, max: 20 }),
  valueDim: fc.integer({ min: 1, max: 20 }),
  count: fc.integer({ min: 1, max: 9 }),
});

describe('crossAttention', () => {
  it('equals its float64 reference for any heads, widths and number of queries, in any number of threads', () => {
    fc.assert(
      fc.property(widths, seeds, fc.constantFrom(1, 2, 3), ({ group, count, ...one }, seed, threads) => {
        const heads = one.kvHeads * group;
        const queries = drawnQueries(count * heads * one.keyDim, seed);
        const options = { ...one, heads, queries };
        const { rows, outputs } = attendedWith(crossAttention, options, 210, seed, 4);
        const expected = reference(options, rows);
        expectClose(outputs.o!, expected.o, 2e-6, 'o');
        expectClose(outputs.lse!, expected.lse, 2e-6, 'lse');
        const shared = attended(crossAttention({ ...options, threads }), rows, [10, 100]);
        expectSameBits(shared.o!, outputs.o!, `${threads} threads`);
      }),
      campaign(3),
    );
  });

  const options = { heads: 2, keyDim: 6, valueDim: 5, queries: drawnQueries(3 * 12) };

  it('gives zeros and -infinity for a stream without keys', () => {
    const operator = crossAttention(options);
    for (const batches of [
      [],
      [batchOf(operator.description.inputs, attentionRows(operator, options, 0, 1))],
    ]) {
      const emitted = applyTo(batches, operator).batches;
      const { o, lse } = outputsOf(operator, emitted) as Record<string, Float32Array>;
      expect(o).toEqual(new Float32Array(3 * 10));
      expect(lse).toEqual(new Float32Array(6).fill(Number.NEGATIVE_INFINITY));
    }
  });

  it('emits what the keys so far come to after each batch, when asked', () => {
    const whole = attentionRows(crossAttention(options), options, 200, 2);
    const operator = crossAttention({ ...options, emit: 'batch' });
    const { inputs } = operator.description;
    const { batches } = applyTo(cutInto(inputs, whole, [10, 70, 0]), operator);
    const seen = [10, 80, 80, 200];
    expect(batches.length).toBe(seen.length);
    for (const [i, batch] of batches.entries()) {
      const upTo = rowsBetween(inputs, whole, 0, seen[i]!);
      const expected = attended(crossAttention(options), upTo);
      const got = outputsOf(operator, [batch]) as Record<string, Float32Array>;
      expectSameBits(got.o!, expected.o!, `after ${seen[i]} rows`);
      expectSameBits(got.lse!, expected.lse!, `after ${seen[i]} rows`);
    }
  });

  it('gives the same for any partition of the keys, merged in any order, to 1e-6', () => {
    const operator = crossAttention(options);
    const { inputs } = operator.description;
    const rows = attentionRows(operator, options, 500, 3, 5);
    const whole = applyTo(batchOf(inputs, rows), operator).finalState;
    const borders = [0, 1, 64, 200, 463, 500];
    const parts = borders.slice(1).map((to, i) => {
      const part = batchOf(inputs, rowsBetween(inputs, rows, borders[i]!, to));
      return applyTo(part, operator).finalState;
    });
    for (const order of [parts, [...parts].reverse()]) {
      const merged = order.reduce((a, b) => operator.merge(a, b));
      for (const slot of ['o', 'm']) {
        expectClose(merged.slot(slot) as Float32Array, whole.slot(slot) as Float32Array, 1e-6, slot);
      }
      expect(merged.slot('rows')).toEqual(Float64Array.of(500));
    }
  });

  it('has a state that reads as its outputs, l being 1 and m the log sum', () => {
    const { operator, rows, outputs } = attendedWith(crossAttention, options, 100, 4);
    const { finalState } = applyTo(batchOf(operator.description.inputs, rows), operator);
    expectSameBits(finalState.slot('o') as Float32Array, outputs.o!, 'o');
    expectSameBits(finalState.slot('m') as Float32Array, outputs.lse!, 'm');
    expect(finalState.slot('l')).toEqual(new Float32Array(6).fill(1));
  });

  it('takes the same memory after a hundred thousand keys as after none', () => {
    const operator = crossAttention({ ...options, threads: 1 });
    const rows = attentionRows(operator, options, 1000, 5);
    const batch = batchOf(operator.description.inputs, rows);
    const open = operator.open();
    const before = open.snapshot().length;
    for (let i = 0; i < 100; i++) open.step(batch, () => {});
    expect(open.snapshot().length).toBe(before);
    expect(before).toBe(operator.stateBytes);
  });

  it.each(['always', 'deferred', { threshold: 0 }] as const)(
    'rescales %j with the same result',
    (rescale) => {
      const own = { ...options, rescale };
      const { operator, rows, outputs } = attendedWith(crossAttention, own, 64 * 8 + 5, 7, 10);
      expectClose(outputs.o!, reference(own, rows).o, 2e-6, 'o');
      expectClose(outputs.lse!, reference(own, rows).lse, 2e-6, 'lse');
      const { finalState } = applyTo(batchOf(operator.description.inputs, rows), operator);
      const skipped = finalState.slot('skipped')[0] as number;
      if (rescale === 'always') expect(skipped).toBe(0);
      else {
        expect(skipped).toBeGreaterThan(0);
        expect(skipped).toBeLessThanOrEqual(7 * 6);
      }
    },
  );

  it('counts every block as skipped while the maximum never grows', () => {
    const own = { keyDim: 1, valueDim: 1, queries: [1], rescale: { threshold: 0 } };
    const operator = crossAttention(own);
    const falling = { k: Float32Array.from({ length: 320 }, (_, j) => -j), v: new Float32Array(320).fill(1) };
    const { finalState } = applyTo(batchOf(operator.description.inputs, falling), operator);
    expect(finalState.slot('skipped')[0]).toBe(4);
  });

  it('goes on from merged states, whose keys begin a grid of their own', () => {
    const operator = crossAttention(options);
    const { inputs } = operator.description;
    const rows = attentionRows(operator, options, 300, 6);
    const part = (from: number, to: number) => batchOf(inputs, rowsBetween(inputs, rows, from, to));
    const merged = operator.merge(
      applyTo(part(0, 70), operator).finalState,
      applyTo(part(70, 150), operator).finalState,
    );
    const { batches } = applyTo(part(150, 300), operator, { initialState: merged });
    const got = outputsOf(operator, batches) as Record<string, Float32Array>;
    expectClose(got.o!, attended(operator, rows).o!, 1e-6, 'o');
  });

  it('refuses queries of another width, none, or with a NaN', () => {
    for (const queries of [[], [1, 2, 3], new Array(12).fill(Number.NaN), undefined as unknown as number[]]) {
      expectError('OPTION_RANGE', () => crossAttention({ ...options, queries }));
    }
  });
});

describe('biases of crossAttention', () => {
  const options = { heads: 2, keyDim: 4, valueDim: 3, queries: drawnQueries(5 * 8, 2) };

  it('widen queries and keys by functions of their positions', () => {
    const own = { ...options, bias: alibi([0.5, 0.02]) };
    const { rows, outputs } = attendedWith(crossAttention, own, 100, 1);
    expectClose(outputs.o!, reference(own, rows).o, 1e-5, 'alibi');
    const plain = attended(crossAttention(options), rows);
    expect(plain.o).not.toEqual(outputs.o);
  });

  it('hold for parts of the keys that are told where they begin', () => {
    const operator = crossAttention({ ...options, bias: alibi([0.1, 0.02]) });
    const { inputs } = operator.description;
    const rows = attentionRows(operator, options, 100, 1);
    const part = (from: number, to: number) =>
      applyTo(batchOf(inputs, rowsBetween(inputs, rows, from, to)), operator, {
        initialState: operator.state({ rows: [from] }),
      }).finalState;
    const merged = operator.merge(part(0, 37), part(37, 100));
    expectClose(merged.slot('o') as Float32Array, attended(operator, rows).o!, 2e-6, 'o');
  });

  it('of squared distances are exact at a rank of two more than the dimensions', () => {
    const points = (count: number, seed: number) => Float64Array.from(drawnQueries(count * 2, seed));
    const given = { queries: points(5, 3), keys: points(90, 4), dim: 2, heads: 2, weight: 3 };
    const own = { ...options, bias: squaredDistance(given) };
    const { rows, outputs } = attendedWith(crossAttention, own, 90, 1);
    expectClose(outputs.o!, reference(own, rows).o, 2e-6, 'as widened');
    const distance = (i: number, j: number) =>
      -3 *
      ((given.queries[2 * i]! - given.keys[2 * j]!) ** 2 +
        (given.queries[2 * i + 1]! - given.keys[2 * j + 1]!) ** 2);
    const { phiQ, phiK } = own.bias as unknown as { phiQ: readonly number[]; phiK: readonly number[] };
    const product = [0, 1, 2, 3].reduce((sum, r) => sum + phiQ[2 * 8 + r]! * phiK[7 * 8 + r]!, 0);
    expect(product).toBeCloseTo(distance(2, 7), 12);
  });

  it('given for fewer keys than come are a limit', () => {
    const given = { queries: new Float64Array(10), keys: new Float64Array(20), dim: 2, heads: 2 };
    const operator = crossAttention({ ...options, bias: squaredDistance(given) });
    expectError('LIMIT_EXCEEDED', () => attended(operator, attentionRows(operator, options, 11, 1)));
    expectError('OPTION_RANGE', () => crossAttention({ ...options, bias: { rank: 0, phiQ: [], phiK: [] } }));
    expectError('OPTION_RANGE', () => crossAttention({ ...options, bias: { rank: 2, phiQ: [1], phiK: [] } }));
    expectError('OPTION_RANGE', () => crossAttention({ ...options, bias: alibi([1, 2, 3]) }));
  });
});

describe('mergeAttention', () => {
  it('of what two halves of the keys give is what all of them give', () => {
    const options = { heads: 2, keyDim: 6, valueDim: 5, queries: drawnQueries(3 * 12) };
    const operator = crossAttention(options);
    const { inputs } = operator.description;
    const rows = attentionRows(operator, options, 150, 8, 6);
    const half = (from: number, to: number) => {
      const { o, lse } = attended(operator, rowsBetween(inputs, rows, from, to));
      return { o: o!, lse: lse! };
    };
    const merged = mergeAttention(half(0, 40), half(40, 150));
    const whole = attended(operator, rows);
    expectClose(merged.o, whole.o!, 1e-6, 'o');
    expectClose(merged.lse, whole.lse!, 1e-6, 'lse');
    const nothing = half(0, 0);
    expectSameBits(mergeAttention(nothing, merged).o, merged.o, 'with nothing');
    expectSameBits(mergeAttention(nothing, nothing).lse, nothing.lse, 'nothing with nothing');
  });
});
