import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkObjective } from '../../operators/submodular/check-objective.js';
import { Elements } from '../../operators/submodular/elements.js';
import { setValue } from '../../operators/submodular/naive.js';
import { bindPlainly, type Element, type Objective } from '../../operators/submodular/objective.js';
import { coverage } from '../../operators/submodular/objectives/coverage.js';
import { facilityLocation } from '../../operators/submodular/objectives/facility-location.js';
import { featureBased } from '../../operators/submodular/objectives/feature-based.js';
import { graphCut } from '../../operators/submodular/objectives/graph-cut.js';
import { logDeterminant } from '../../operators/submodular/objectives/log-determinant.js';
import { objectiveFrom } from '../../operators/submodular/objectives/named.js';
import { sampleRows } from '../../operators/submodular/objectives/sample-rows.js';
import { saturatedCoverage } from '../../operators/submodular/objectives/saturated-coverage.js';
import { withWeight } from '../../operators/submodular/objectives/with-weight.js';
import { Oracle } from '../../operators/submodular/oracle.js';
import { PrefixStates } from '../../operators/submodular/prefix-states.js';
import { DataflowError } from '../../src/errors.js';
import { canonicalOptions } from '../../src/identity.js';
import { log64 } from '../../src/kernels/log64.js';
import { campaign, seeds, uniform } from '../support/property.js';
import { withItems } from '../support/submodular.js';

const DIM = 5;
const COUNT = 24;

/** Seeded elements with items, features in 0 … 1, and a weight. */
function elementsOf(seed: number): Element[] {
  const random = uniform(seed);
  return Array.from({ length: COUNT }, () => ({
    items: Int32Array.from(
      new Set(Array.from({ length: Math.floor(6 * random()) }, () => Math.floor(30 * random()))),
    ),
    features: Float32Array.from({ length: DIM }, random),
    weight: random(),
  }));
}

const ground = Array.from({ length: 9 }, (_, i) =>
  Array.from({ length: DIM }, (__, d) => ((7 * i + 3 * d) % 11) / 10),
);
const objectives: Readonly<Record<string, Objective>> = {
  coverage: coverage({ maxItems: 30 }),
  'weighted coverage': coverage({ maxItems: 30, weights: Array.from({ length: 30 }, (_, i) => i % 4) }),
  'facility location by cosine': facilityLocation({ dim: DIM, ground }),
  'facility location by distance': facilityLocation({ dim: DIM, ground, similarity: 'rbf', gamma: 0.7 }),
  'log-determinant': logDeterminant({ dim: DIM, similarity: 'dot', noise: 0.5 }),
  'log-determinant by distance': logDeterminant({ dim: DIM, similarity: 'rbf' }),
  'features, sqrt': featureBased({ dim: DIM }),
  'features, log': featureBased({ dim: DIM, concave: 'log', weights: [1, 2, 3, 4, 5] }),
  'features, cap': featureBased({ dim: DIM, concave: 'cap' }),
  'saturated coverage': saturatedCoverage({ dim: DIM, ground, saturation: 0.4 }),
  'graph cut': graphCut({ dim: DIM, ground, similarity: 'rbf', lambda: 10 }),
  'coverage with weights': withWeight(coverage({ maxItems: 30 }), { factor: 2 }),
};
const named = Object.entries(objectives);

/** An objective over slots, with the elements in them. */
function bound(objective: Objective, elements: readonly Element[], plainly = false) {
  const store = new Elements(objective, COUNT, COUNT);
  for (const [slot, element] of elements.entries()) store.set(slot, element);
  return { store, own: plainly ? bindPlainly(objective, store) : objective.bind!(store, COUNT) };
}

const orders = fc.shuffledSubarray([...Array(COUNT).keys()], { minLength: 1, maxLength: 12 });

