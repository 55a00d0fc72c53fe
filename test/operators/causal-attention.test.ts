import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alibi, type CausalAttentionOptions, causalAttention } from '../../operators/index.js';
import * as naives from '../../operators/naive.js';
import { applyTo } from '../../src/apply.js';
import { attended, attendedWith, attentionRows } from '../support/attention.js';
import { expectClose, expectSameBits } from '../support/compare.js';
import { expectError } from '../support/errors.js';
import { campaign, cuttings, seeds } from '../support/property.js';
import { batchOf, type Rows } from '../support/rows.js';

type Naive = Parameters<typeof naives.causalAttention>[1];
const reference = (options: CausalAttentionOptions, rows: Rows) =>
  naives.causalAttention(options, rows as unknown as Naive).o;

const widths = fc.record({
  kvHeads: fc.constantFrom(1, 2, 3),
  group: fc.constantFrom(1, 2, 5),
  keyDim: fc.integer({ min: 1, max: 20 }),
  valueDim: fc.integer({ min: 1, max: 20 }),
});
const windows = fc.constantFrom(1, 2, 3, 17, 63, 64, 65, 100, 127, 130, 300);
const sinks = fc.constantFrom(0, 1, 4, 63, 64, 70);

/** Options of every kind, from what fast-check drew. */
function optionsOf(drawn: {
  widths: { kvHeads: number; group: number; keyDim: number; valueDim: number };
  windowRows: number;
  sinkRows: number;
  forget: boolean;
  biased: boolean;
  bottom: boolean;
}): CausalAttentionOptions {
  const { kvHeads, group, keyDim, valueDim } = drawn.widths;
  const heads = kvHeads * group;
  const perHead = (f: (h: number) => number) => Array.from({ length: heads }, (_, h) => f(h));
  return {
    heads,
    kvHeads,
    keyDim,
    valueDim,
    windowRows: drawn.windowRows,
    sinkRows: drawn.sinkRows,
    forget: drawn.forget,
    ...(drawn.biased && {
      bias: { rank: 2, phiQ: (i, h) => [Math.sin(i), h], phiK: (j) => [1, Math.cos(j)] },
    }),
    ...(drawn.bottom && { sinkBias: perHead((h) => h - 2) }),
  };
}

const drawn = fc.record({
  widths,
  windowRows: windows,
  sinkRows: sinks,
  forget: fc.boolean(),
  biased: fc.boolean(),
  bottom: fc.boolean(),
});

