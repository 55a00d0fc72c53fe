/**
 * Whether an objective is what the algorithms think it is: tried on samples, with a counterexample where it is not.
 *
 *   f(∅) = 0      f(e | A) >= 0      f(e | A) >= f(e | B) for A ⊆ B, e not in B      gain = value after − value before
 */
import { integer } from '../../src/options.js';
import { nextBelow, seedRandom } from '../../src/random.js';
import type { Element, Objective } from './objective.js';

export interface CheckObjectiveOptions {
  /** Pairs of sets that are tried, 1 … 1e6 (default 200). */
  readonly trials?: number;
  /** Elements of the larger set, at most: 1 … 1000 (default 8). */
  readonly setSize?: number;
  /** Seed of the draws, a safe integer (default 0). */
  readonly seed?: number;
}

export interface ObjectiveCheck {
  /** Whether all trials went well. */
  readonly ok: boolean;
  /** What did not: the property, and the numbers of the elements that show it. */
  readonly counterexample?: string;
}

/** Rounding that is no counterexample, relative to the values compared. */
const TOLERANCE = 1e-9;

/** Tries an objective on sets drawn from `elements` (at least 2); finds a counterexample, or none. */
export function checkObjective<S>(
  objective: Objective<S>,
  elements: readonly Partial<Element>[],
  options: CheckObjectiveOptions = {},
): ObjectiveCheck {
  const trials = integer({ trials: options.trials ?? 200 }, 1, 1e6);
  const setSize = integer({ setSize: options.setSize ?? 8 }, 1, 1000);
  const seed = integer({ seed: options.seed ?? 0 }, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
  const random = new Uint32Array(4);
  seedRandom(random, seed);
  const whole = elements.map((element) => ({ ...NOTHING, ...element }));
  const zero = objective.value(objective.empty());
  if (Math.abs(zero) > TOLERANCE) return failed(`f(∅) = ${zero}, expected 0`);
  for (let trial = 0; trial < trials; trial++) {
    const drawn = shuffled(whole.length, Math.min(setSize + 1, whole.length), random);
    const e = drawn.pop()!;
    const inA = drawn.slice(0, nextBelow(random, drawn.length + 1));
    const counterexample = tryOn(objective, whole, inA, drawn, e);
    if (counterexample !== undefined) return failed(counterexample);
  }
  return { ok: true };
}

const NOTHING: Element = { items: new Int32Array(0), features: new Float32Array(0), weight: 1 };
const failed = (counterexample: string): ObjectiveCheck => ({ ok: false, counterexample });

/** What is wrong with A ⊆ B and e, in words. */
function tryOn<S>(
  objective: Objective<S>,
  elements: readonly Element[],
  inA: readonly number[],
  inB: readonly number[],
  e: number,
): string | undefined {
  const stateOf = (set: readonly number[]) => {
    const state = objective.empty();
    for (const one of set) objective.add(state, elements[one]!);
    return state;
  };
  const [a, b] = [stateOf(inA), stateOf(inB)];
  const before = objective.value(a);
  const [gainA, gainB] = [objective.gain(a, elements[e]!), objective.gain(b, elements[e]!)];
  const slack = TOLERANCE * (1 + Math.abs(before) + Math.abs(gainA));
  const where = `A = {${inA}}, B = {${inB}}, e = ${e}`;
  if (!Number.isFinite(gainA)) return `f(e | A) = ${gainA}, expected a finite number: ${where}`;
  if (objective.value(a) !== before) return `gain changes the state: ${where}`;
  if (gainA < -slack) return `not monotone, f(e | A) = ${gainA}: ${where}`;
  if (gainB > gainA + slack) return `not submodular, f(e | A) = ${gainA} < f(e | B) = ${gainB}: ${where}`;
  objective.add(a, elements[e]!);
  const added = objective.value(a) - before;
  if (Math.abs(added - gainA) > slack) return `gain says ${gainA}, but add adds ${added}: ${where}`;
  if (objective.remove === undefined) return undefined;
  objective.remove(a, elements[e]!);
  const left = objective.value(a) - before;
  return Math.abs(left) > slack ? `remove leaves ${left} of what add added: ${where}` : undefined;
}

/** `count` different numbers below `length`, in random order. */
function shuffled(length: number, count: number, random: Uint32Array): number[] {
  const numbers = Array.from({ length }, (_, i) => i);
  for (let i = 0; i < count; i++) {
    const j = i + nextBelow(random, length - i);
    [numbers[i], numbers[j]] = [numbers[j]!, numbers[i]!];
  }
  return numbers.slice(0, count);
}
