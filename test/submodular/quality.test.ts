/**
 * What the README promises of calls, worth and changes, on streams of a size that CI has time for. `bench/submodular.ts` has the
 * large ones.
 */
import { describe, expect, it } from 'vitest';
import type { Algorithm } from '../../operators/submodular/algorithm.js';
import type { World } from '../../operators/submodular/oracle.js';
import {
  defaults,
  exact,
  levels,
  levelsAtOnce,
  levelsOfHighest,
  swap,
} from '../support/submodular-algorithms.js';
import { type MeasureOptions, measure } from '../support/submodular-measure.js';
import {
  coverageData,
  type Data,
  decoyData,
  determinantData,
  facilityData,
  type Stream,
} from '../support/submodular-streams.js';

const on = (
  algorithm: (world: World) => Algorithm,
  data: Data,
  stream: Stream,
  more: Partial<MeasureOptions> = {},
) => measure(algorithm, { data, stream, n: 1000, k: 20, updates: 1000, samples: 20, ...more });

const LARGE = { n: 10_000, updates: 3000, samples: 10 };

describe('dynamicSubmodular', () => {
  it.each(['window', 'random'] as const)('asks about once an update on coverage: %s', (stream) => {
    for (const more of [{}, LARGE]) {
      const { calls, ratio, changes } = on(defaults, coverageData(), stream, more);
      expect(calls.mean).toBeLessThanOrEqual(2);
      expect(calls.max).toBeLessThanOrEqual(248);
      expect(ratio.min).toBeGreaterThanOrEqual(0.97);
      expect(ratio.mean).toBeGreaterThanOrEqual(0.98);
      expect(changes.mean).toBeLessThanOrEqual(0.1);
    }
  });

  it('keeps to its budget and its worth when the answer is deleted again and again', () => {
    for (const [data, least] of [
      [coverageData(), 0.92],
      [facilityData(), 0.85],
      [determinantData(), 0.85],
    ] as const) {
      const { calls, ratio } = on(defaults, data, 'attack');
      expect(calls.mean).toBeLessThanOrEqual(200);
      expect(calls.max).toBeLessThanOrEqual(248);
      expect(ratio.min).toBeGreaterThanOrEqual(least);
    }
  });

  it('asks little on facility location', () => {
    const { calls, ratio } = on(defaults, facilityData(), 'window');
    expect(calls.mean).toBeLessThanOrEqual(30);
    expect(calls.max).toBeLessThanOrEqual(248);
    expect(ratio.min).toBeGreaterThanOrEqual(0.93);
  });

  it('loses nothing while a long repair goes on, and asks no more than its allowance', () => {
    const { calls, ratio, certified } = on(defaults, facilityData(), 'window', {
      n: 10_000,
      updates: 4000,
      samples: 40,
    });
    expect(certified).toBeLessThan(1);
    expect(calls.mean).toBeLessThanOrEqual(30);
    expect(ratio.min).toBeGreaterThanOrEqual(0.96);
  });

  it('certifies every row with exact, attacked or not, and is not misled by decoys', () => {
    for (const stream of ['window', 'attack'] as const) {
      const { certified, ratio } = on(exact, coverageData(), stream);
      expect(certified).toBe(1);
      expect(ratio.min).toBeGreaterThanOrEqual(0.96);
    }
    const decoys = on(exact, decoyData(2000), 'attack', { n: 2000 });
    expect(decoys.certified).toBe(1);
    expect(decoys.ratio.min).toBeGreaterThanOrEqual(0.9);
  });

  it('prefers the newest of equal elements: a window over decoys costs hardly anything', () => {
    const { calls, ratio } = on(defaults, decoyData(2000), 'window', { n: 2000 });
    expect(calls.mean).toBeLessThanOrEqual(10);
    expect(ratio.min).toBeGreaterThanOrEqual(0.95);
  });
});

describe('levelSubmodular', () => {
  it('asks a few times an update on windows, and no more when there is more', () => {
    const small = on(levels, coverageData(), 'window', { updates: 2000 });
    const large = on(levels, coverageData(), 'window', LARGE);
    for (const { calls, ratio } of [small, large]) {
      expect(calls.mean).toBeLessThanOrEqual(5);
      expect(calls.max).toBeLessThanOrEqual(400);
      expect(ratio.min).toBeGreaterThanOrEqual(0.8);
      expect(ratio.mean).toBeGreaterThanOrEqual(0.88);
    }
    expect(large.calls.mean).toBeLessThanOrEqual(1.5 * small.calls.mean);
  });

  it('is worth four fifths on similarities too when it chooses from the highest buckets', () => {
    for (const data of [facilityData(), determinantData()]) {
      const { ratio } = on(levelsOfHighest, data, 'window', { updates: 1500 });
      expect(ratio.min).toBeGreaterThanOrEqual(0.8);
      expect(ratio.mean).toBeGreaterThanOrEqual(0.88);
    }
  });

  it('does not break down when the answer is deleted, which it does not promise', () => {
    const { ratio } = on(levelsAtOnce, coverageData(), 'attack');
    expect(ratio.min).toBeGreaterThanOrEqual(0.4);
  });
});

describe('consistentSubmodular', () => {
  it('changes at most two elements, and is worth nine tenths', () => {
    for (const stream of ['window', 'attack'] as const) {
      for (const data of [coverageData(), facilityData(), determinantData()]) {
        const { changes, ratio } = on(swap, data, stream, { updates: 600 });
        expect(changes.max).toBeLessThanOrEqual(2);
        expect(ratio.min).toBeGreaterThanOrEqual(0.9);
      }
    }
  });
});
