/**
 * At most so many of each category: a partition matroid. An element whose category is full gains nothing.
 *
 * Along the order in which greedy chooses, a category that is full stays full, so that gains still only shrink, and all that
 * prefix greedy knows of bounds holds. Greedy is then worth at least half of the best permitted set.
 */
import { optionRange } from '../../src/errors.js';
import { integer } from '../../src/options.js';
import type { Id } from '../../src/row-types.js';
import { type Bound, hooksOf } from './objective.js';
import type { PagedList } from './paged-list.js';

/** The same number for every category, or one for each; those not named have no limit. */
export type AtMost = number | Readonly<Record<string, number>>;

export interface LimitedState {
  readonly inner: unknown;
  readonly categories: Id[];
}

export class CategoryLimit {
  readonly #atMost: AtMost;

  constructor(atMost: AtMost) {
    this.#atMost = atMost;
  }

  constrain(bound: Bound, categoryOf: PagedList<Id>): Bound<LimitedState> {
    const isFull = ({ categories }: LimitedState, slot: number): boolean => {
      const category = categoryOf.at(slot)!;
      let count = 0;
      for (const one of categories) if (one === category) count++;
      return count >= this.#limitOf(category);
    };
    return {
      empty: () => ({ inner: bound.empty(), categories: [] }),
      gains(state, slots, gains, count) {
        bound.gains(state.inner, slots, gains, count);
        for (let c = 0; c < count; c++) if (isFull(state, slots[c]!)) gains[c] = 0;
      },
      add(state, slot) {
        bound.add(state.inner, slot);
        state.categories.push(categoryOf.at(slot)!);
      },
      value: ({ inner }) => bound.value(inner),
      ...(bound.copy && {
        copy(from: LimitedState, to: LimitedState) {
          bound.copy!(from.inner, to.inner);
          to.categories.splice(0, Number.POSITIVE_INFINITY, ...from.categories);
        },
      }),
      ...hooksOf(bound),
    };
  }

  #limitOf(category: Id): number {
    if (typeof this.#atMost === 'number') return this.#atMost;
    return this.#atMost[String(category)] ?? Number.POSITIVE_INFINITY;
  }
}

/** Checks the option. */
export function atMostPerCategory(given: unknown): AtMost {
  if (typeof given === 'number') return integer({ atMostPerCategory: given }, 0, 2 ** 31 - 1);
  if (given === null || typeof given !== 'object' || Object.keys(given).length === 0) {
    throw optionRange('', 'atMostPerCategory', 'a number, or one for each category', given);
  }
  for (const [category, most] of Object.entries(given))
    integer({ [`atMostPerCategory.${category}`]: most }, 0, 2 ** 31 - 1);
  return { ...given } as AtMost;
}