describe.each(named)('%s', (_, objective) => {
  it('is monotone and submodular, on samples', () => {
    expect(checkObjective(objective, elementsOf(3), { trials: 300 })).toEqual({ ok: true });
  });

  it('gives the same bits over slots, in batches of candidates, as element by element', () => {
    fc.assert(
      fc.property(seeds, orders, (seed, chosen) => {
        const elements = elementsOf(seed);
        const [fast, plain] = [bound(objective, elements).own, bound(objective, elements, true).own];
        const [a, b] = [fast.empty(), plain.empty()];
        const slots = Int32Array.from({ length: COUNT }, (__, i) => i);
        const [gains, expected] = [new Float64Array(COUNT), new Float64Array(COUNT)];
        for (const slot of chosen) {
          fast.add(a, slot);
          plain.add(b, slot);
          fast.gains(a, slots, gains, COUNT);
          plain.gains(b, slots, expected, COUNT);
          expect([...gains]).toEqual([...expected]);
          expect(fast.value(a)).toBe(plain.value(b));
        }
      }),
      campaign(),
    );
  });

  it('has copies that go their own way', () => {
    const { own } = bound(objective, elementsOf(5));
    const [from, to] = [own.empty(), own.empty()];
    for (const slot of [3, 1, 4]) own.add(from, slot);
    own.copy?.(from, to);
    const value = own.value(from);
    expect(own.value(to)).toBe(value);
    own.add(to, 7);
    own.add(to, 8);
    expect(own.value(from)).toBe(value);
    const again = own.empty();
    for (const slot of [3, 1, 4]) own.add(again, slot);
    own.copy?.(again, to);
    expect(own.value(to)).toBe(value);
  });

  it('has states of prefixes that are those of their elements, while the list grows and is cut', () => {
    const steps = fc.array(fc.integer({ min: -3, max: COUNT - 1 }), { maxLength: 30 });
    fc.assert(
      fc.property(seeds, steps, (seed, moves) => {
        const oracle = new Oracle('test', objective, COUNT, COUNT);
        for (const [slot, element] of elementsOf(seed).entries()) oracle.elements.set(slot, element);
        const prefixes = new PrefixStates(oracle);
        for (const move of moves) {
          if (move < 0) prefixes.cut(Math.max(0, prefixes.chosen.length + move));
          else if (!prefixes.chosen.includes(move)) prefixes.append(move);
        }
        for (let q = 0; q <= prefixes.chosen.length; q++) {
          const state = oracle.stateOf(prefixes.chosen.slice(0, q));
          for (let slot = 0; slot < COUNT; slot++)
            expect(oracle.gain(prefixes.at(q), slot)).toBe(oracle.gain(state, slot));
        }
      }),
      campaign(),
    );
  });

  it('takes out what was added', () => {
    if (objective.remove === undefined) return;
    const elements = elementsOf(9);
    const state = objective.empty();
    for (const e of [2, 5, 11]) objective.add(state, elements[e]!);
    const [value, gain] = [objective.value(state), objective.gain(state, elements[0]!)];
    for (const e of [0, 1]) objective.add(state, elements[e]!);
    for (const e of [1, 0]) objective.remove(state, elements[e]!);
    expect(objective.value(state)).toBeCloseTo(value, 10);
    expect(objective.gain(state, elements[0]!)).toBeCloseTo(gain, 10);
  });

  it('says in its options what its values depend on', () => {
    const text = canonicalOptions({ objective });
    expect(text).not.toContain('function');
    expect(text).toContain(objective.name);
  });
});