describe('causalAttention', () => {
  it('equals its float64 reference with any window, sinks, groups, gates and biases', () => {
    fc.assert(
      fc.property(drawn, seeds, (one, seed) => {
        const options = optionsOf(one);
        const { rows, outputs } = attendedWith(causalAttention, options, 210, seed, 3);
        expectClose(outputs.o!, reference(options, rows), 2e-6, JSON.stringify(options));
      }),
      campaign(4),
    );
  });

  it('gives the same bits however the rows are cut, and in any number of threads', () => {
    fc.assert(
      fc.property(drawn, cuttings, fc.constantFrom(1, 2, 3), (one, lengths, threads) => {
        const options = optionsOf(one);
        const { operator, rows, outputs } = attendedWith(causalAttention, options, 300, 5);
        expectSameBits(attended(operator, rows, lengths).o!, outputs.o!, `cut into ${lengths}`);
        const shared = causalAttention({ ...options, threads });
        expectSameBits(attended(shared, rows, lengths).o!, outputs.o!, `${threads} threads`);
      }),
      campaign(2),
    );
  });

  it('attends to all rows where maxRows are kept, as with a window as long as the stream', () => {
    const options = { heads: 2, keyDim: 7, valueDim: 5 };
    const { rows, outputs } = attendedWith(causalAttention, { ...options, maxRows: 200 }, 200, 3);
    const windowed = attended(causalAttention({ ...options, windowRows: 200 }), rows);
    expectSameBits(outputs.o!, windowed.o!, 'as a window');
    expectClose(outputs.o!, reference({ ...options, maxRows: 200 }, rows), 2e-6, 'reference');
  });

  it('refuses the row after maxRows, in whichever batch it comes', () => {
    const operator = causalAttention({ keyDim: 2, valueDim: 2, maxRows: 100 });
    const rows = attentionRows(operator, {}, 101, 1);
    for (const lengths of [[], [100], [99, 1]]) {
      const error = expectError('LIMIT_EXCEEDED', () => attended(operator, rows, lengths), {}, `${lengths}`);
      expect(error.message).toContain('maxRows');
    }
    expect(() => attended(operator, attentionRows(operator, {}, 100, 1))).not.toThrow();
  });

  it('stays exact where logits are in the hundreds', () => {
    const options = { heads: 2, keyDim: 16, valueDim: 8, windowRows: 90, scale: 1 };
    const { rows, outputs } = attendedWith(causalAttention, options, 250, 9, 100);
    expectClose(outputs.o!, reference(options, rows), 2e-6, 'large logits');
  });

  it.each([
    [-1000, 0],
    [0, 1e-3],
    [1000, 1],
  ])('lets a sink bias of %d take its share of the weight', (sinkBias, taken) => {
    const options = { keyDim: 3, valueDim: 1, windowRows: 8, sinkBias: [sinkBias] };
    const operator = causalAttention(options);
    const rows = { ...attentionRows(operator, options, 60, 2), v: new Float32Array(60).fill(1) };
    const { o } = attended(operator, rows);
    expectClose(o!, reference(options, rows), 2e-6, `sink bias ${sinkBias}`);
    expect(1 - o!.at(-1)!).toBeGreaterThanOrEqual(taken);
  });

  it('with alibi falls off with the distance alone, exactly however long the stream is', () => {
    const options = { heads: 2, keyDim: 3, valueDim: 4, windowRows: 40, bias: alibi([0.5, 0.07]) };
    const rowsFor = (T: number) => attentionRows(causalAttention(options), options, T, 4);
    const short = rowsFor(200);
    expectClose(attended(causalAttention(options), short).o!, reference(options, short), 2e-6, 'short');
    // A million positions on, the same rows behind other rows give what they gave.
    const operator = causalAttention(options);
    const from = operator.state({ rows: [2 ** 20], total: [-(2 ** 19), -(2 ** 19)] });
    const { batches } = applyTo(batchOf(operator.description.inputs, short), operator, {
      initialState: from,
    });
    const late = batches[0]!.getChild('o')!.data[0]!.children[0]!.values as Float32Array;
    const tail = (x: Float32Array) => x.subarray(100 * 8);
    expectClose(tail(late), tail(attended(causalAttention(options), short).o!), 2e-6, 'late');
  });

  it('stays exact when the sums of gates have grown large, and where gates let nothing through', () => {
    const options = { heads: 2, keyDim: 4, valueDim: 4, windowRows: 70, sinkRows: 3, forget: true };
    const operator = causalAttention(options);
    const drawnRows = attentionRows(operator, options, 700, 8);
    const strong = {
      ...drawnRows,
      g: (drawnRows.g as Float32Array).map((g, i) => (i % 14 === 0 ? -30 : 100 * g)),
    };
    const steep = { ...drawnRows, g: (drawnRows.g as Float32Array).map((g) => 5000 * g) };
    for (const rows of [strong, steep]) {
      expectClose(attended(operator, rows).o!, reference(options, rows), 2e-6, 'strong gates');
    }
  });

  it.each(['always', 'deferred', { threshold: 0.5 }] as const)(
    'rescales %j with the same result',
    (rescale) => {
      const options = { heads: 2, keyDim: 6, valueDim: 5, windowRows: 200, rescale };
      const { operator, rows, outputs } = attendedWith(causalAttention, options, 300, 6, 8);
      expectClose(outputs.o!, reference(options, rows), 2e-6, 'rescaled');
      const { finalState } = applyTo(batchOf(operator.description.inputs, rows), operator);
      const skipped = finalState.slot('skipped')[0] as number;
      if (rescale === 'always') expect(skipped).toBe(0);
      else expect(skipped).toBeGreaterThan(100);
    },
  );

  it('refuses finite numbers whose logits overflow', () => {
    const operator = causalAttention({ keyDim: 2, valueDim: 2, windowRows: 4 });
    const rows = attentionRows(operator, {}, 20, 1, 1e38);
    const large = { ...rows, q: (rows.q as Float32Array).map((x) => 1e10 * x) };
    const error = expectError('CORRUPT_INPUT', () => attended(operator, large));
    expect(error.message).toContain('overflow');
  });

  it('refuses heads that do not divide, both limits or none, and a gate above 0', () => {
    const widths = { keyDim: 4, valueDim: 4 };
    const bad: CausalAttentionOptions[] = [
      { ...widths, heads: 4, kvHeads: 3, windowRows: 4 },
      { ...widths, windowRows: 4, maxRows: 4 },
      widths,
      { ...widths, windowRows: 0 },
      { ...widths, heads: 2, windowRows: 4, sinkBias: [1] },
      { ...widths, windowRows: 4, rescale: { threshold: -1 } },
      { ...widths, windowRows: 4, rescale: 'never' as 'always' },
      { ...widths, windowRows: 4, threads: 0 },
    ];
    for (const options of bad) expectError('OPTION_RANGE', () => causalAttention(options));
    const operator = causalAttention({ ...widths, windowRows: 4, forget: true });
    const rows = attentionRows(operator, {}, 9, 1);
    (rows.g as Float32Array)[5] = 0.1;
    expectError('CORRUPT_INPUT', () => attended(operator, rows), { row: 5, column: 'g' });
  });

  it('has a state of the declared size, that does not depend on the rows', () => {
    const operator = causalAttention({ heads: 4, kvHeads: 2, keyDim: 8, valueDim: 8, windowRows: 129 });
    const ring = 3 * 64 * 2 * (8 + 8) * 4;
    expect(operator.stateBytes).toBe(ring + 3 * 64);
  });
});
