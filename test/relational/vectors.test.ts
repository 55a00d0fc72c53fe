import {
  Bool,
  Dictionary,
  Field,
  FixedSizeList,
  Float16,
  Float64,
  Int8,
  Int32,
  Int64,
  Utf8,
} from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashEmbed, rename, select, stack, standardize, unstack } from '../../operators/index.js';
import { murmur3 } from '../../operators/relational/murmur3.js';
import { applyTo, perKey } from '../../src/index.js';
import { plainRows } from '../support/arrow-columns.js';
import { expectError } from '../support/errors.js';
import { campaign, seeds, uniform } from '../support/property.js';
import { askDuckdb, batchOf, emitted, rows } from '../support/relational.js';

describe('select and rename', () => {
  it('keeps and orders columns without copying them', () => {
    const batch = rows(10, 1);
    const [out] = emitted(select({ columns: ['name', 'amount'] }), [batch]);
    expect(out!.schema.names).toEqual(['name', 'amount']);
    expect(out!.data.children[1]).toBe(batch.data.children[0]);
    expect(emitted(select({ drop: ['amount', 'pair'] }), [batch])[0]!.schema.names).toEqual([
      'code',
      'id',
      'name',
      'kind',
      'flag',
      'at',
    ]);
  });

  it('swaps names, and refuses one that two columns would have', () => {
    const [out] = emitted(rename({ columns: { amount: 'code', code: 'amount' } }), [rows(5, 1)]);
    expect(out!.schema.names.slice(0, 2)).toEqual(['code', 'amount']);
    expectError('COLUMN_TYPE', () => emitted(rename({ columns: { amount: 'code' } }), [rows(5, 1)]), {
      column: 'code',
    });
  });

  it('refuses both and neither, and columns named twice', () => {
    for (const options of [{}, { columns: ['a'], drop: ['b'] }, { columns: ['a', 'a'] }, { columns: [] }]) {
      expectError('OPTION_RANGE', () => select(options));
    }
    expectError('OPTION_RANGE', () => rename({ columns: {} }));
  });
});

describe('stack and unstack', () => {
  const pairs = new FixedSizeList(2, new Field('item', new Float64(), true));
  const batch = batchOf({
    a: [new Float64(), [1, null, 3]],
    b: [new Int8(), [-1, 0, 1]],
    c: [new Bool(), [true, false, null]],
    d: [
      pairs,
      [
        [1, 2],
        [3, 4],
        [5, null],
      ],
    ],
    e: [new Float16(), [0.5, 1, 2]],
    big: [new Int64(), [1n, 2n, 3n]],
  });

  it('puts numbers, truth values and vectors side by side', () => {
    const [out] = emitted(stack({ columns: ['e', 'd', 'b', 'c'], as: 'x', onNull: 'zero' }), [
      batch.slice(0, 2),
    ]);
    expect(plainRows(emitted(select({ columns: ['x'] }), [out!]))).toEqual([
      [[0.5, 1, 2, -1, 1]],
      [[1, 3, 4, 0, 0]],
    ]);
    expect(String(out!.schema.fields.at(-1)!.type)).toBe('FixedSizeList[5]<Float32>');
  });

  it('makes of a null an error, a zero or a null vector', () => {
    const x = (onNull: 'zero' | 'null', columns: string[]) =>
      plainRows(
        emitted(select({ columns: ['x'] }), emitted(stack({ columns, as: 'x', onNull }), [batch])),
      ).flat();
    expectError('NOT_FINITE', () => emitted(stack({ columns: ['a', 'b'], as: 'x' }), [batch]), {
      column: 'a',
      row: 1,
    });
    expectError('NOT_FINITE', () => emitted(stack({ columns: ['d'], as: 'x' }), [batch]), {
      column: 'd',
      row: 2,
    });
    expect(x('zero', ['a', 'b'])).toEqual([
      [1, -1],
      [0, 0],
      [3, 1],
    ]);
    expect(x('null', ['a', 'd'])).toEqual([[1, 1, 2], null, null]);
  });

  it('refuses what is not numbers, and a name that is taken', () => {
    expectError('COLUMN_TYPE', () => emitted(stack({ columns: ['big'], as: 'x' }), [batch]), {
      column: 'big',
    });
    expectError('COLUMN_TYPE', () => emitted(stack({ columns: ['b'], as: 'a' }), [batch]), { column: 'a' });
  });

  it('is undone by unstack, and null vectors become nulls', () => {
    const there = emitted(stack({ columns: ['a', 'b'], as: 'x', onNull: 'null' }), [batch]);
    const back = emitted(unstack({ column: 'x', as: ['first', 'second'] }), there);
    expect(plainRows(emitted(select({ columns: ['first', 'second'] }), back))).toEqual([
      [1, -1],
      [null, null],
      [3, 1],
    ]);
    expectError('COLUMN_WIDTH', () => emitted(unstack({ column: 'x', as: ['one'] }), there), { column: 'x' });
    expectError('COLUMN_TYPE', () => emitted(unstack({ column: 'a', as: ['one'] }), there), { column: 'a' });
  });
});

