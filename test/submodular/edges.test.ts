import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { retention } from '../../operators/index.js';
import {
  consistentSubmodular,
  coverage,
  dynamicSubmodular,
  facilityLocation,
  featureBased,
  greedy,
  levelSubmodular,
  salsa,
  sieveStreaming,
  sieveStreamingPlusPlus,
  slidingWindow,
  threeSieves,
  withWeight,
} from '../../operators/submodular/index.js';
import { applyTo } from '../../src/apply.js';
import type { Operator } from '../../src/operator.js';
import type { Id } from '../../src/row-types.js';
import { expectError } from '../support/errors.js';
import { campaign, cuttings, seeds, uniform } from '../support/property.js';
import { batchOf } from '../support/rows.js';
import { answersOf, readAnswers, updateRows, withFeatures, withItems } from '../support/submodular.js';

const objective = coverage({ maxItems: 50 });
const makers = {
  dynamicSubmodular,
  levelSubmodular,
  consistentSubmodular,
  greedy,
  sieveStreaming,
  sieveStreamingPlusPlus,
  threeSieves,
  salsa,
};
type Name = keyof typeof makers;
const names = Object.keys(makers) as Name[];
const make = (name: Name, options: object): Operator =>
  (makers[name] as (options: object) => Operator)({
    k: 3,
    objective,
    emit: 'row',
    ...(name === 'salsa' && { expectedRows: 100 }),
    ...options,
  });

const sets = (...items: number[][]) => items.map(withItems);
const last = <T>(values: readonly T[]): T => values.at(-1)!;
const ids = ({ selected }: { readonly selected: readonly Id[] }) => selected.map(Number);

/** Seeded sets of items, each different from the others. */
function randomSets(count: number, seed: number) {
  const random = uniform(seed);
  return Array.from({ length: count }, () =>
    withItems(Array.from({ length: 1 + Math.floor(5 * random()) }, () => Math.floor(50 * random()))),
  );
}

describe.each(names)('%s', (name) => {
  const operator = make(name, {});

  it('does nothing when an id is deleted that is not there', () => {
    const answers = answersOf(operator, sets([1], [2]), [0, ~1, ~1]);
    expect(answers.map(ids)).toEqual([[0], [0], [0]]);
    expect(answers[1]!.changed).toBe(0);
  });

  it('replaces an element when its id is inserted again', () => {
    const elements = sets([1, 2, 3], [4]);
    const answers = answersOf(operator, elements, [0, 1], [], { idOf: () => 7n });
    expect(answers.map(({ value }) => value)).toEqual([3, 1]);
    expect(last(answers).selected).toEqual([7n]);
  });

  it('takes an id again after it was deleted', () => {
    const elements = sets([1, 2], [3], [4, 5, 6]);
    const answers = answersOf(operator, elements, [0, ~0, 2], [], { idOf: () => 1n });
    expect(answers.map(({ value }) => value)).toEqual([2, 0, 3]);
  });

  it('lets a deleted element go at once', () => {
    const updates = [0, 1, 2, 3, ~3, ~2, ~1, ~0];
    const answers = answersOf(operator, sets([1, 2, 3], [3, 4, 5], [6, 7], [8, 9]), updates);
    const live = updates.map((_, i) => {
      const deleted = updates
        .slice(0, i + 1)
        .filter((update) => update < 0)
        .map((update) => ~update);
      return updates.slice(0, i + 1).filter((update) => update >= 0 && !deleted.includes(update));
    });
    for (const [i, answer] of answers.entries()) for (const e of ids(answer)) expect(live[i]).toContain(e);
    expect(last(answers)).toMatchObject({ selected: [], value: 0, gains: [] });
  });

  it('chooses nothing where nothing gains', () => {
    const answers = answersOf(operator, sets([], [], []), [0, 1, ~0, 2]);
    for (const answer of answers) expect(answer).toMatchObject({ selected: [], value: 0, changed: 0 });
  });

  it('takes k larger than there are elements, and a window smaller than k', () => {
    const elements = sets([1], [2], [3], [4], [5]);
    expect(last(answersOf(make(name, { k: 50 }), elements, [0, 1, 2])).value).toBeGreaterThan(1);
    const windowed = slidingWindow({ windowRows: 2 }, make(name, { k: 4 }));
    const answers = answersOf(windowed, elements, [0, 1, 2, 3, 4]);
    for (const [i, answer] of answers.entries())
      for (const e of ids(answer)) expect(e).toBeGreaterThan(i - 2);
    expect(last(answers).value).toBeGreaterThanOrEqual(1);
  });

  it('takes ids that are text', () => {
    const answers = answersOf(operator, sets([1], [2]), [0, 1], [], { idOf: (e) => `element ${e}` });
    expect(last(answers).selected).toContain('element 1');
  });

  it('refuses more elements than it may have', () => {
    const small = make(name, { maxElements: 3 });
    const elements = sets([1], [2], [3], [4]);
    expectError('LIMIT_EXCEEDED', () => answersOf(small, elements, [0, 1, 2, 3]));
    expect(last(answersOf(small, elements, [0, 1, 2, ~0, 3])).value).toBeGreaterThan(0);
    expect(last(answersOf(small, elements, [0, 1, 2, 2, 1])).value).toBeGreaterThan(0);
  });

  it('has the same last answer however the rows are cut, when it answers for batches', () => {
    const perBatch = make(name, { emit: 'batch' });
    fc.assert(
      fc.property(seeds, cuttings, (seed, lengths) => {
        const elements = randomSets(60, seed);
        const updates = elements.flatMap((_, e) => (e >= 20 ? [e, ~(e - 20)] : [e]));
        const whole = answersOf(perBatch, elements, updates);
        const cut = answersOf(perBatch, elements, updates, lengths);
        const byRow = answersOf(operator, elements, updates);
        const { oracleCalls: _, changed: __, ...expected } = last(whole);
        expect(whole.length).toBe(1);
        expect(last(cut)).toMatchObject(expected);
        expect(last(byRow)).toMatchObject(expected);
        if (name === 'greedy') return;
        const calls = (answers: typeof cut) => answers.reduce((sum, { oracleCalls }) => sum + oracleCalls, 0);
        expect(calls(cut)).toBe(calls(whole));
        expect(calls(byRow)).toBe(calls(whole));
      }),
      campaign(0.5),
    );
  });

  it('is over a window what it is over the deletions that the window makes', () => {
    const elements = randomSets(80, 3);
    const byHand = elements.flatMap((_, e) => (e >= 15 ? [~(e - 15), e] : [e]));
    const rows = answersOf(operator, elements, byHand).filter((__, i) => byHand[i]! >= 0);
    const windowed = answersOf(slidingWindow({ windowRows: 15 }, operator), elements, [...elements.keys()]);
    for (const [i, answer] of windowed.entries()) {
      for (const e of ids(answer)) expect(e).toBeGreaterThan(i - 15);
      if (name === 'greedy') expect(answer.selected).toEqual(rows[i]!.selected);
      expect(answer.value).toBeGreaterThan(0.6 * rows[i]!.value);
      if (name === 'consistentSubmodular') expect(answer.changed).toBeLessThanOrEqual(2);
    }
  });

  it('begins an empty batch with no answer', () => {
    const { inputs } = operator.description;
    const empty = batchOf(inputs, updateRows([], []));
    expect(applyTo([empty], operator).batches).toEqual([]);
  });
});

