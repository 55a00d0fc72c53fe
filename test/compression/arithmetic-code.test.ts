import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arithmeticCode, arithmeticDecode } from '../../operators/index.js';
import { applyTo } from '../../src/apply.js';
import { i32 } from '../../src/layout.js';
import { binary, type RowTypes, type Varying } from '../../src/row-types.js';
import { expectError } from '../support/errors.js';
import { outputsOf } from '../support/outcome.js';
import { campaign, cuttings, seeds, uniform } from '../support/property.js';
import { batchOf, cutInto, type Rows } from '../support/rows.js';

const folder = new URL('../golden/arithmetic_coder_statesmix/', import.meta.url);
const bytesOf = (name: string) => new Uint8Array(readFileSync(new URL(name, folder)));
const integersOf = (name: string) => new Int32Array(bytesOf(name).buffer);

const V = 37;
const given = { symbols: V, frequencies: 'given' } as const;
const cdf = integersOf('cdf.bin');
const symbol = integersOf('symbols.bin');
const numRows = symbol.length;
const encoded = bytesOf('encoded.bin');

const coded = (types: RowTypes, rows: Rows, lengths: readonly number[], options: typeof given) => {
  const operator = arithmeticCode(options);
  const { code } = outputsOf(operator, applyTo(cutInto(types, rows, lengths), operator).batches);
  return (code as Varying).values as Uint8Array;
};

/** Rows of code: all of it in the first one. */
const codeFirst = (code: Uint8Array, rows: number): Varying => ({
  offsets: Int32Array.from({ length: rows + 1 }, (_, t) => (t === 0 ? 0 : code.length)),
  values: code,
});

const decoded = (code: Varying, lengths: readonly number[] = []) => {
  const operator = arithmeticDecode(given);
  const types = { code: binary(), cdf: i32(V + 1) };
  return outputsOf(operator, applyTo(cutInto(types, { code, cdf }, lengths), operator).batches).symbol;
};

describe('arithmeticCode with given frequencies', () => {
  const types = { symbol: i32(), cdf: i32(V + 1) };

  it('makes the bytes of the public reference, however the rows are cut', () => {
    fc.assert(
      fc.property(cuttings, (lengths) => {
        expect(coded(types, { symbol, cdf }, lengths, given)).toEqual(encoded);
      }),
      campaign(),
    );
  });

  it('has an inverse that takes the code in the first row, however the rows are cut', () => {
    fc.assert(
      fc.property(cuttings, (lengths) => {
        expect(decoded(codeFirst(encoded, numRows), lengths)).toEqual(symbol);
      }),
      campaign(),
    );
  });

  it('has an inverse that takes each byte a few rows before it is needed', () => {
    const places = Array.from({ length: numRows + 1 }, (_, t) =>
      t === numRows ? encoded.length : Math.min(encoded.length, 8 + t),
    );
    expect(decoded({ offsets: Int32Array.from([0, ...places.slice(1)]), values: encoded })).toEqual(symbol);
  });

  it('refuses a code that ends too early, comes too late, or waits in too many bytes', () => {
    expectError('TRUNCATED_INPUT', () => decoded(codeFirst(encoded.subarray(0, 200), numRows)));
    const late = (first: number) =>
      Int32Array.from({ length: numRows + 1 }, (_, t) => [0, first][t] ?? encoded.length);
    expectError('CORRUPT_INPUT', () => decoded({ offsets: late(1), values: encoded }));
    expect(decoded({ offsets: late(8), values: encoded })).toEqual(symbol);
    expectError('LIMIT_EXCEEDED', () => {
      const operator = arithmeticDecode({ ...given, pendingBytes: 64 });
      const rows = { code: codeFirst(encoded, numRows), cdf };
      applyTo(batchOf({ code: binary(), cdf: i32(V + 1) }, rows), operator);
    });
  });

  it('refuses a symbol that there is not, or whose frequency is 0', () => {
    const one = (s: number, frequencies: readonly number[]) => () =>
      applyTo(
        batchOf(
          { symbol: i32(), cdf: i32(4) },
          { symbol: Int32Array.of(s), cdf: Int32Array.from(frequencies) },
        ),
        arithmeticCode({ symbols: 3, frequencies: 'given' }),
      );
    expect(one(2, [0, 1, 1, 2])).not.toThrow();
    expectError('CORRUPT_INPUT', one(3, [0, 1, 1, 2]), { row: 0, column: 'symbol' });
    expectError('CORRUPT_INPUT', one(-1, [0, 1, 1, 2]), { row: 0, column: 'symbol' });
    expectError('CORRUPT_INPUT', one(1, [0, 1, 1, 2]), { row: 0, column: 'cdf' });
    expectError('CORRUPT_INPUT', one(0, [0, 1, 2, 2 ** 21]), { row: 0, column: 'cdf' });
  });
});

describe('arithmeticCode with counted frequencies', () => {
  const code = (symbols: Int32Array, V: number) => {
    const operator = arithmeticCode({ symbols: V });
    const { batches } = applyTo(batchOf({ symbol: i32() }, { symbol: symbols }), operator);
    return (outputsOf(operator, batches).code as Varying).values as Uint8Array;
  };
  const back = (bytes: Uint8Array, V: number) => {
    const operator = arithmeticDecode({ symbols: V });
    const rows = { code: codeFirst(bytes, 1) };
    return outputsOf(operator, applyTo(batchOf({ code: binary() }, rows), operator).batches).symbol;
  };

  it('gives back any symbols, none at all too, and comes near their entropy', () => {
    for (const length of [0, 1, 2, 63, 50_000]) {
      const random = uniform(length);
      const symbols = Int32Array.from({ length }, () => Math.floor(256 * random() ** 8));
      const bytes = code(symbols, 256);
      expect(back(bytes, 256)).toEqual(symbols);
      if (length > 63) expect(bytes.length).toBeLessThan(1.02 * entropyBytes(symbols));
    }
  });

  it('decodes a long run of one symbol from a few bytes', () => {
    const symbols = new Int32Array(100_000).fill(2);
    const bytes = code(symbols, 3);
    expect(bytes.length).toBeLessThan(100);
    expect(back(bytes, 3)).toEqual(symbols);
  });

  it('refuses bytes behind the end and codes that are cut', () => {
    const bytes = code(
      Int32Array.from({ length: 40 }, (_, i) => (i * i) % 4),
      4,
    );
    for (const more of [1, 2, 20]) {
      expectError('CORRUPT_INPUT', () => back(Uint8Array.from([...bytes, ...new Array(more).fill(7)]), 4));
    }
    expectError('TRUNCATED_INPUT', () => back(bytes.subarray(0, 2), 4));
  });

  it('answers any bytes with symbols or a typed error', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 0, max: 60 }), (seed, length) => {
        const random = uniform(seed);
        const bytes = Uint8Array.from({ length }, () => 256 * random());
        try {
          back(bytes, 5);
        } catch (error) {
          expect((error as { code?: string }).code).toMatch(/^(CORRUPT|TRUNCATED)_INPUT$/);
        }
      }),
      campaign(10),
    );
  });
});

function entropyBytes(symbols: Int32Array): number {
  const counts = new Map<number, number>();
  for (const s of symbols) counts.set(s, (counts.get(s) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= count * Math.log2(count / symbols.length);
  return bits / 8;
}
