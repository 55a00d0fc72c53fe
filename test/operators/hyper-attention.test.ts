import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type HyperAttentionOptions, hyperAttention } from '../../operators/index.js';
import * as naive from '../../operators/naive.js';
import { hyperAttentionKernels, MOST_PROJECTIONS } from '../../src/kernels/hyper-attention.js';
import { openArena } from '../../src/kernels/kernel.js';
import { f32 } from '../../src/layout.js';
import { relativeRmse } from '../support/compare.js';
import { expectError } from '../support/errors.js';
import { golden } from '../support/golden.js';
import { run } from '../support/outcome.js';
import { campaign, seeds, uniform } from '../support/property.js';
import { batchOf, cutInto } from '../support/rows.js';

const sizes = { keyDim: 8, valueDim: 5 };

function rowsOf(n: number, seed: number, heads = 1) {
  const random = uniform(seed);
  const column = (width: number) => Float32Array.from({ length: n * heads * width }, () => 4 * random() - 2);
  return { q: column(sizes.keyDim), k: column(sizes.keyDim), v: column(sizes.valueDim) };
}

const typesOf = (heads = 1) => ({
  q: f32(heads * sizes.keyDim),
  k: f32(heads * sizes.keyDim),
  v: f32(heads * sizes.valueDim),
});

const attended = (options: HyperAttentionOptions, rows: ReturnType<typeof rowsOf>) =>
  run(hyperAttention(options), [batchOf(typesOf(options.heads), rows)]).outputs as Record<
    'o' | 'lse',
    Float32Array
  >;

/** One block holds all rows: nothing is sampled. */
const exact = (rows: ReturnType<typeof rowsOf>, causal = false) =>
  attended({ ...sizes, maxRows: 4096, blockRows: 4096, causal }, rows);

describe('angular hashes', () => {
  it('are those of the published code', () => {
    const set = golden('hyperattention_angular_lsh', 'B,H,T,D');
    const [H, K, P] = [2, 16, 7];
    const x = set.rows('x', 0);
    const T = x.length / (H * K);
    const bytes = readFileSync(new URL('../golden/hyperattention_angular_lsh/hash.bin', import.meta.url));
    const expected = Array.from({ length: H * T }, (_, i) => Number(bytes.readBigInt64LE(8 * i)));
    for (const backend of ['wasm', 'typescript'] as const) {
      const arena = openArena(hyperAttentionKernels, 4 * x.length + 8 * K * 16 + 4 * T, backend);
      const projections = new Float64Array(arena.buffer, arena.base, K * MOST_PROJECTIONS);
      set.whole('proj_dir').forEach((value, i) => {
        projections[Math.floor(i / P) * MOST_PROJECTIONS + (i % P)] = value;
      });
      const hashes = new Int32Array(arena.buffer, projections.byteOffset + projections.byteLength, T);
      const packed = new Float32Array(arena.buffer, hashes.byteOffset + hashes.byteLength, x.length);
      packed.set(x);
      for (let head = 0; head < H; head++) {
        arena.kernels.angularHashes(packed, projections, hashes, T, H, K, P, head);
        expect(Array.from(hashes)).toEqual(expected.slice(head * T, (head + 1) * T));
      }
    }
  });
});

