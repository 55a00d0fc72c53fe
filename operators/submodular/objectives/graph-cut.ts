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
import { type Bound, identified, type Objective } from '../objective.js';
import { appendColumn, type Columns, copyColumns, FIRST_ROOM, newColumns } from './columns.js';
import {
  BLOCK,
  checkedGround,
  deskOf,
  type GroundOptions,
  inBlocks,
  readsFor,
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
  const { dim: D, gamma } = similarity;
  const { P, points } = ground;
  const columns = ground.given!;

  /** A gain from an element's similarities to the points and to the chosen elements. */
  const gainOf = (
    toPoints: Float32Array,
    pointsFrom: number,
    toChosen: Float32Array,
    chosenFrom: number,
    count: number,
    own: number,
  ): number => {
    let represented = 0;
    for (let p = 0; p < points; p++) represented += toPoints[pointsFrom + p]!;
    let redundant = own;
    for (let i = 0; i < count; i++) redundant += 2 * toChosen[chosenFrom + i]!;
    return lambda * represented - redundant;
  };
  const ownSimilarity = (features: Float32Array, from: number): number => {
    let square = 0;
    for (let d = from; d < from + D; d++) square += features[d]! * features[d]!;
    return gamma > 0 ? 1 : square;
  };
  const add = (state: CutState, features: Float32Array, from: number, gain: number) => {
    appendColumn(state.chosen, D, features, from);
    state.value += gain;
  };
  const common = {
    value: ({ value }: CutState) => value,
    copy(from: CutState, to: CutState) {
      copyColumns(from.chosen, to.chosen);
      to.value = from.value;
    },
  };
  const first = new Int32Array(1);
  const gainAlone = ({ chosen }: CutState, features: Float32Array): number => {
    const [toPoints, toChosen] = [new Float32Array(P), new Float32Array(chosen.P)];
    similarities(columns, features, first, toPoints, 1, P, D, gamma);
    similarities(chosen.values, features, first, toChosen, 1, chosen.P, D, gamma);
    return gainOf(toPoints, 0, toChosen, 0, chosen.count, ownSimilarity(features, 0));
  };

  return identified({
    name: 'graphCut',
    options: { ...similarity, ...ground.identity, lambda },
    reads: readsFor(similarity),
    ...common,
    empty: () => ({ chosen: newColumns(D, FIRST_ROOM), value: 0 }),
    gain: (state, { features }) => gainAlone(state, features),
    add: (state, { features }) => add(state, features, 0, gainAlone(state, features)),
    scratch: (k: number) => ({
      ...similarityScratch(P, D),
      chosen: f32(D, paddedPoints(k)),
      toChosen: f32(BLOCK, paddedPoints(k)),
    }),
    bind(elements: Elements, k: number): Bound<CutState> {
      const room = paddedPoints(k);
      const { kernels, features, scratch } = elements;
      const desk = deskOf(elements);
      const { chosen, toChosen } = scratch as { chosen: Float32Array; toChosen: Float32Array };
      desk.ground.set(columns);
      const evaluate = (state: CutState, slots: Int32Array, gains: Float64Array, count: number) =>
        inBlocks(desk, slots, count, (from, length) => {
          const { count: n, values } = state.chosen;
          chosen.set(values);
          kernels.similarities(desk.ground, features, desk.slots, desk.rows, length, P, D, gamma);
          kernels.similarities(chosen, features, desk.slots, toChosen, length, room, D, gamma);
          for (let c = 0; c < length; c++) {
            const own = ownSimilarity(features, desk.slots[c]! * D);
            gains[from + c] = gainOf(desk.rows, c * P, toChosen, c * room, n, own);
          }
        });
      const [one, gain] = [new Int32Array(1), new Float64Array(1)];
      return {
        ...common,
        empty: () => ({ chosen: newColumns(D, room), value: 0 }),
        gains: evaluate,
        add(state, slot) {
          one[0] = slot;
          evaluate(state, one, gain, 1);
          add(state, features, slot * D, gain[0]!);
        },
      };
    },
  });
}