describe('rows that are refused', () => {
  const apply = (operator: Operator, rows: object) => () =>
    applyTo(batchOf(operator.description.inputs, rows as never), operator);

  it('NaN and infinite features', () => {
    const operator = dynamicSubmodular({ k: 2, objective: facilityLocation({ dim: 2, groundRows: 4 }) });
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const rows = updateRows([withFeatures([1, 2]), withFeatures([1, bad])], [0, 1]);
      expectError('NOT_FINITE', apply(operator, rows), { row: 1, column: 'features' });
    }
  });

  it('items out of range, negative features and weights, an op that is neither 1 nor -1', () => {
    const at = { row: 1 };
    for (const item of [-1, 50]) {
      const rows = updateRows(sets([1], [3, item]), [0, 1]);
      expectError('CORRUPT_INPUT', apply(make('greedy', {}), rows), { ...at, column: 'items' });
    }
    const features = updateRows([withFeatures([1, 2]), withFeatures([1, -2])], [0, 1]);
    const based = dynamicSubmodular({ k: 2, objective: featureBased({ dim: 2 }) });
    expectError('CORRUPT_INPUT', apply(based, features), { ...at, column: 'features' });
    const weights = { ...updateRows(sets([1], [2]), [0, 1]), weight: Float64Array.of(1, -1) };
    const weighted = dynamicSubmodular({ k: 2, objective: withWeight(objective) });
    expectError('CORRUPT_INPUT', apply(weighted, weights), { ...at, column: 'weight' });
    const ops = { ...updateRows(sets([1], [2]), [0, 1]), op: Int8Array.of(1, 0) };
    expectError('CORRUPT_INPUT', apply(make('greedy', {}), ops), { ...at, column: 'op' });
  });

  it('features whose products are no numbers any more', () => {
    const operator = dynamicSubmodular({
      k: 2,
      objective: facilityLocation({ dim: 2, similarity: 'dot', ground: [[1e30, 1e30]] }),
    });
    const rows = updateRows([withFeatures([1, 2]), withFeatures([1e30, 1e30])], [0, 1]);
    expectError('CORRUPT_INPUT', apply(operator, rows), { row: 1 });
  });

  it('a window over something else, or of no rows', () => {
    expectError('OPTION_RANGE', () =>
      slidingWindow({ windowRows: 5 }, retention({ keyDim: 2, valueDim: 2 })),
    );
    expectError('OPTION_RANGE', () => slidingWindow({ windowRows: 0 }, make('greedy', {})));
    expectError('OPTION_RANGE', () => slidingWindow({ windowRows: 10 }, make('greedy', { maxElements: 5 })));
  });

  it('a state of another objective', () => {
    const elements = sets([1], [2]);
    const { inputs } = make('greedy', {}).description;
    const { finalState } = applyTo(batchOf(inputs, updateRows(elements, [0, 1])), make('greedy', {}));
    const other = make('greedy', { objective: coverage({ maxItems: 50, weights: new Array(50).fill(2) }) });
    expectError('STATE_VERSION', () => other.stateFrom(finalState.toBytes()));
    expect(() => make('greedy', {}).stateFrom(finalState.toBytes())).not.toThrow();
  });
});

