import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  consistentSubmodular,
  dynamicSubmodular,
  greedy,
  levelSubmodular,
  salsa,
  sieveStreaming,
  sieveStreamingPlusPlus,
  threeSieves,
} from '../../operators/submodular/index.js';
import * as naive from '../../operators/submodular/naive.js';
import type { Element, Objective } from '../../operators/submodular/objective.js';
import { coverage } from '../../operators/submodular/objectives/coverage.js';
import { facilityLocation } from '../../operators/submodular/objectives/facility-location.js';
import { logDeterminant } from '../../operators/submodular/objectives/log-determinant.js';
import type { Answer } from '../../operators/submodular/summary.js';
import type { Operator } from '../../src/operator.js';
import { campaign, seeds, uniform } from '../support/property.js';
import { answersOf } from '../support/submodular.js';

const ITEMS = 40;
const DIM = 3;

/** Seeded elements, and updates that insert them one by one and delete about every third of them again. */
function streamOf(seed: number, count: number, deletes = 0.3) {
  const random = uniform(seed);
  const elements = Array.from(
    { length: count },
    (): Element => ({
      items: Int32Array.from(
        new Set(
          Array.from({ length: 1 + Math.floor(6 * random()) }, () => Math.floor(ITEMS * random() ** 1.5)),
        ),
      ),
      features: Float32Array.from({ length: DIM }, () => 2 * random() - 1),
      weight: 1,
    }),
  );
  const updates: number[] = [];
  const live: number[] = [];
  for (let e = 0; e < count; ) {
    if (live.length > 0 && random() < deletes)
      updates.push(~live.splice(Math.floor(live.length * random()), 1)[0]!);
    else {
      live.push(e);
      updates.push(e++);
    }
  }
  return { elements, updates };
}

/** The elements that are live after each update, oldest first. */
function liveAfter(updates: readonly number[]): number[][] {
  const live: number[] = [];
  return updates.map((update) => {
    if (update < 0) live.splice(live.indexOf(~update), 1);
    else live.push(update);
    return [...live];
  });
}

const objectives: Readonly<Record<string, Objective>> = {
  coverage: coverage({ maxItems: ITEMS }),
  facilityLocation: facilityLocation({
    dim: DIM,
    similarity: 'rbf',
    ground: Array.from({ length: 12 }, (_, i) => [Math.sin(i), Math.cos(2 * i), Math.sin(3 * i)]),
  }),
  logDeterminant: logDeterminant({ dim: DIM, similarity: 'rbf', noise: 0.3 }),
};

/** What holds of every answer of every algorithm. */
function expectSound(
  objective: Objective,
  elements: readonly Element[],
  live: readonly number[],
  answer: Answer,
  k: number,
) {
  const chosen = answer.selected.map(Number);
  expect(chosen.length).toBeLessThanOrEqual(k);
  expect(new Set(chosen).size).toBe(chosen.length);
  for (const e of chosen) expect(live).toContain(e);
  let value = 0;
  for (const [q, e] of chosen.entries()) {
    const gain = naive.marginalGain(objective, elements, chosen.slice(0, q), e);
    expect(answer.gains[q]).toBeCloseTo(gain, 5);
    value += gain;
  }
  expect(answer.value).toBeCloseTo(value, 5);
}

const algorithms: Readonly<Record<string, (objective: Objective, k: number) => Operator>> = {
  dynamicSubmodular: (objective, k) => dynamicSubmodular({ k, objective, emit: 'row' }),
  'dynamicSubmodular, exact': (objective, k) => dynamicSubmodular({ k, objective, emit: 'row', exact: true }),
  'dynamicSubmodular, hardly any budget': (objective, k) =>
    dynamicSubmodular({ k, objective, emit: 'row', budgetCalls: 2, randomRefill: 2 }),
  levelSubmodular: (objective, k) => levelSubmodular({ k, objective, emit: 'row' }),
  'levelSubmodular, at once': (objective, k) =>
    levelSubmodular({ k, objective, emit: 'row', atOnce: true, bucket: 'highest', epsilon: 0.1 }),
  consistentSubmodular: (objective, k) => consistentSubmodular({ k, objective, emit: 'row', candidates: 8 }),
  greedy: (objective, k) => greedy({ k, objective, emit: 'row' }),
  sieveStreaming: (objective, k) => sieveStreaming({ k, objective, emit: 'row', epsilon: 0.2 }),
  sieveStreamingPlusPlus: (objective, k) =>
    sieveStreamingPlusPlus({ k, objective, emit: 'row', epsilon: 0.2 }),
  threeSieves: (objective, k) => threeSieves({ k, objective, emit: 'row', patienceRows: 5 }),
  salsa: (objective, k) => salsa({ k, objective, emit: 'row', epsilon: 0.2, expectedRows: 60 }),
};

