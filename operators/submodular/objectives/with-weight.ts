/**
 * Any objective, and on top of it each chosen element's own weight: how important, recent or trusted it is.
 *
 *   f(S) = g(S) + factor * sum over e in S of weight(e)
 */
import { checked, finiteNumber } from '../../../src/options.js';
import { type Bound, bindPlainly, type Element, identified, type Objective } from '../objective.js';

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
  const { copy, bind, scratch } = objective;
  const copied =
    copy &&
    ((from: WeightedState<S>, to: WeightedState<S>) => {
      copy.call(objective, from.inner, to.inner);
      to.weight = from.weight;
    });
  const own = objective as Objective<S> & { toJSON?(): object };
  return identified({
    name: 'withWeight',
    options: { objective: own.toJSON?.() ?? { [objective.name]: objective.options ?? {} }, factor },
    reads: { ...objective.reads, weight: true },
    empty: () => ({ inner: objective.empty(), weight: 0 }),
    gain: ({ inner }: WeightedState<S>, element: Element) =>
      objective.gain(inner, element) + factor * element.weight,
    add(state, element) {
      objective.add(state.inner, element);
      state.weight += factor * element.weight;
    },
    value: ({ inner, weight }) => objective.value(inner) + weight,
    ...(copied && { copy: copied }),
    ...(scratch && { scratch: (k: number) => scratch.call(objective, k) }),
    bind(elements, k): Bound<WeightedState<S>> {
      const bound = bind?.call(objective, elements, k) ?? bindPlainly(objective, elements);
      const { observe, save, load } = bound;
      return {
        empty: () => ({ inner: bound.empty(), weight: 0 }),
        gains({ inner }, slots, gains, count) {
          bound.gains(inner, slots, gains, count);
          for (let c = 0; c < count; c++) gains[c]! += factor * elements.weights[slots[c]!]!;
        },
        add(state, slot) {
          bound.add(state.inner, slot);
          state.weight += factor * elements.weights[slot]!;
        },
        value: ({ inner, weight }) => bound.value(inner) + weight,
        ...(copied && { copy: copied }),
        ...(observe && { observe }),
        ...(save && { save }),
        ...(load && { load }),
      };
    },
  });
}
