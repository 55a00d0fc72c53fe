import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attentionTraffic, einsumPasses, ioBound, type RankPasses } from '../../operators/index.js';
import { expectError } from '../support/errors.js';
import { campaign } from '../support/property.js';

const naive = `
  S[n, m] = Q[n, d] * K[m, d]
  M[n] = max(S[n, m])
  E[n, m] = exp(S[n, m] - M[n])      # a second look at every score
  D[n] = sum(E[n, m])
  A[n, m] = E[n, m] / D[n]           # and a third
  O[n, v] = A[n, m] * V[m, v]
`;

const merged = `
  S[n, m] = Q[n, d] * K[m, d]
  M[n] = max(S[n, m])
  E[n, m] = exp(S[n, m] - M[n])
  D[n] = sum(E[n, m])
  N[n, v] = E[n, m] * V[m, v]
  O[n, v] = N[n, v] / D[n]
`;

const running = `
  S[n, m] = Q[n, d] * K[m, d]
  M[n, m+1] = max(M[n, m], S[n, m])
  D[n, m+1] = D[n, m] * exp(M[n, m] - M[n, m+1]) + exp(S[n, m] - M[n, m+1])
  N[n, v, m+1] = N[n, v, m] * exp(M[n, m] - M[n, m+1]) + exp(S[n, m] - M[n, m+1]) * V[m, v]
  O[n, v] = N[n, v, last] / D[n, last]
`;

const linear = `
  W[k, v] = K[m, k] * V[m, v]
  O[n, v] = Q[n, k] * W[k, v]
`;

const over = (rank: string, cascade: string): RankPasses =>
  einsumPasses(cascade).find((found) => found.rank === rank)!;

describe('einsumPasses', () => {
  it('finds that softmax attention as it is written reads the keys three times', () => {
    expect(over('m', naive)).toEqual({
      rank: 'm',
      passes: 3,
      streams: false,
      state: ['M[n]', 'D[n]', 'O[n, v]'],
      chain: ['M', 'D'],
      again: ['S', 'E'],
    });
  });

  it('finds two passes where the division is put off', () => {
    expect(over('m', merged)).toMatchObject({ passes: 2, streams: false, chain: ['M'], again: ['S'] });
  });

  it('finds one pass where the maximum runs along, and names what it keeps', () => {
    expect(over('m', running)).toEqual({
      rank: 'm',
      passes: 1,
      streams: true,
      state: ['M[n, m]', 'D[n, m]', 'N[n, v, m]'],
      chain: [],
      again: [],
    });
  });

  it('finds one pass where nothing but sums is kept', () => {
    expect(over('m', linear)).toMatchObject({ passes: 1, streams: true, state: ['W[k, v]'] });
    expect(over('n', linear)).toMatchObject({ passes: 1, streams: true, state: [] });
  });

  it('tells each rank apart, in the order in which they appear', () => {
    expect(einsumPasses(naive).map(({ rank, passes }) => [rank, passes])).toEqual([
      ['n', 1],
      ['m', 3],
      ['d', 1],
      ['v', 1],
    ]);
  });

  it('counts inputs that are read in two passes', () => {
    const variance = 'T[] = sum(X[i])\nU[] = square(X[i] - T[])';
    expect(over('i', variance)).toMatchObject({ passes: 2, again: ['X'], state: ['T[]', 'U[]'] });
  });

  it('needs a pass for each link of a chain of reductions, whatever stands between', () => {
    const links = fc.array(fc.boolean(), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(links, (reduces) => {
        const lines = reduces.map((reduce, i) =>
          reduce ? `R${i}[] = X[i] * T${i}[]\nT${i + 1}[] = R${i}[]` : `T${i + 1}[] = double(T${i}[])`,
        );
        const reductions = reduces.filter(Boolean).length;
        const found = over('i', ['Y[i] = X[i] + Z[]', ...lines].join('\n'));
        expect(found.passes).toBe(Math.max(reductions, 1));
      }),
      campaign(5),
    );
  });

  it.each([
    ['', 1, 'no line'],
    ['# nothing\n\n  ', 1, 'no line'],
    ['M[n] = max(S[n, m])\nhello', 2, 'hello'],
    ['M[n] = 3', 1, '3'],
    ['M[n + 2] = S[n]', 1, 'n + 2'],
    ['M[n] = S[n, 7]', 1, '7'],
    ['M[n] = S[n]\nM[n] = T[n]', 2, 'M again'],
    ['A[n] = M[n]\nM[n] = S[n]', 2, 'M again'],
    ['M[n] = M[n] + S[n]', 1, 'M[n]'],
    ['M[n] = S[n, m]\nO[n] = S[n]', 2, '1'],
    ['O[n] = S[n, last]', 1, 'last'],
  ])('refuses %j, naming the line', (cascade, line, got) => {
    const error = expectError('CORRUPT_INPUT', () => einsumPasses(cascade), { line });
    expect(error.message).toContain(`line ${line}`);
    expect(error.message).toContain(got);
  });
});

describe('ioBound', () => {
  it('is N^2 d^2 / M', () => {
    expect(ioBound({ N: 1000, d: 64, M: 8192 })).toBe((1000 * 1000 * 64 * 64) / 8192);
    expect(ioBound({ N: 10, d: 4, M: 16 })).toBe(100);
  });

  it('refuses a cache below d^2, and what is no size', () => {
    const error = expectError('OPTION_RANGE', () => ioBound({ N: 10, d: 64, M: 4095 }));
    expect(error.message).toContain('at least d^2 = 4096, got 4095');
    for (const wrong of [{ N: 0 }, { d: 1.5 }, { M: Number.NaN }]) {
      expectError('OPTION_RANGE', () => ioBound({ N: 10, d: 4, M: 16, ...wrong }));
    }
  });
});

/** Reads and writes one number at a time as the loop does. */
function walked(N: number, d: number, keyRows: number): number {
  let numbers = 0;
  for (let block = 0; block < N; block += keyRows) {
    numbers += Math.min(keyRows, N - block) * 2 * d;
    for (let query = 0; query < N; query++) numbers += d + 2 * (d + 2);
  }
  return numbers;
}

describe('attentionTraffic', () => {
  it('counts what a loop over blocks of keys moves', () => {
    for (const [N, d, keyRows] of [
      [1000, 64, 64],
      [64, 8, 64],
      [65, 3, 16],
    ] as const) {
      expect(attentionTraffic({ N, d, keyRows }).numbers).toBe(walked(N, d, keyRows));
    }
  });

  it('stays within a constant of the bound, whatever the length', () => {
    const ratios = [2 ** 10, 2 ** 14, 2 ** 20].map((N) => attentionTraffic({ N, d: 64 }).ratio!);
    expect(Math.max(...ratios)).toBeLessThan(8);
    expect(Math.max(...ratios) / Math.min(...ratios)).toBeLessThan(1.1);
  });

  it('moves fewer numbers when more rows stay', () => {
    const moved = [16, 64, 256].map((keyRows) => attentionTraffic({ N: 4096, d: 64, keyRows }).numbers);
    expect(moved).toEqual([...moved].sort((a, b) => b - a));
    expect(attentionTraffic({ N: 4096, d: 64, queryRows: 64, keeps: 'queries' }).numbers).toBeLessThan(
      moved[1]!,
    );
  });

  it('has no bound to compare with where tiles hold fewer than d^2 numbers', () => {
    expect(attentionTraffic({ N: 100, d: 512, keyRows: 4 })).toMatchObject({
      bound: undefined,
      ratio: undefined,
    });
  });
});
