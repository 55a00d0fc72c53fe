/**
 * Saturated coverage: each point of a ground set is represented by all chosen elements together, up to a point.
 *
 *   f(S) = sum over the points p of  min(sum over e in S of s(p, e),  saturation * sum over the points q of s(p, q))
 *
 * s is the similarity where it is positive, and 0 where it is not.
 */
import { similarities } from '../../../src/kernels/similarity.js';
import { finiteNumber } from '../../../src/options.js';
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

export interface SaturatedCoverageOptions extends SimilarityOptions, GroundOptions {
  /** The part of its similarity to the whole ground set up to which a point can be represented, above 0 … 1 (default 0.1). */
  readonly saturation?: number;
}

export interface SaturatedState {
  /** Each point's similarity to the chosen elements so far. */
  readonly sums: Float64Array;
  /** Up to where it counts. */
  readonly caps: Float64Array;
}

export function saturatedCoverage(options: SaturatedCoverageOptions): Objective<SaturatedState> {
  const { similarity, ground, saturation } = checkedGround('saturatedCoverage', options, () => ({
    saturation: finiteNumber({ saturation: options.saturation ?? 0.1 }, Number.MIN_VALUE, 1),
  }));
  const { dim: D, gamma } = similarity;
  const { P } = ground;

  /** The caps of the points so far: each point's similarity to all of them. */
  const capsOf = (columns: Float32Array, points: number): Float64Array => {
    const caps = new Float64Array(P);
    const [point, row, first] = [new Float32Array(D), new Float32Array(P), new Int32Array(1)];
    for (let q = 0; q < points; q++) {
      for (let d = 0; d < D; d++) point[d] = columns[d * P + q]!;
      similarities(columns, point, first, row, 1, P, D, gamma);
      for (let p = 0; p < points; p++) caps[q]! += Math.max(row[p]!, 0);
      caps[q]! *= saturation;
    }
    return caps;
  };
  const gainOf = ({ sums, caps }: SaturatedState, row: Float32Array, from: number): number => {
    let gain = 0;
    for (let p = 0; p < P; p++) {
      const sum = sums[p]!;
      const cap = caps[p]!;
      if (sum < cap) gain += Math.min(sum + Math.max(row[from + p]!, 0), cap) - sum;
    }
    return gain;
  };
  const take = ({ sums }: SaturatedState, row: Float32Array, sign: 1 | -1) => {
    for (let p = 0; p < P; p++) sums[p]! += sign * Math.max(row[p]!, 0);
  };
  const common = {
    value({ sums, caps }: SaturatedState) {
      let value = 0;
      for (let p = 0; p < P; p++) value += Math.min(sums[p]!, caps[p]!);
      return value;
    },
    copy(from: SaturatedState, to: SaturatedState) {
      to.sums.set(from.sums);
    },
  };
  const columns = ground.given ?? new Float32Array(P * D);
  const known = ground.given === undefined ? new Float64Array(P) : capsOf(columns, ground.points);
  const [first, row] = [new Int32Array(1), new Float32Array(P)];
  const rowOf = (features: Float32Array): Float32Array => {
    similarities(columns, features, first, row, 1, P, D, gamma);
    return row;
  };

  return identified({
    name: 'saturatedCoverage',
    options: { ...similarity, ...ground.identity, saturation },
    reads: readsFor(similarity),
    ...common,
    empty: () => ({ sums: new Float64Array(P), caps: known }),
    gain: (state, { features }) => gainOf(state, rowOf(features), 0),
    add: (state, { features }) => take(state, rowOf(features), 1),
    remove: (state, { features }) => take(state, rowOf(features), -1),
    scratch: () => similarityScratch(P, D),
    bind(elements: Elements): Bound<SaturatedState> {
      const desk = deskOf(elements);
      const points = new GroundPoints(ground, elements);
      let caps = ground.given === undefined ? capsOf(points.columns, points.count) : known;
      let capsFor = points.count;
      const evaluate = (count: number) => {
        const { kernels, ground: at, slots, rows } = desk;
        kernels.similarities(at, elements.features, slots, rows, count, P, D, gamma);
      };
      const change = (state: SaturatedState, slot: number, sign: 1 | -1) => {
        desk.slots[0] = slot;
        evaluate(1);
        take(state, desk.rows, sign);
      };
      return {
        ...common,
        ...groundHooks(ground, points),
        empty() {
          if (capsFor !== points.count) caps = capsOf(points.columns, points.count);
          capsFor = points.count;
          return { sums: new Float64Array(P), caps };
        },
        gains(state, slots, gains, count) {
          inBlocks(desk, slots, count, (from, length) => {
            evaluate(length);
            for (let c = 0; c < length; c++) gains[from + c] = gainOf(state, desk.rows, c * P);
          });
        },
        add: (state, slot) => change(state, slot, 1),
        remove: (state, slot) => change(state, slot, -1),
      };
    },
  });
}
