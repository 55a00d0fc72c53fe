/**
 * Facility location: how well each point of a ground set is represented by the chosen element that is most like it.
 *
 *   f(S) = sum over the points p of  max(0, max over e in S of similarity(p, e))
 *
 * Gains are sums in float64 of float32 differences that only shrink when S grows, added in one order: they diminish to the
 * last bit.
 */
import { facilityGains, similarities } from '../../../src/kernels/similarity.js';
import type { Elements } from '../elements.js';
import { type Bound, identified, type Objective } from '../objective.js';
import {
  checkedGround,
  deskOf,
  type GroundOptions,
  GroundPoints,
  groundHooks,
  inBlocks,
  readsFor,
  type SimilarityOptions,
  similarityScratch,
} from './similarity.js';

export interface FacilityLocationOptions extends SimilarityOptions, GroundOptions {}

export interface FacilityState {
  /** [P]: each point's similarity to the element that is most like it. */
  readonly best: Float32Array;
  value: number;
}

/** More than any similarity, so that a column that is no point adds nothing. */
const PADDING = Number.POSITIVE_INFINITY;

export function facilityLocation(options: FacilityLocationOptions): Objective<FacilityState> {
  const { similarity, ground } = checkedGround('facilityLocation', options);
  const { dim: D, gamma } = similarity;
  const { P } = ground;
  const emptyFor = (points: number): FacilityState => ({
    best: new Float32Array(P).fill(PADDING, points),
    value: 0,
  });
  const take = (state: FacilityState, row: Float32Array, gain: number) => {
    const { best } = state;
    for (let p = 0; p < P; p++) if (row[p]! > best[p]!) best[p] = row[p]!;
    state.value += gain;
  };
  const common = {
    value: ({ value }: FacilityState) => value,
    copy(from: FacilityState, to: FacilityState) {
      to.best.set(from.best);
      to.value = from.value;
    },
  };
  const [one, row, gain] = [new Int32Array(1), new Float32Array(P), new Float64Array(1)];
  const columns = ground.given ?? new Float32Array(P * D);
  const gainOf = ({ best }: FacilityState, features: Float32Array): number => {
    facilityGains(columns, best, features, one, gain, row, 1, P, D, gamma);
    return gain[0]!;
  };

  return identified({
    name: 'facilityLocation',
    options: { ...similarity, ...ground.identity },
    reads: readsFor(similarity),
    ...common,
    empty: () => emptyFor(ground.given === undefined ? 0 : ground.points),
    gain: (state, { features }) => gainOf(state, features),
    add(state, { features }) {
      const added = gainOf(state, features);
      similarities(columns, features, one, row, 1, P, D, gamma);
      take(state, row, added);
    },
    scratch: () => similarityScratch(P, D),
    bind(elements: Elements): Bound<FacilityState> {
      const desk = deskOf(elements);
      const points = new GroundPoints(ground, elements);
      const evaluate = (state: FacilityState, count: number) => {
        const { kernels, ground: at, best, slots, gains, rows } = desk;
        best.set(state.best);
        kernels.facilityGains(at, best, elements.features, slots, gains, rows, count, P, D, gamma);
      };
      return {
        ...common,
        ...groundHooks(ground, points),
        empty: () => emptyFor(points.count),
        gains(state, slots, gains, count) {
          inBlocks(desk, slots, count, (from, length) => {
            evaluate(state, length);
            for (let c = 0; c < length; c++) gains[from + c] = desk.gains[c]!;
          });
        },
        add(state, slot) {
          desk.slots[0] = slot;
          evaluate(state, 1);
          take(state, desk.rows, desk.gains[0]!);
        },
      };
    },
  });
}
