/**
 * The submodular algorithms over whole lists of elements, as their papers state them: slow, short, and what the operators are
 * held to. Elements are in the order in which they arrived; an answer is their numbers in the order in which they were chosen.
 */
import type { Element, Objective } from './objective.js';

export interface NaiveAnswer {
  readonly selected: readonly number[];
  readonly gains: readonly number[];
  readonly value: number;
}

const numbersOf = (elements: readonly unknown[]) => Array.from(elements.keys());
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

function stateOf<S>(objective: Objective<S>, elements: readonly Element[], set: readonly number[]): S {
  const state = objective.empty();
  for (const e of set) objective.add(state, elements[e]!);
  return state;
}

/** What an element adds to a set. */
export const marginalGain = <S>(
  objective: Objective<S>,
  elements: readonly Element[],
  set: readonly number[],
  e: number,
): number => objective.gain(stateOf(objective, elements, set), elements[e]!);

/** f(S) */
export const setValue = <S>(
  objective: Objective<S>,
  elements: readonly Element[],
  set: readonly number[],
): number => objective.value(stateOf(objective, elements, set));

/** The best of all sets of at most k elements: every one of them is tried. */
export function bruteForce<S>(objective: Objective<S>, elements: readonly Element[], k: number): number {
  const best = (set: readonly number[], from: number): number => {
    let most = setValue(objective, elements, set);
    for (let e = from; e < elements.length && set.length < k; e++)
      most = Math.max(most, best([...set, e], e + 1));
    return most;
  };
  return best([], 0);
}

/** Greedy: of equal gains the newest element's comes first. */
export function greedy<S>(objective: Objective<S>, elements: readonly Element[], k: number): NaiveAnswer {
  const selected: number[] = [];
  const gains: number[] = [];
  while (selected.length < k) {
    let best = { e: -1, gain: 0 };
    for (const e of numbersOf(elements)) {
      if (selected.includes(e)) continue;
      const gain = marginalGain(objective, elements, selected, e);
      if (gain > 0 && gain >= best.gain) best = { e, gain };
    }
    if (best.e < 0) break;
    selected.push(best.e);
    gains.push(best.gain);
  }
  return { selected, gains, value: sum(gains) };
}

/** A sieve in one pass: what an element must gain depends on what is kept so far and how many have been seen. */
function sieve<S>(
  objective: Objective<S>,
  elements: readonly Element[],
  k: number,
  threshold: (kept: NaiveAnswer, seen: number) => number,
): NaiveAnswer {
  const [selected, gains]: [number[], number[]] = [[], []];
  for (const e of numbersOf(elements)) {
    if (selected.length === k) break;
    const gain = marginalGain(objective, elements, selected, e);
    if (gain <= 0 || gain < threshold({ selected, gains, value: sum(gains) }, e)) continue;
    selected.push(e);
    gains.push(gain);
  }
  return { selected, gains, value: sum(gains) };
}

export interface NaiveSieveOptions {
  readonly k: number;
  readonly epsilon: number;
  /** The largest value that an element alone can have. */
  readonly singletonMax: number;
}

/** (1 + epsilon)^j between two values. */
function ladder(epsilon: number, low: number, high: number): number[] {
  const rungs: number[] = [];
  for (let j = Math.ceil(Math.log(low) / Math.log1p(epsilon) - 1e-9); ; j++) {
    const rung = (1 + epsilon) ** j;
    if (rung > high) return rungs;
    if (rung >= low) rungs.push(rung);
  }
}

const bestOf = (answers: readonly NaiveAnswer[]): NaiveAnswer =>
  answers.reduce((best, one) => (one.value > best.value ? one : best), { selected: [], gains: [], value: 0 });

export const sieveStreaming = <S>(
  objective: Objective<S>,
  elements: readonly Element[],
  { k, epsilon, singletonMax }: NaiveSieveOptions,
): NaiveAnswer =>
  bestOf(
    ladder(epsilon, singletonMax, k * singletonMax).map((guess) =>
      sieve(objective, elements, k, ({ value, selected }) => (guess / 2 - value) / (k - selected.length)),
    ),
  );

export const salsa = <S>(
  objective: Objective<S>,
  elements: readonly Element[],
  { k, epsilon, singletonMax }: NaiveSieveOptions,
): NaiveAnswer =>
  bestOf(
    ladder(epsilon, singletonMax, k * singletonMax).flatMap((guess) =>
      [
        () => 1 / 2 + 1 / 6,
        (seen: number) => (seen <= 0.1 * elements.length ? 0.5 + 0.05 : 0.5 - 0.025),
        (seen: number) => (seen <= 0.8 * elements.length ? 10 : 1 / 0.2),
      ].map((share) => sieve(objective, elements, k, (_, seen) => (guess / k) * share(seen))),
    ),
  );

/** One sieve, whose guess comes down a rung after `patienceRows` refusals in a row. */
export function threeSieves<S>(
  objective: Objective<S>,
  elements: readonly Element[],
  { k, epsilon, singletonMax, patienceRows }: NaiveSieveOptions & { readonly patienceRows: number },
): NaiveAnswer {
  let guess = k * singletonMax;
  let refusals = 0;
  const [selected, gains]: [number[], number[]] = [[], []];
  for (const e of numbersOf(elements)) {
    if (selected.length === k) break;
    if (refusals >= patienceRows) {
      guess = ladder(epsilon, guess / (1 + epsilon) ** 2, guess * (1 - 1e-12)).at(-1)!;
      refusals = 0;
    }
    const gain = marginalGain(objective, elements, selected, e);
    refusals++;
    if (gain <= 0 || gain < (guess / 2 - sum(gains)) / (k - selected.length)) continue;
    selected.push(e);
    gains.push(gain);
    refusals = 0;
  }
  return { selected, gains, value: sum(gains) };
}

/** Inserts and deletions one by one: a number inserts that element, its complement ~e deletes it. Every element is a candidate. */
export function consistentSubmodular<S>(
  objective: Objective<S>,
  elements: readonly Element[],
  updates: readonly number[],
  { k, epsilon }: { readonly k: number; readonly epsilon: number },
): readonly (readonly number[])[] {
  const live = new Set<number>();
  let answer: number[] = [];
  const gainOf = (set: readonly number[], e: number) => marginalGain(objective, elements, set, e);
  return updates.map((update) => {
    const e = update < 0 ? ~update : update;
    if (update < 0) {
      live.delete(e);
      if (!answer.includes(e)) return answer;
      answer = answer.filter((other) => other !== e);
      let most = 0;
      let fill = -1;
      for (const one of [...live].sort((a, b) => a - b)) {
        const gain = answer.includes(one) ? 0 : gainOf(answer, one);
        if (gain > 0 && gain >= most) [most, fill] = [gain, one];
      }
      answer = fill < 0 ? answer : [...answer, fill];
      return answer;
    }
    live.add(e);
    const gain = gainOf(answer, e);
    if (answer.length < k) {
      answer = gain > 0 ? [...answer, e] : answer;
      return answer;
    }
    const losses = answer.map((y) =>
      gainOf(
        answer.filter((other) => other !== y),
        y,
      ),
    );
    const place = losses.indexOf(Math.min(...losses));
    const margin = (epsilon * setValue(objective, elements, answer)) / k;
    if (gain > margin && gain > losses[place]! + margin) answer = answer.with(place, e);
    return answer;
  });
}