/** What certified rows are worth at least, of the best set of all. */
const ratios: Readonly<Record<string, number>> = {
  dynamicSubmodular: 1 - Math.exp(-1 / 1.1),
  'dynamicSubmodular, exact': 1 - Math.exp(-1 / 1.1),
  'dynamicSubmodular, hardly any budget': 1 - Math.exp(-1 / 1.1),
  levelSubmodular: 0.5 - 0.2,
  'levelSubmodular, at once': 0.5 - 0.1,
  greedy: 1 - Math.exp(-1),
  sieveStreaming: 0.5 - 0.2,
  sieveStreamingPlusPlus: 0.5 - 0.2,
};

describe.each(Object.entries(algorithms))('%s', (name, make) => {
  it.each(Object.entries(objectives))('has live elements, true gains and true values: %s', (_, objective) => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 6 }), (seed, k) => {
        const { elements, updates } = streamOf(seed, 40);
        const live = liveAfter(updates);
        const answers = answersOf(make(objective, k), elements, updates);
        for (const [i, answer] of answers.entries()) expectSound(objective, elements, live[i]!, answer, k);
        for (const [i, { changed }] of answers.entries()) {
          const [before, now] = [new Set(answers[i - 1]?.selected), new Set(answers[i]!.selected)];
          const differs = [...now].filter((id) => !before.has(id)).length;
          const gone = [...before].filter((id) => !now.has(id)).length;
          expect(changed).toBe(differs + gone);
        }
      }),
      campaign(0.5),
    );
  });

  it.skipIf(ratios[name] === undefined)('is never worth less than it guarantees, against brute force', () => {
    fc.assert(
      fc.property(
        seeds,
        fc.integer({ min: 1, max: 4 }),
        fc.constantFrom('coverage', 'logDeterminant'),
        (seed, k, kind) => {
          const objective = objectives[kind]!;
          const { elements, updates } = streamOf(seed, 14);
          const live = liveAfter(updates);
          for (const [i, { value, certified }] of answersOf(
            make(objective, k),
            elements,
            updates,
          ).entries()) {
            if (!certified) continue;
            const there = live[i]!.map((e) => elements[e]!);
            const best = naive.bruteForce(objective, there, k);
            expect(value / (best || 1)).toBeGreaterThanOrEqual(best === 0 ? 0 : ratios[name]! - 1e-6);
          }
        },
      ),
      campaign(0.5),
    );
  });
});