describe('at most so many of each category', () => {
  const elements = sets([1, 2, 3, 4], [5, 6, 7], [8, 9], [10]);
  const categories = ['a', 'a', 'a', 'b'];

  it.each(['dynamicSubmodular', 'greedy'] as const)('%s keeps to one limit for all', (name) => {
    const operator = make(name, { k: 3, atMostPerCategory: 1 });
    expect(ids(last(answersOf(operator, elements, [0, 1, 2, 3], [], { categories })))).toEqual([0, 3]);
    const updates = [0, 1, 2, 3, ~0];
    expect(ids(last(answersOf(operator, elements, updates, [], { categories })))).toEqual([1, 3]);
  });

  it.each(['dynamicSubmodular', 'greedy'] as const)('%s keeps to a limit for each', (name) => {
    const operator = make(name, { k: 4, atMostPerCategory: { a: 2, b: 0 } });
    expect(ids(last(answersOf(operator, elements, [0, 1, 2, 3], [], { categories })))).toEqual([0, 1]);
  });

  it('is worth at least half of the best permitted set on certified rows', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 2 }), (seed, atMost) => {
        const random = uniform(seed);
        const many = randomSets(9, seed);
        const own = many.map(() => BigInt(Math.floor(3 * random())));
        const operator = make('dynamicSubmodular', { k: 3, atMostPerCategory: atMost });
        const rows = answersOf(operator, many, [...many.keys()], [], { categories: own });
        const best = (set: number[], from: number): number => {
          const items = new Set(set.flatMap((e) => [...many[e]!.items]));
          let most = items.size;
          for (let e = from; e < many.length && set.length < 3; e++)
            if (set.filter((other) => own[other] === own[e]).length < atMost)
              most = Math.max(most, best([...set, e], e + 1));
          return most;
        };
        const { value, certified, selected } = last(rows);
        expect(certified).toBe(true);
        expect(value).toBeGreaterThanOrEqual(best([], 0) / 2.1);
        const counts = new Map<bigint, number>();
        for (const e of selected.map(Number)) counts.set(own[e]!, (counts.get(own[e]!) ?? 0) + 1);
        for (const count of counts.values()) expect(count).toBeLessThanOrEqual(atMost);
      }),
      campaign(2),
    );
  });
});

describe('a sampled ground set', () => {
  it('is the first elements, and gives the answers of a given one from then on', () => {
    const random = uniform(5);
    const points = Array.from({ length: 60 }, () => [random(), random(), random()]);
    const elements = points.map(withFeatures);
    const options = { dim: 3, similarity: 'rbf' } as const;
    const updates = [...elements.keys()];
    const sampled = dynamicSubmodular({
      k: 4,
      objective: facilityLocation({ ...options, groundRows: 10 }),
      emit: 'row',
    });
    const given = dynamicSubmodular({
      k: 4,
      objective: facilityLocation({ ...options, ground: points.slice(0, 10) }),
      emit: 'row',
    });
    const [a, b] = [answersOf(sampled, elements, updates), answersOf(given, elements, updates)];
    expect(a.slice(10).map(ids)).toEqual(b.slice(10).map(ids));
    expect(a[0]!.value).toBeCloseTo(1, 6);
  });
});

describe('the newest of equal elements', () => {
  it('is chosen, so that a window does not lose it next', () => {
    const elements = sets(...Array.from({ length: 6 }, () => [1, 2]));
    for (const name of ['greedy', 'dynamicSubmodular'] as const) {
      const answers = answersOf(make(name, { k: 1 }), elements, [0, 1, 2, 3, ~0, ~1]);
      expect(ids(last(answers))).not.toEqual([2]);
    }
    const windowed = slidingWindow({ windowRows: 4 }, make('dynamicSubmodular', { k: 1, exact: true }));
    const rows = readAnswers(
      windowed,
      applyTo(batchOf(windowed.description.inputs, updateRows(elements, [0, 1, 2, 3, 4, 5])), windowed)
        .batches,
    );
    expect(rows.map(ids)).toEqual([[0], [0], [0], [0], [4], [4]]);
  });
});
