/**
 * Graph cut: chosen elements should be like the points of a ground set, and unlike each other.
 *
 *   f(S) = lambda * sum over the points p and e in S of s(p, e)  −  sum over e, d in S of s(e, d)
 *
 * Submodular where similarities are not negative. It grows with S only while lambda is large against what the elements of S
 * have in common: a gain can be negative, and the guarantees, which ask for a monotone objective, hold where none is.
 */
import { paddedPoints, similarities } from '../../../src/kernels/similarity.js';
import { f32 } from '../../../src/layout.js';
import { finiteNumber } from '../../../src/options.js';
import type { Elements } from '../elements.js';
import { type Bound, type Element, IdentifiedObjective, type Objective, type Reads } from '../objective.js';
import { appendColumn, type Columns, copyColumns, FIRST_ROOM, newColumns } from './columns.js';
import {
  BLOCK,
  checkedGround,
  deskOf,
  FIRST,
  type Ground,
  type GroundOptions,
  inBlocks,
  readsFor,
  type Similarity,
  type SimilarityOptions,
  similarityScratch,
} from './similarity.js';

export interface GraphCutOptions extends SimilarityOptions {
  /** The points that the chosen elements should be like: rows of `dim` numbers. */
  readonly ground: NonNullable<GroundOptions['ground']>;
  /** How much likeness to the ground set counts against likeness among the chosen, above 0 … 1e9 (default 1). */
  readonly lambda?: number;
}

export interface CutState {
  readonly chosen: Columns;
  value: number;
}

export function graphCut(options: GraphCutOptions): Objective<CutState> {
  const { similarity, ground, lambda } = checkedGround('graphCut', options, () => ({
    lambda: finiteNumber({ lambda: options.lambda ?? 1 }, Number.MIN_VALUE, 1e9),
  }));
  return new GraphCut(similarity, ground, lambda);
}

function copyState(from: CutState, to: CutState): void {
  copyColumns(from.chosen, to.chosen);
  to.value = from.value;
}

class GraphCut extends IdentifiedObjective implements Objective<CutState> {
  readonly name = 'graphCut';
  readonly options: Readonly<Record<string, unknown>>;
  readonly reads: Reads;
  readonly #similarity: Similarity;
  readonly #ground: Ground;
  readonly #lambda: number;

  constructor(similarity: Similarity, ground: Ground, lambda: number) {
    super();
    this.options = { ...similarity, ...ground.identity, lambda };
    this.reads = readsFor(similarity);
    this.#similarity = similarity;
    this.#ground = ground;
    this.#lambda = lambda;
  }

  empty(): CutState {
    return { chosen: newColumns(this.#similarity.dim, FIRST_ROOM), value: 0 };
  }

  gain({ chosen }: CutState, { features }: Element): number {
    const { dim, gamma } = this.#similarity;
    const { P, given } = this.#ground;
    const [toPoints, toChosen] = [new Float32Array(P), new Float32Array(chosen.P)];
    similarities(given!, features, FIRST, toPoints, 1, P, dim, gamma);
    similarities(chosen.values, features, FIRST, toChosen, 1, chosen.P, dim, gamma);
    return this.#gainOf(toPoints, toChosen, chosen.count, features);
  }

  add(state: CutState, element: Element): void {
    this.#append(state, element.features, this.gain(state, element));
  }

  value({ value }: CutState): number {
    return value;
  }

  copy(from: CutState, to: CutState): void {
    copyState(from, to);
  }

  scratch(k: number) {
    const { dim } = this.#similarity;
    const room = paddedPoints(k);
    return {
      ...similarityScratch(this.#ground.P, dim),
      chosen: f32(dim, room),
      toChosen: f32(BLOCK, room),
    };
  }

  bind(elements: Elements, k: number): Bound<CutState> {
    const { dim, gamma } = this.#similarity;
    const { P, given } = this.#ground;
    const room = paddedPoints(k);
    const { kernels, features } = elements;
    const desk = deskOf(elements);
    const { chosen, toChosen } = elements.scratch as { chosen: Float32Array; toChosen: Float32Array };
    desk.ground.set(given!);
    const rowOf = (slot: number) => features.subarray(slot * dim, (slot + 1) * dim);
    const evaluate = (state: CutState, slots: Int32Array, gains: Float64Array, count: number) =>
      inBlocks(desk, slots, count, (from, length) => {
        chosen.set(state.chosen.values);
        kernels.similarities(desk.ground, features, desk.slots, desk.rows, length, P, dim, gamma);
        kernels.similarities(chosen, features, desk.slots, toChosen, length, room, dim, gamma);
        for (let c = 0; c < length; c++) {
          const toPoints = desk.rows.subarray(c * P, (c + 1) * P);
          const own = toChosen.subarray(c * room, (c + 1) * room);
          gains[from + c] = this.#gainOf(toPoints, own, state.chosen.count, rowOf(desk.slots[c]!));
        }
      });
    const [one, gain] = [new Int32Array(1), new Float64Array(1)];
    return {
      empty: () => ({ chosen: newColumns(dim, room), value: 0 }),
      gains: evaluate,
      add: (state, slot) => {
        one[0] = slot;
        evaluate(state, one, gain, 1);
        this.#append(state, rowOf(slot), gain[0]!);
      },
      value: ({ value }) => value,
      copy: copyState,
    };
  }

  /** A gain from an element's similarities to the points and to the `count` chosen elements. */
  #gainOf(toPoints: Float32Array, toChosen: Float32Array, count: number, features: Float32Array): number {
    let represented = 0;
    for (let p = 0; p < this.#ground.points; p++) represented += toPoints[p]!;
    let redundant = this.#ownSimilarity(features);
    for (let i = 0; i < count; i++) redundant += 2 * toChosen[i]!;
    return this.#lambda * represented - redundant;
  }

  #ownSimilarity(features: Float32Array): number {
    if (this.#similarity.gamma > 0) return 1;
    let square = 0;
    for (const x of features) square += x * x;
    return square;
  }

  #append(state: CutState, features: Float32Array, gain: number): void {
    appendColumn(state.chosen, this.#similarity.dim, features, 0);
    state.value += gain;
  }
}