describe('a certified row of dynamicSubmodular', () => {
  it.each(Object.entries(objectives))('is greedy up to 1 + epsilon at each place: %s', (_, objective) => {
    fc.assert(
      fc.property(
        seeds,
        fc.constantFrom(0, 0.1, 0.5),
        fc.constantFrom(0, 5, 128),
        (seed, epsilon, budgetCalls) => {
          const { elements, updates } = streamOf(seed, 40, 0.45);
          const live = liveAfter(updates);
          const operator = dynamicSubmodular({
            k: 5,
            objective,
            emit: 'row',
            epsilon,
            budgetCalls,
            randomRefill: 3,
          });
          for (const [i, { selected, gains, certified }] of answersOf(
            operator,
            elements,
            updates,
          ).entries()) {
            if (!certified) continue;
            const chosen = selected.map(Number);
            for (let q = 0; q < Math.min(5, chosen.length + 1); q++) {
              for (const e of live[i]!) {
                if (chosen.slice(0, q).includes(e)) continue;
                const gain = naive.marginalGain(objective, elements, chosen.slice(0, q), e);
                expect(gain).toBeLessThanOrEqual((1 + epsilon) * (gains[q] ?? 0) + 1e-5);
              }
            }
          }
        },
      ),
      campaign(),
    );
  });

  it('is every row with exact, and every row where nothing is hard', () => {
    const { elements, updates } = streamOf(8, 300);
    for (const exact of [true, false]) {
      const operator = dynamicSubmodular({ k: 8, objective: objectives.coverage!, emit: 'row', exact });
      const rows = answersOf(operator, elements, updates);
      expect(rows.every(({ certified }) => certified)).toBe(true);
    }
  });

  it('comes back after the budget ran out, when there is time', () => {
    const { elements, updates } = streamOf(9, 200, 0.4);
    const operator = dynamicSubmodular({
      k: 8,
      objective: objectives.facilityLocation!,
      emit: 'row',
      budgetCalls: 3,
      randomRefill: 0,
    });
    elements[199] = { ...elements[199]!, features: Float32Array.of(99, 99, 99) };
    const rows = answersOf(operator, elements, [
      ...updates,
      ...Array.from({ length: 400 }, () => [199, ~199]).flat(),
    ]);
    expect(rows.some(({ certified }) => !certified)).toBe(true);
    expect(rows.at(-1)!.certified).toBe(true);
  });
});

describe('the references', () => {
  const inserts = (count: number) => Array.from({ length: count }, (_, e) => e);

  it('greedy is that of naive.ts after every update', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 6 }), (seed, k) => {
        const { elements, updates } = streamOf(seed, 40);
        const live = liveAfter(updates);
        const rows = answersOf(
          greedy({ k, objective: objectives.coverage!, emit: 'row' }),
          elements,
          updates,
        );
        for (const [i, { selected, gains }] of rows.entries()) {
          const expected = naive.greedy(
            objectives.coverage!,
            live[i]!.map((e) => elements[e]!),
            k,
          );
          expect(selected.map(Number)).toEqual(expected.selected.map((at) => live[i]![at]));
          expect(gains).toEqual(expected.gains);
        }
      }),
      campaign(),
    );
  });

  it.each([
    ['sieveStreaming', (options: object) => sieveStreaming(options as never), naive.sieveStreaming],
    ['salsa', (options: object) => salsa({ ...options, expectedRows: 60 } as never), naive.salsa],
    [
      'threeSieves',
      (options: object) => threeSieves({ ...options, patienceRows: 6 } as never),
      (objective: Objective, elements: readonly Element[], options: naive.NaiveSieveOptions) =>
        naive.threeSieves(objective, elements, { ...options, patienceRows: 6 }),
    ],
  ] as const)('%s is that of naive.ts at the end of a stream of inserts', (_, make, expectedOf) => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 8 }), (seed, k) => {
        const { elements } = streamOf(seed, 60);
        const objective = objectives.coverage!;
        const options = { k, epsilon: 0.15, singletonMax: 6 };
        const operator = make({ ...options, objective, emit: 'row' });
        const { selected, gains } = answersOf(operator, elements, inserts(60)).at(-1)!;
        const expected = expectedOf(objective, elements, options);
        expect(selected.map(Number)).toEqual(expected.selected);
        expect(gains).toEqual(expected.gains);
      }),
      campaign(),
    );
  });

  it('consistentSubmodular is that of naive.ts after every update, when all elements are candidates', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 6 }), (seed, k) => {
        const { elements, updates } = streamOf(seed, 40);
        const objective = objectives.coverage!;
        const options = { k, epsilon: 0.1 };
        const operator = consistentSubmodular({ ...options, objective, emit: 'row', candidates: 200 });
        const rows = answersOf(operator, elements, updates);
        const expected = naive.consistentSubmodular(objective, elements, updates, options);
        expect(rows.map(({ selected }) => selected.map(Number))).toEqual(expected);
        for (const { changed } of rows) expect(changed).toBeLessThanOrEqual(2);
      }),
      campaign(),
    );
  });
});
