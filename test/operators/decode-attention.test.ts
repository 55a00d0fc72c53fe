import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  alibi,
  type DecodeAttentionOptions,
  decodeAttention,
  tilesOfThreads,
} from '../../operators/index.js';
import * as naives from '../../operators/naive.js';
import { f32 } from '../../src/layout.js';
import { list, type Varying } from '../../src/row-types.js';
import { attended } from '../support/attention.js';
import { expectClose, expectSameBits } from '../support/compare.js';
import { expectError } from '../support/errors.js';
import { golden } from '../support/golden.js';
import { run } from '../support/outcome.js';
import { campaign, seeds, uniform } from '../support/property.js';
import { batchOf, type Rows } from '../support/rows.js';

type Naive = Parameters<typeof naives.decodeAttention>[1];
const reference = (options: DecodeAttentionOptions, rows: Rows) =>
  naives.decodeAttention(options, rows as unknown as Naive);

interface Widths {
  readonly heads: number;
  readonly kvHeads: number;
  readonly keyDim: number;
  readonly valueDim: number;
}

/** Rows of so many keys each. */
function raggedRows(
  { heads, kvHeads, keyDim, valueDim }: Widths,
  lengths: readonly number[],
  seed: number,
): Rows {
  const random = uniform(seed);
  const offsets = new Int32Array(lengths.length + 1);
  lengths.forEach((length, t) => {
    offsets[t + 1] = offsets[t]! + length;
  });
  const numbers = (length: number, size = 1) =>
    Float32Array.from({ length }, () => size * (2 * random() - 1));
  const keys = offsets.at(-1)!;
  return {
    q: numbers(lengths.length * heads * keyDim, 4),
    k: { offsets, values: numbers(keys * kvHeads * keyDim) },
    v: { offsets: offsets.slice(), values: numbers(keys * kvHeads * valueDim) },
  };
}

const widths = fc
  .record({
    kvHeads: fc.constantFrom(1, 2),
    group: fc.constantFrom(1, 3, 4, 5),
    keyDim: fc.integer({ min: 1, max: 12 }),
    valueDim: fc.integer({ min: 1, max: 12 }),
  })
  .map(({ group, ...one }) => ({ ...one, heads: one.kvHeads * group }));
const lengths = fc.array(fc.constantFrom(0, 0, 1, 2, 63, 64, 65, 128, 300), { minLength: 1, maxLength: 80 });

describe('decodeAttention', () => {
  it('equals flash-linear-attention, a row without keys among its rows', () => {
    const set = golden('fla_attn_decoding_varlen', 'B,T,H,D');
    const options = { heads: 6, kvHeads: 3, keyDim: 8, valueDim: 8 };
    const offsets = Int32Array.from(set.whole('cu_seqlens'));
    const rows = {
      q: set.whole('q'),
      k: { offsets, values: set.whole('k') },
      v: { offsets, values: set.whole('v') },
    };
    const expected = naives.decodeAttention(options, rows);
    expectClose(expected.o, set.whole('o'), 1e-12, 'reference');
    const floats = ({ values }: { readonly values: Float64Array }) => ({
      offsets,
      values: Float32Array.from(values),
    });
    const given = { q: Float32Array.from(rows.q), k: floats(rows.k), v: floats(rows.v) };
    const { o, lse } = attended(decodeAttention(options), given);
    expectClose(o!, set.whole('o'), 2e-6, 'o');
    expect(o!.subarray(48, 96)).toEqual(new Float32Array(48));
    expect(lse!.subarray(6, 12)).toEqual(new Float32Array(6).fill(Number.NEGATIVE_INFINITY));
  });

  it('equals its float64 reference for rows of any length, and any heads', () => {
    fc.assert(
      fc.property(widths, lengths, seeds, (options, ragged, seed) => {
        const rows = raggedRows(options, ragged, seed);
        const got = attended(decodeAttention(options), rows);
        const expected = reference(options, rows);
        expectClose(got.o!, expected.o, 2e-6, 'o');
        expectClose(got.lse!, expected.lse, 2e-6, 'lse');
      }),
      campaign(3),
    );
  });

  it('gives the same bits in any number of threads and however the rows are cut', () => {
    fc.assert(
      fc.property(widths, lengths, fc.integer({ min: 2, max: 3 }), (options, ragged, threads) => {
        const rows = raggedRows(options, ragged, 5);
        const alone = attended(decodeAttention(options), rows);
        const shared = attended(decodeAttention({ ...options, threads }), rows, [1, 3, 0, 20]);
        expectSameBits(shared.o!, alone.o!, 'o');
        expectSameBits(shared.lse!, alone.lse!, 'lse');
      }),
      campaign(1.5),
    );
  });

  it('keeps a row together that is longer than what the arena holds at a time', () => {
    const options = { heads: 2, kvHeads: 1, keyDim: 64, valueDim: 64 };
    const rows = raggedRows(options, [3, 40 * 64 + 7, 0, 5], 3);
    const { o, lse } = attended(decodeAttention({ ...options, threads: 2 }), rows);
    expectClose(o!, reference(options, rows).o, 2e-6, 'o');
    expectClose(lse!, reference(options, rows).lse, 2e-6, 'lse');
  });

  it('lets a bias count positions from the row’s first key to its last, where the query stands', () => {
    const options = { heads: 2, kvHeads: 1, keyDim: 4, valueDim: 3, bias: alibi([0.25, 1]) };
    const rows = raggedRows({ ...options }, [1, 70, 0, 130], 3);
    expectClose(attended(decodeAttention(options), rows).o!, reference(options, rows).o, 5e-6, 'o');
  });

  it('names the row of a NaN in a list, and of lists that differ in length', () => {
    const options = { heads: 1, kvHeads: 1, keyDim: 2, valueDim: 2 };
    const types = { q: f32(2), k: list(f32(2)), v: list(f32(2)) };
    for (const role of ['k', 'v'] as const) {
      for (const bad of [Number.NaN, Number.NEGATIVE_INFINITY]) {
        const rows = raggedRows(options, [4, 0, 90, 2], 1);
        (rows[role] as Varying).values[2 * 60] = bad;
        expectError('NOT_FINITE', () => run(decodeAttention(options), [batchOf(types, rows)]), {
          row: 2,
          column: role,
        });
      }
    }
    const rows = raggedRows(options, [4, 1, 9], 1);
    const shorter = { ...rows, v: raggedRows(options, [4, 1, 8], 1).v! };
    expectError('CORRUPT_INPUT', () => attended(decodeAttention(options), shorter), { row: 2, column: 'v' });
  });

  it('deals out work evenly, whatever the lengths', () => {
    const random = uniform(7);
    const mixed = Array.from({ length: 300 }, () => Math.max(1, Math.floor(100_000 ** random())));
    const cases = [mixed, [1, 100_000], [100_000, 1, 1, 1], [100_000], new Array<number>(1000).fill(1)];
    for (const threads of [2, 3, 8, 16]) {
      for (const ragged of cases) {
        const tiles = tilesOfThreads(ragged, threads);
        const total = ragged.reduce((sum, keys) => sum + Math.ceil(keys / 64), 0);
        expect(tiles.reduce((a, b) => a + b, 0)).toBe(total);
        const busiest = Math.max(...tiles) / (total / threads);
        expect(busiest, `${threads} threads`).toBeLessThanOrEqual(1.1);
      }
    }
  });
});
