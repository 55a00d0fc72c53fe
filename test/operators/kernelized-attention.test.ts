import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type KernelizedSequenceOptions,
  kernelizedAttention,
  kernelizedSequence,
} from '../../operators/index.js';
import * as naive from '../../operators/naive.js';
import { f32 } from '../../src/layout.js';
import { expectClose, relativeRmse } from '../support/compare.js';
import { expectError } from '../support/errors.js';
import { golden } from '../support/golden.js';
import { run } from '../support/outcome.js';
import { campaign, seeds, uniform } from '../support/property.js';
import { batchOf } from '../support/rows.js';

const sizes = { keyDim: 6, valueDim: 4 };

function rowsOf(n: number, seed: number, heads = 1) {
  const random = uniform(seed);
  const column = (width: number) => Float32Array.from({ length: n * heads * width }, () => 2 * random() - 1);
  return { q: column(sizes.keyDim), k: column(sizes.keyDim), v: column(sizes.valueDim) };
}

const rpeOf = (W: number, seed = 1) => {
  const random = uniform(seed);
  return Float32Array.from({ length: 2 * W + 1 }, () => 4 * random() - 2);
};

function streamed(options: KernelizedSequenceOptions, rows: ReturnType<typeof rowsOf>): Float32Array {
  const { heads = 1, keyDim: K, valueDim: V } = options;
  const types = { q: f32(heads * K), k: f32(heads * K), v: f32(heads * V) };
  return run(kernelizedAttention(options), [batchOf(types, rows)]).outputs.o as Float32Array;
}

/** Exact attention with weights e^(cosine + b). */
function cosineAttention(rpe: ArrayLike<number>, { q, k, v }: ReturnType<typeof rowsOf>): Float64Array {
  const { keyDim: K, valueDim: V } = sizes;
  const W = (rpe.length - 1) / 2;
  const unit = (x: Float32Array, row: number) => {
    const vector = Array.from(x.subarray(row * K, (row + 1) * K));
    const length = Math.hypot(...vector);
    return vector.map((value) => value / length);
  };
  const o = new Float64Array(v.length);
  for (let i = 0; i < v.length / V; i++) {
    let total = 0;
    const query = unit(q, i);
    for (let j = Math.max(i - W, 0); j <= i; j++) {
      const cosine = unit(k, j).reduce((sum, x, c) => sum + x * query[c]!, 0);
      const weight = Math.exp(cosine + rpe[W + j - i]!);
      total += weight;
      for (let c = 0; c < V; c++) o[i * V + c]! += weight * v[j * V + c]!;
    }
    for (let c = 0; c < V; c++) o[i * V + c]! /= total;
  }
  return o;
}

describe('kernelizedSequence', () => {
  it('equals the published definition, causal and not', () => {
    const set = golden('kernelized_attention_rpe', 'T,D');
    const columns = { q: set.rows('phi_q', 0), k: set.rows('phi_k', 0), v: set.rows('v', 0) };
    const options = { keyDim: 5, valueDim: 6, featureMap: 'identity' as const, rpe: set.whole('b') };
    expectClose(kernelizedSequence(options, columns), set.rows('o', 0), 1e-12, 'o');
    const causal = kernelizedSequence({ ...options, causal: true }, columns);
    expectClose(causal, set.rows('o_causal', 0), 1e-12, 'causal o');
  });

  it('equals its reference for any number of rows, heads and distances', () => {
    const shape = fc.record({
      heads: fc.integer({ min: 1, max: 3 }),
      windowRows: fc.integer({ min: 0, max: 90 }),
      features: fc.integer({ min: 1, max: 9 }),
      causal: fc.boolean(),
      seed: seeds,
    });
    fc.assert(
      fc.property(shape, fc.integer({ min: 0, max: 70 }), (options, n) => {
        const all = { ...sizes, ...options, rpe: rpeOf(options.windowRows, n) };
        const rows = rowsOf(n, n, options.heads);
        expectClose(kernelizedSequence(all, rows), naive.kernelizedAttention(all, rows).o, 1e-11, 'o');
      }),
      campaign(4),
    );
  });

  it('is what a stream gives, where it is causal', () => {
    const rows = rowsOf(500, 3, 2);
    const options = { ...sizes, heads: 2, features: 10, rpe: rpeOf(70) };
    const whole = kernelizedSequence({ ...options, causal: true }, rows);
    expect(relativeRmse(streamed(options, rows), whole)).toBeLessThan(1e-6);
  });

  it('takes biases for each head', () => {
    const rows = rowsOf(90, 4, 2);
    const options = { ...sizes, heads: 2, windowRows: 20, rpe: [...rpeOf(20, 1), ...rpeOf(20, 2)] };
    const expected = naive.kernelizedAttention(options, rows).o;
    expect(relativeRmse(streamed(options, rows), expected)).toBeLessThan(1e-6);
    expectClose(kernelizedSequence({ ...options, causal: true }, rows), expected, 1e-11, 'o');
  });

  it('refuses columns of different lengths', () => {
    const rows = rowsOf(10, 1);
    const options = { ...sizes, rpe: [0, 0, 0] };
    const error = expectError('OPTION_RANGE', () =>
      kernelizedSequence(options, { ...rows, k: rows.k.slice(1) }),
    );
    expect(error.message).toContain('kernelizedSequence: option column k');
    expectError('OPTION_RANGE', () => kernelizedSequence(options, { ...rows, v: rows.v.slice(1) }));
  });
});