describe('objectives are what they say', () => {
  const elements = elementsOf(1);
  const set = [4, 9, 2, 17];
  const dot = (x: ArrayLike<number>, y: ArrayLike<number>) =>
    Array.from(x).reduce((sum, value, d) => sum + value * y[d]!, 0);
  const unit = (x: ArrayLike<number>) => Array.from(x, (value) => value / Math.sqrt(dot(x, x)));
  const rows = set.map((e) => elements[e]!.features);

  it('coverage counts each item once', () => {
    const items = new Set(set.flatMap((e) => [...elements[e]!.items]));
    expect(setValue(objectives.coverage!, elements, set)).toBe(items.size);
    const weight = [...items].reduce((sum, item) => sum + (item % 4), 0);
    expect(setValue(objectives['weighted coverage']!, elements, set)).toBe(weight);
  });

  it('facility location sums the best cosine of each point', () => {
    const scaled = rows.map((row) => Float32Array.from(unit(row)));
    const expected = ground
      .map(unit)
      .reduce((sum, point) => sum + Math.max(0, ...scaled.map((row) => dot(row, point))), 0);
    const { own } = bound(objectives['facility location by cosine']!, elements);
    const state = own.empty();
    for (const slot of set) own.add(state, slot);
    expect(own.value(state)).toBeCloseTo(expected, 5);
  });

  it('the log-determinant is one', () => {
    const matrix = rows.map((x, i) => rows.map((y, j) => dot(x, y) / 0.5 + (i === j ? 1 : 0)));
    let logarithm = 0;
    for (let i = 0; i < matrix.length; i++) {
      logarithm += Math.log(matrix[i]![i]!);
      for (let j = i + 1; j < matrix.length; j++) {
        const factor = matrix[j]![i]! / matrix[i]![i]!;
        for (let s = i; s < matrix.length; s++) matrix[j]![s]! -= factor * matrix[i]![s]!;
      }
    }
    expect(setValue(objectives['log-determinant']!, elements, set)).toBeCloseTo(logarithm, 5);
  });

  it('the feature-based one sums concave sums', () => {
    const sums = Array.from({ length: DIM }, (_, d) => rows.reduce((sum, row) => sum + row[d]!, 0));
    const logs = sums.reduce((sum, x, d) => sum + (d + 1) * Math.log1p(x), 0);
    expect(setValue(objectives['features, log']!, elements, set)).toBeCloseTo(logs, 12);
    const roots = sums.reduce((sum, x) => sum + Math.sqrt(x), 0);
    expect(setValue(objectives['features, sqrt']!, elements, set)).toBeCloseTo(roots, 12);
  });

  it('weights come on top', () => {
    const weights = set.reduce((sum, e) => sum + 2 * elements[e]!.weight, 0);
    const value = setValue(objectives['coverage with weights']!, elements, set);
    expect(value).toBeCloseTo(setValue(objectives.coverage!, elements, set) + weights, 12);
  });
});

/** How many different items there are, in the ten lines that the README shows. */
const distinctItems: Objective<Set<number>> = {
  name: 'distinctItems',
  reads: { items: 1000 },
  empty: () => new Set(),
  gain: (seen, { items }) => items.filter((item) => !seen.has(item)).length,
  add(seen, { items }) {
    for (const item of items) seen.add(item);
  },
  value: (seen) => seen.size,
};

describe('checkObjective', () => {
  const sets = elementsOf(2);

  it('has nothing to say against a good one of your own', () => {
    expect(checkObjective(distinctItems, sets)).toEqual({ ok: true });
  });

  it.each([
    ['not submodular', { gain: (seen: Set<number>, { items }: Element) => seen.size * items.length }],
    ['not monotone', { gain: () => -1 }],
    ['gain changes the state', { gain: (seen: Set<number>) => seen.add(999).size && 0 }],
    ['but add adds', { gain: () => 0.5 }],
    ['expected a finite number', { gain: () => Number.NaN }],
    ['expected 0', { value: () => 7 }],
    ['remove leaves', { remove: () => {} }],
  ])('names a counterexample: %s', (what, broken) => {
    const check = checkObjective({ ...distinctItems, ...broken }, sets);
    expect(check.ok).toBe(false);
    expect(check.counterexample).toContain(what);
  });

  it('finds that a graph cut with little lambda is not monotone', () => {
    const cut = graphCut({ dim: DIM, ground: ground.slice(0, 2), similarity: 'rbf', lambda: 0.5 });
    expect(checkObjective(cut, elementsOf(3)).counterexample).toMatch(/^not monotone/);
  });
});

