/**
 * Any objective, and on top of it each chosen element's own weight: how important, recent or trusted it is.
 *
 *   f(S) = g(S) + factor * sum over e in S of weight(e)
 */
import { checked, finiteNumber } from '../../../src/options.js';
import type { Elements } from '../elements.js';
import {
  type Bound,
  bindPlainly,
  type Element,
  hooksOf,
  IdentifiedObjective,
  type Objective,
  type Reads,
} from '../objective.js';

export interface WithWeightOptions {
  /** What weights are multiplied by, 0 … 1e9 (default 1). */
  readonly factor?: number;
}

export interface WeightedState<S> {
  readonly inner: S;
  weight: number;
}

export function withWeight<S>(
  objective: Objective<S>,
  options: WithWeightOptions = {},
): Objective<WeightedState<S>> {
  const { factor } = checked('withWeight', options, [], () => ({
    factor: finiteNumber({ factor: options.factor ?? 1 }, 0, 1e9),
  }));
  return new WithWeight(objective, factor);
}

class WithWeight<S> extends IdentifiedObjective implements Objective<WeightedState<S>> {
  readonly name = 'withWeight';
  readonly options: Readonly<Record<string, unknown>>;
  readonly reads: Reads;
  readonly #objective: Objective<S>;
  readonly #factor: number;

  constructor(objective: Objective<S>, factor: number) {
    super();
    const { name, options = {}, reads } = objective;
    this.options = { objective: { [name]: options }, factor };
    this.reads = { ...reads, weight: true };
    this.#objective = objective;
    this.#factor = factor;
  }

  empty(): WeightedState<S> {
    return { inner: this.#objective.empty(), weight: 0 };
  }

  gain({ inner }: WeightedState<S>, element: Element): number {
    return this.#objective.gain(inner, element) + this.#factor * element.weight;
  }

  add(state: WeightedState<S>, element: Element): void {
    this.#objective.add(state.inner, element);
    state.weight += this.#factor * element.weight;
  }

  value({ inner, weight }: WeightedState<S>): number {
    return this.#objective.value(inner) + weight;
  }

  scratch(k: number) {
    return this.#objective.scratch?.(k) ?? {};
  }

  bind(elements: Elements, k: number): Bound<WeightedState<S>> {
    const bound = this.#objective.bind?.(elements, k) ?? bindPlainly(this.#objective, elements);
    return {
      ...hooksOf(bound as Bound),
      empty: () => ({ inner: bound.empty(), weight: 0 }),
      gains: ({ inner }, slots, gains, count) => {
        bound.gains(inner, slots, gains, count);
        for (let c = 0; c < count; c++) gains[c]! += this.#factor * elements.weights[slots[c]!]!;
      },
      add: (state, slot) => {
        bound.add(state.inner, slot);
        state.weight += this.#factor * elements.weights[slot]!;
      },
      value: ({ inner, weight }) => bound.value(inner) + weight,
      ...(bound.copy && {
        copy(from: WeightedState<S>, to: WeightedState<S>) {
          bound.copy!(from.inner, to.inner);
          to.weight = from.weight;
        },
      }),
    };
  }
}
