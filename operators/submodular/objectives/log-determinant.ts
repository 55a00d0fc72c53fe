/**
 * Log-determinant, the information that the chosen rows have between them: alike rows count little more than one of them.
 *
 *   f(S) = log det(I + K_S / noise),  K_S the similarities of the rows of S to each other
 *
 * An element's gain is log(r / noise) with r what its row leaves unexplained: the Schur complement, from the Cholesky factor
 * of K_S + noise I, to which an added row appends its own.
 */

import { log64 } from '../../../src/kernels/log64.js';
import { paddedPoints, schurComplements, similarities } from '../../../src/kernels/similarity.js';
import { f64 } from '../../../src/layout.js';
import { checked, finiteNumber } from '../../../src/options.js';
import type { Elements } from '../elements.js';
import { type Bound, type Element, IdentifiedObjective, type Objective, type Reads } from '../objective.js';
import { appendColumn, type Columns, copyColumns, FIRST_ROOM, newColumns } from './columns.js';
import {
  checkSimilarity,
  deskOf,
  FIRST,
  inBlocks,
  readsFor,
  type Similarity,
  type SimilarityOptions,
  similarityScratch,
} from './similarity.js';

export interface LogDeterminantOptions extends SimilarityOptions {
  /** What is added to each row's similarity to itself, above 0 … 1e9 (default 1). The larger, the less variety counts. */
  readonly noise?: number;
}

export interface DeterminantState {
  readonly chosen: Columns;
  /** [P, P]: the columns of the Cholesky factor. */
  L: Float64Array;
  value: number;
  /** Equal in two states only if all else is: tells whether the kernels' memory already holds it. */
  stamp: number;
}

/** What evaluating candidates leaves behind: their complements, and the last one's part of the factor. */
interface Found {
  readonly complements: Float64Array;
  readonly z: Float64Array;
}

export function logDeterminant(options: LogDeterminantOptions): Objective<DeterminantState> {
  const { similarity, noise } = checked('logDeterminant', options, ['dim', 'gamma'], () => ({
    similarity: checkSimilarity(options),
    noise: finiteNumber({ noise: options.noise ?? 1 }, Number.MIN_VALUE, 1e9),
  }));
  return new LogDeterminant(similarity, noise);
}

const emptyState = (dim: number, P: number): DeterminantState => ({
  chosen: newColumns(dim, P),
  L: new Float64Array(P * P),
  value: 0,
  stamp: 0,
});

function copyState(from: DeterminantState, to: DeterminantState): void {
  copyColumns(from.chosen, to.chosen);
  if (to.L.length === from.L.length) to.L.set(from.L);
  else to.L = from.L.slice();
  to.value = from.value;
  to.stamp = from.stamp;
}

class LogDeterminant extends IdentifiedObjective implements Objective<DeterminantState> {
  readonly name = 'logDeterminant';
  readonly options: Readonly<Record<string, unknown>>;
  readonly reads: Reads;
  readonly #similarity: Similarity;
  readonly #noise: number;
  #stamps = 0;

  constructor(similarity: Similarity, noise: number) {
    super();
    this.options = { ...similarity, noise };
    this.reads = readsFor(similarity);
    this.#similarity = similarity;
    this.#noise = noise;
  }

  empty(): DeterminantState {
    return emptyState(this.#similarity.dim, FIRST_ROOM);
  }

  gain(state: DeterminantState, { features }: Element): number {
    return this.#gainOf(this.#evaluate(state, features).complements[0]!);
  }

  add(state: DeterminantState, { features }: Element): void {
    this.#append(state, features, 0, this.#evaluate(state, features));
  }

  value({ value }: DeterminantState): number {
    return value;
  }

  copy(from: DeterminantState, to: DeterminantState): void {
    copyState(from, to);
  }

  scratch(k: number) {
    const P = paddedPoints(k);
    return { ...similarityScratch(P, this.#similarity.dim), L: f64(P, P), z: f64(P) };
  }

  bind(elements: Elements, k: number): Bound<DeterminantState> {
    const { dim, gamma } = this.#similarity;
    const P = paddedPoints(k);
    const { kernels, features, scratch } = elements;
    const desk = deskOf(elements);
    const [L, z] = [scratch.L, scratch.z] as [Float64Array, Float64Array];
    let present = -1;
    const evaluate = (state: DeterminantState, count: number) => {
      const { ground, slots, rows, gains } = desk;
      const { values, count: n } = state.chosen;
      if (state.stamp !== present) {
        ground.set(values);
        L.set(state.L.subarray(0, n * P));
        present = state.stamp;
      }
      kernels.similarities(ground, features, slots, rows, count, P, dim, gamma);
      kernels.schurComplements(L, rows, features, slots, gains, z, count, n, P, dim, gamma, this.#noise);
    };
    return {
      empty: () => emptyState(dim, P),
      gains: (state, slots, gains, count) => {
        inBlocks(desk, slots, count, (from, length) => {
          evaluate(state, length);
          for (let c = 0; c < length; c++) gains[from + c] = this.#gainOf(desk.gains[c]!);
        });
      },
      add: (state, slot) => {
        desk.slots[0] = slot;
        evaluate(state, 1);
        this.#append(state, features, slot * dim, { complements: desk.gains, z });
      },
      value: ({ value }) => value,
      copy: copyState,
    };
  }

  #gainOf(complement: number): number {
    return log64(Math.max(complement, this.#noise) / this.#noise);
  }

  #evaluate({ chosen, L }: DeterminantState, features: Float32Array): Found {
    const { dim, gamma } = this.#similarity;
    const { values, count: n, P } = chosen;
    const [crossed, complements, z] = [new Float32Array(P), new Float64Array(1), new Float64Array(P)];
    similarities(values, features, FIRST, crossed, 1, P, dim, gamma);
    schurComplements(L, crossed, features, FIRST, complements, z, 1, n, P, dim, gamma, this.#noise);
    return { complements, z };
  }

  /** Appends a row that has just been evaluated. */
  #append(state: DeterminantState, features: Float32Array, from: number, { z, complements }: Found): void {
    const { count: n } = state.chosen;
    appendColumn(state.chosen, this.#similarity.dim, features, from);
    const { P } = state.chosen;
    if (state.L.length < P * P) state.L = widened(state.L, n, P);
    for (let j = 0; j < n; j++) state.L[j * P + n] = z[j]!;
    state.L[n * P + n] = Math.sqrt(Math.max(complements[0]!, this.#noise));
    state.value += this.#gainOf(complements[0]!);
    state.stamp = ++this.#stamps;
  }
}

/** The columns of the factor of n rows, with room for P. */
function widened(L: Float64Array, n: number, P: number): Float64Array {
  const wider = new Float64Array(P * P);
  const before = Math.sqrt(L.length);
  for (let j = 0; j < n; j++) wider.set(L.subarray(j * before, (j + 1) * before), j * P);
  return wider;
}