describe('kernelizedAttention', () => {
  it('comes close to attention by cosines, the closer the more features', () => {
    const rows = rowsOf(300, 5);
    const rpe = rpeOf(50);
    const expected = cosineAttention(rpe, rows);
    const errors = [16, 256, 4096].map((features) =>
      relativeRmse(streamed({ ...sizes, features, rpe, seed: 2 }, rows), expected),
    );
    expect(errors[0]!).toBeLessThan(0.6);
    expect(errors[1]!).toBeLessThan(0.5 * errors[0]!);
    expect(errors[2]!).toBeLessThan(0.5 * errors[1]!);
  });

  it('does not depend on the length of queries and keys', () => {
    const rows = rowsOf(100, 6);
    const options = { ...sizes, features: 8, rpe: rpeOf(10) };
    const longer = { ...rows, q: rows.q.map((x) => 8 * x), k: rows.k.map((x) => x / 4) };
    expect(streamed(options, longer)).toEqual(streamed(options, rows));
  });

  it('never reads what a slot of its ring holds before a row is there', () => {
    const rows = rowsOf(200, 7);
    const options = { ...sizes, features: 5, rpe: rpeOf(100) };
    const operator = kernelizedAttention(options);
    const nan = (slot: string) => new Float32Array(operator.state().slot(slot).length).fill(Number.NaN);
    const from = operator.state({ keys: nan('keys'), values: nan('values') }).bytes;
    const types = { q: f32(6), k: f32(6), v: f32(4) };
    expect(run(operator, [batchOf(types, rows)], { from }).outputs.o).toEqual(streamed(options, rows));
  });

  it('gives 0 where all weights are 0', () => {
    const rows = rowsOf(5, 8);
    rows.k.fill(0);
    const options = { ...sizes, featureMap: 'identity' as const, rpe: [0, 0, 0] };
    expect(streamed(options, rows)).toEqual(new Float32Array(5 * sizes.valueDim));
  });

  it('refuses features whose products overflow', () => {
    const rows = rowsOf(5, 9);
    rows.q.fill(1e30);
    rows.k.fill(1e30);
    const options = { ...sizes, featureMap: 'identity' as const, rpe: [0, 0, 0] };
    expectError('CORRUPT_INPUT', () => streamed(options, rows));
  });

  it.each([
    [{ rpe: [0, 61, 0] }, 'rpe'],
    [{ rpe: [0, 0] }, 'windowRows'],
    [{ rpe: [0, 0, 0], windowRows: 2 }, 'rpe'],
    [{ rpe: undefined as unknown as number[] }, 'windowRows'],
    [{ rpe: [0], featureMap: 'identity' as const, features: 3 }, 'features'],
    [{ rpe: [0], featureMap: 'exp' as 'identity' }, 'featureMap'],
    [{ rpe: [0], features: 1, projections: [1, 2] }, 'projections'],
    [{ rpe: [0], features: 1, projections: [36, 36, 0, 0, 0, 0] }, 'projections[0]'],
  ])('refuses the options %j', (wrong, name) => {
    const error = expectError('OPTION_RANGE', () => kernelizedAttention({ ...sizes, ...wrong }));
    expect(error.message).toContain(`kernelizedAttention: option ${name}, `);
  });
});