describe('hyperAttention', () => {
  it('is exact where a sequence fits one block, and where all causal rows are exact rows', () => {
    const rows = rowsOf(200, 1);
    const options = { ...sizes, maxRows: 200 };
    const full = naive.hyperAttention({ ...options, blockRows: 200 }, rows);
    expect(relativeRmse(attended(options, rows).o, full.o)).toBeLessThan(1e-6);
    const causal = attended({ ...options, causal: true, blockRows: 16, exactRows: 200 }, rows);
    expect(causal.o).toEqual(exact(rows, true).o);
  });

  it('equals its reference for any number of rows, heads, blocks and samples', () => {
    const small = fc.integer({ min: 1, max: 40 });
    const shape = fc.record({
      heads: fc.integer({ min: 1, max: 3 }),
      blockRows: small,
      sampleRows: fc.integer({ min: 0, max: 20 }),
      exactRows: small,
      projections: fc.integer({ min: 1, max: 16 }),
      causal: fc.boolean(),
      seed: seeds,
    });
    fc.assert(
      fc.property(shape, fc.integer({ min: 1, max: 130 }), (options, n) => {
        const rows = rowsOf(n, n, options.heads);
        const all = { ...sizes, ...options, maxRows: 130 };
        const got = attended(all, rows);
        const expected = naive.hyperAttention(all, rows);
        expect(relativeRmse(got.o, expected.o)).toBeLessThan(1e-6);
        expect(relativeRmse(got.lse, expected.lse)).toBeLessThan(1e-6);
      }),
      campaign(4),
    );
  });

  it('takes the positions of its samples as an option', () => {
    const rows = rowsOf(96, 3, 2);
    const random = uniform(8);
    const samples = Int32Array.from({ length: 2 * 10 }, () => Math.floor(96 * random()));
    const options = { ...sizes, heads: 2, maxRows: 96, blockRows: 16, sampleRows: 10, samples };
    const expected = naive.hyperAttention(options, rows);
    expect(relativeRmse(attended(options, rows).o, expected.o)).toBeLessThan(1e-6);
  });

  it('is unbiased: over many seeds, the sums of weights have the exact ones as their mean', () => {
    const rows = rowsOf(256, 5);
    const projections = Array.from({ length: 16 }, (_, i) => Math.cos(i));
    const truth = exact(rows).lse;
    const options = { ...sizes, maxRows: 256, blockRows: 32, sampleRows: 64, projections };
    const runs = 60;
    const ratios = Array.from({ length: runs }, (_, seed) => {
      const lse = attended({ ...options, seed }, rows).lse;
      return lse.reduce((sum, x, i) => sum + Math.exp(x - truth[i]!), 0) / lse.length;
    });
    const mean = ratios.reduce((a, b) => a + b) / runs;
    const deviation = Math.sqrt(ratios.reduce((sum, x) => sum + (x - mean) ** 2, 0) / runs);
    expect(Math.abs(mean - 1)).toBeLessThan((4 * deviation) / Math.sqrt(runs));
    expect(deviation).toBeGreaterThan(0);
  });

  it('comes closer to exact attention with more samples', () => {
    const rows = rowsOf(2048, 7);
    const truth = exact(rows).o;
    const errors = [32, 128, 512, 2048].map((sampleRows) => {
      const options = { ...sizes, maxRows: 2048, blockRows: 64, sampleRows };
      return relativeRmse(attended(options, rows).o, truth);
    });
    for (const [i, error] of errors.entries()) if (i > 0) expect(error).toBeLessThan(errors[i - 1]!);
    expect(errors[3]!).toBeLessThan(0.5 * errors[1]!);
  });

  it('never lets a later row change an earlier one under the causal mask', () => {
    const rows = rowsOf(100, 9);
    const options = { ...sizes, maxRows: 100, causal: true, blockRows: 8, sampleRows: 5 };
    const before = attended(options, rows);
    rows.k.fill(3, 90 * sizes.keyDim);
    rows.v.fill(1e6, 90 * sizes.valueDim);
    const after = attended(options, rows);
    expect(after.o.subarray(0, 90 * sizes.valueDim)).toEqual(before.o.subarray(0, 90 * sizes.valueDim));
  });

  it('stays finite at logits of several hundred', () => {
    const rows = rowsOf(300, 11);
    const options = { ...sizes, maxRows: 300, blockRows: 32, sampleRows: 16, scale: 40 };
    const got = attended(options, rows);
    const expected = naive.hyperAttention(options, rows);
    expect(relativeRmse(got.lse, expected.lse)).toBeLessThan(1e-6);
    expect(got.o.every(Number.isFinite)).toBe(true);
  });

  it('answers every maxRows rows as a sequence of its own with emit full, each with samples of its own', () => {
    const rows = rowsOf(100, 13);
    const twice = { q: repeated(rows.q), k: repeated(rows.k), v: repeated(rows.v) };
    const options = { ...sizes, maxRows: 100, blockRows: 10, sampleRows: 10 };
    const batches = cutInto(typesOf(), twice, [33, 100]);
    const got = run(hyperAttention({ ...options, emit: 'full' }), batches).outputs.o as Float32Array;
    const width = 100 * sizes.valueDim;
    expect(got.subarray(0, width)).toEqual(attended(options, rows).o);
    expect(got.subarray(width)).not.toEqual(got.subarray(0, width));
  });

  it('emits nothing for a stream without rows', () => {
    const emitted: unknown[] = [];
    const operator = hyperAttention({ ...sizes, maxRows: 10 });
    run(operator, [batchOf(typesOf(), rowsOf(0, 1))], { onBatch: (batch) => emitted.push(batch) });
    expect(emitted).toEqual([]);
  });

  it('refuses a row more than it has room for', () => {
    const error = expectError('LIMIT_EXCEEDED', () => attended({ ...sizes, maxRows: 99 }, rowsOf(100, 1)));
    expect(error.message).toContain('hyperAttention: limit maxRows, expected at most 99');
  });

  it.each([
    [{ projections: [1, 2, 3] }, 'projections.length / keyDim'],
    [{ projections: 17 }, 'projections'],
    [{ projections: new Array(8).fill(Number.NaN) }, 'projections[0]'],
    [{ samples: [1, 2], sampleRows: 3 }, 'samples'],
    [{ samples: null as unknown as number[] }, 'samples'],
    [{ projections: null as unknown as number }, 'projections'],
    [{ samples: [1], sampleRows: 1, causal: true }, 'samples'],
    [{ emit: 'batch' as 'end' }, 'emit'],
    [{ seed: 0.5 }, 'seed'],
    [{ maxRows: 0 }, 'maxRows'],
    [{ exactRows: 0 }, 'exactRows'],
    [{ blockRows: 0 }, 'blockRows'],
  ])('refuses the options %j', (wrong, name) => {
    const error = expectError('OPTION_RANGE', () => hyperAttention({ ...sizes, maxRows: 10, ...wrong }));
    expect(error.message).toContain(`hyperAttention: option ${name}, `);
  });

  it('refuses logits that overflow', () => {
    const rows = rowsOf(40, 1);
    rows.q.fill(1e30);
    rows.k.fill(1e30);
    const error = expectError('CORRUPT_INPUT', () => attended({ ...sizes, maxRows: 40 }, rows));
    expect(error.message).toContain('hyperAttention: logits, expected finite float32 numbers');
  });

  it('refuses samples behind the last row', () => {
    const options = { ...sizes, maxRows: 50, blockRows: 10, sampleRows: 1, samples: [40] };
    const error = expectError('OPTION_RANGE', () => attended(options, rowsOf(40, 1)));
    expect(error.message).toContain('positions below 40 rows, got 40');
  });
});

const repeated = (x: Float32Array) => Float32Array.from({ length: 2 * x.length }, (_, i) => x[i % x.length]!);