describe('objectives as options', () => {
  it('may be named', () => {
    expect(objectiveFrom({ coverage: { maxItems: 9 } }).reads).toEqual({ items: 9 });
    expect(() => objectiveFrom({ covrage: {} })).toThrow(/of coverage, facilityLocation/);
    expect(() => objectiveFrom(undefined)).toThrow(DataflowError);
  });

  it('are told apart by their options and ground sets', () => {
    const other = ground.map((row) => row.map((x) => x + 1));
    const texts = [ground, other].map((points) =>
      canonicalOptions(facilityLocation({ dim: DIM, ground: points })),
    );
    expect(texts[0]).not.toBe(texts[1]);
  });

  it.each([
    () => coverage({ maxItems: 0 }),
    () => coverage({ maxItems: 2, weights: [1, -1] }),
    () => coverage({ maxItems: 2, weights: [1] }),
    () => facilityLocation({ dim: 2 }),
    () => facilityLocation({ dim: 2, ground: [[1, 2]], groundRows: 3 }),
    () => facilityLocation({ dim: 2, ground: [[1, 2, 3]] }),
    () => facilityLocation({ dim: 2, ground: [[1, Number.NaN]] }),
    () => facilityLocation({ dim: 2, ground: [[1, 2]], gamma: 1 }),
    () => logDeterminant({ dim: 2, noise: 0 }),
    () => saturatedCoverage({ dim: 2, ground: [[1, 2]], saturation: 2 }),
    () => featureBased({ dim: 2, concave: 'square' as 'sqrt' }),
  ])('refuse what they cannot use (%#)', (make) => {
    expect(make).toThrow(/option .+, expected .+, got /);
  });
});

describe('log64', () => {
  it('is the logarithm, to one unit in the last place', () => {
    fc.assert(
      fc.property(fc.double({ min: 5e-324, max: Number.MAX_VALUE, noNaN: true }), (x) => {
        const error = Math.abs(log64(x) - Math.log(x));
        expect(error).toBeLessThanOrEqual(2 ** -51 * Math.max(2 ** -30, Math.abs(Math.log(x))));
      }),
      { numRuns: 3000 },
    );
    expect([log64(1), log64(0), log64(Number.POSITIVE_INFINITY)]).toEqual([
      0,
      Number.NEGATIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    ]);
    expect(log64(-1)).toBeNaN();
  });
});

describe('sampleRows', () => {
  it('draws each row equally often, in order, and all of them where there are few', () => {
    const rows = Array.from({ length: 10 }, (_, i) => [i, -i]).flat();
    const counts = new Array<number>(10).fill(0);
    for (let seed = 0; seed < 2000; seed++) {
      const sample = sampleRows(rows, { dim: 2, rows: 3, seed });
      const drawn = [sample[0]!, sample[2]!, sample[4]!];
      expect(drawn).toEqual([...new Set(drawn)].sort((a, b) => a - b));
      for (const i of drawn) counts[i]!++;
    }
    for (const count of counts) expect(Math.abs(count - 600)).toBeLessThan(100);
    expect([...sampleRows(rows, { dim: 2, rows: 99 })].map((x) => x + 0)).toEqual(rows.map((x) => x + 0));
  });
});

describe('Elements', () => {
  it('keep each of their items once while blocks of all lengths come and go', () => {
    const random = uniform(4);
    const store = new Elements(coverage({ maxItems: 1000 }), 50, 1);
    const expected = new Map<number, number[]>();
    for (let step = 0; step < 3000; step++) {
      const slot = Math.floor(50 * random());
      const items = Array.from({ length: Math.floor(40 * random() ** 2) }, () => Math.floor(1000 * random()));
      store.set(slot, withItems(items));
      expected.set(
        slot,
        [...new Set(items)].sort((a, b) => a - b),
      );
      if (step % 100 === 0) for (const [at, own] of expected) expect([...store.itemsOf(at)]).toEqual(own);
    }
  });
});