describe('standardize', () => {
  const numbers = (numRows: number, seed: number) => {
    const random = uniform(seed);
    const list = (scale: number) => Array.from({ length: numRows }, () => (random() - 0.3) * scale + 1e6);
    return batchOf({
      id: [new Int32(), list(1).map((_, i) => i)],
      a: [new Float64(), list(1)],
      b: [new Float64(), list(1e4)],
    });
  };

  it("gives what DuckDB's window functions give", async () => {
    await fc.assert(
      fc.asyncProperty(seeds, async (seed) => {
        const batch = numbers(300, seed);
        const z = (name: string) => `(${name} - avg(${name}) over w) / nullif(stddev_pop(${name}) over w, 0)`;
        const sql = `select ${z('a')}, ${z('b')} from t window w as (order by id rows unbounded preceding) order by id`;
        const expected = plainRows(await askDuckdb([batch], sql)) as number[][];
        const got = plainRows(
          emitted(standardize({ of: ['a', 'b'], warmupRows: 10 }), [batch]),
        ) as number[][];
        for (const [row, values] of got.entries()) {
          for (const i of [0, 1]) {
            if (row < 10) expect(values[3 + i]).toBe(0);
            else expect(Math.abs(values[3 + i]! - expected[row]![i]!)).toBeLessThan(1e-6);
          }
        }
      }),
      campaign(0.5),
    );
  });

  it('reads vectors that stack made, also for each key', () => {
    const batch = numbers(40, 7);
    const [stacked] = emitted(stack({ columns: ['a', 'b'], as: 'x' }), [batch]);
    const keyed = applyTo(stacked!, perKey('id', standardize({ dim: 2 }), { maxKeys: 40 })).batches;
    // Each key has one row, which is its own mean.
    for (const row of plainRows(keyed)) expect(row.at(-1)).toEqual([0, 0]);
  });

  it('gives zero for what does not vary', () => {
    const batch = batchOf({ x: [new Float64(), [0.1, 0.1, 0.1, 0.1]] });
    expect(plainRows(emitted(standardize({}), [batch])).map(([, z]) => z)).toEqual([0, 0, 0, 0]);
  });

  it('refuses columns and a length at once', () => {
    expectError('OPTION_RANGE', () => standardize({ of: ['a'], dim: 1 }));
  });
});

describe('hashEmbed', () => {
  const embed = (texts: string[], options: Parameters<typeof hashEmbed>[0]) =>
    plainRows(emitted(hashEmbed(options), [batchOf({ text: [new Utf8(), texts] })])).map(
      (row) => row[1] as number[],
    );
  const dot = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * b[i]!, 0);

  it.each([
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['', 0xffffffff, 0x81f16f39],
    ['test', 0, 0xba6bd213],
    ['test', 0x9747b28c, 0x704b81dc],
    ['Hello, world!', 0, 0xc0363e43],
    ['Hello, world!', 0x9747b28c, 0x24884cba],
    ['The quick brown fox jumps over the lazy dog', 0, 0x2e4ff723],
    ['The quick brown fox jumps over the lazy dog', 0x9747b28c, 0x2fa826cd],
    ['aaa', 0x9747b28c, 0x283e0130],
    ['aa', 0x9747b28c, 0x5d211726],
    ['a', 0x9747b28c, 0x7fa09ea6],
    ['ππππππππ', 0x9747b28c, 0xd58063c1],
  ])('hashes %j with seed %i as published', (text, seed, hash) => {
    const bytes = new TextEncoder().encode(`??${text}?`);
    expect(murmur3(bytes, 2, bytes.length - 1, seed)).toBe(hash);
  });

  it('gives texts with the same words one vector, in any order and case', () => {
    const [a, b, c, none] = embed(['The cat, the dog', 'DOG cat the THE', 'something else', ' .,'], {
      dim: 64,
    });
    expect(a).toEqual(b);
    expect(dot(a!, a!)).toBeCloseTo(1, 6);
    expect(dot(a!, c!)).toBeLessThan(0.5);
    expect(none!.every((x) => x === 0)).toBe(true);
    const [upper, lower] = embed(['CAT', 'cat'], { dim: 64, caseSensitive: true });
    expect(upper).not.toEqual(lower);
  });

  it('finds texts that share n-grams alike, and other seeds unlike', () => {
    const [a, b, c] = embed(['connection refused', 'connection refusal', 'disk full'], {
      dim: 256,
      ngrams: [3, 4],
    });
    expect(dot(a!, b!)).toBeGreaterThan(0.7);
    expect(Math.abs(dot(a!, c!))).toBeLessThan(0.3);
    const [other] = embed(['connection refused'], { dim: 256, ngrams: [3, 4], seed: 1 });
    expect(other).not.toEqual(a);
  });

  it('reads dictionaries, and keeps letters beyond ASCII in words', () => {
    const dictionary = batchOf({ text: [new Dictionary(new Utf8(), new Int32()), ['Zürich', 'Zürich']] });
    const [one] = plainRows(emitted(hashEmbed({ dim: 8, words: true }), [dictionary])).map(
      (row) => row[1] as number[],
    );
    expect(one!.filter((x) => x !== 0)).toHaveLength(1);
  });

  it.each([
    { dim: 0 },
    { dim: 8, ngrams: [3, 2] },
    { dim: 8, ngrams: [0, 2] },
    { dim: 8, words: false },
    { dim: 8, seed: -1 },
  ])('refuses %j', (options) => {
    expectError('OPTION_RANGE', () => hashEmbed(options as never));
  });
});
