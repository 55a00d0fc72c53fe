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
import { type Bound, type Element, IdentifiedObjective, type Objective, type Reads } from '../objective.js';
import {
  checkedGround,
  deskOf,
  FIRST,
  type Ground,
  type GroundOptions,
  GroundPoints,
  groundHooks,
  inBlocks,
  readsFor,
  type Similarity,
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
  return new SaturatedCoverage(similarity, ground, saturation);
}

/** What an element with these similarities to the points adds. */
function gainOf({ sums, caps }: SaturatedState, rows: Float32Array, from: number): number {
  let gain = 0;
  for (let p = 0; p < sums.length; p++) {
    const sum = sums[p]!;
    const cap = caps[p]!;
    if (sum < cap) gain += Math.min(sum + Math.max(rows[from + p]!, 0), cap) - sum;
  }
  return gain;
}

function change({ sums }: SaturatedState, row: Float32Array, sign: 1 | -1): void {
  for (let p = 0; p < sums.length; p++) sums[p]! += sign * Math.max(row[p]!, 0);
}

function worthOf({ sums, caps }: SaturatedState): number {
  let value = 0;
  for (let p = 0; p < sums.length; p++) value += Math.min(sums[p]!, caps[p]!);
  return value;
}

const copyState = (from: SaturatedState, to: SaturatedState): void => to.sums.set(from.sums);

class SaturatedCoverage extends IdentifiedObjective implements Objective<SaturatedState> {
  readonly name = 'saturatedCoverage';
  readonly options: Readonly<Record<string, unknown>>;
  readonly reads: Reads;
  readonly #similarity: Similarity;
  readonly #ground: Ground;
  readonly #saturation: number;
  readonly #columns: Float32Array;
  readonly #caps: Float64Array;
  /** The similarities to the points of the element evaluated last. */
  readonly #row: Float32Array;

  constructor(similarity: Similarity, ground: Ground, saturation: number) {
    super();
    this.options = { ...similarity, ...ground.identity, saturation };
    this.reads = readsFor(similarity);
    this.#similarity = similarity;
    this.#ground = ground;
    this.#saturation = saturation;
    this.#columns = ground.given ?? new Float32Array(ground.P * similarity.dim);
    this.#caps = this.#capsOf(this.#columns, ground.given === undefined ? 0 : ground.points);
    this.#row = new Float32Array(ground.P);
  }

  empty(): SaturatedState {
    return { sums: new Float64Array(this.#ground.P), caps: this.#caps };
  }

  gain(state: SaturatedState, { features }: Element): number {
    return gainOf(state, this.#rowOf(features), 0);
  }

  add(state: SaturatedState, { features }: Element): void {
    change(state, this.#rowOf(features), 1);
  }

  remove(state: SaturatedState, { features }: Element): void {
    change(state, this.#rowOf(features), -1);
  }

  value(state: SaturatedState): number {
    return worthOf(state);
  }

  copy(from: SaturatedState, to: SaturatedState): void {
    copyState(from, to);
  }

  scratch() {
    return similarityScratch(this.#ground.P, this.#similarity.dim);
  }

  bind(elements: Elements): Bound<SaturatedState> {
    const { dim, gamma } = this.#similarity;
    const { P } = this.#ground;
    const desk = deskOf(elements);
    const points = new GroundPoints(this.#ground, elements);
    let caps = this.#caps;
    let capsFor = this.#ground.given === undefined ? 0 : points.count;
    const evaluate = (count: number) => {
      const { kernels, ground, slots, rows } = desk;
      kernels.similarities(ground, elements.features, slots, rows, count, P, dim, gamma);
    };
    const changeBy = (state: SaturatedState, slot: number, sign: 1 | -1) => {
      desk.slots[0] = slot;
      evaluate(1);
      change(state, desk.rows, sign);
    };
    return {
      ...groundHooks(this.#ground, points),
      empty: () => {
        if (capsFor !== points.count) caps = this.#capsOf(points.columns, points.count);
        capsFor = points.count;
        return { sums: new Float64Array(P), caps };
      },
      gains(state, slots, gains, count) {
        inBlocks(desk, slots, count, (from, length) => {
          evaluate(length);
          for (let c = 0; c < length; c++) gains[from + c] = gainOf(state, desk.rows, c * P);
        });
      },
      add: (state, slot) => changeBy(state, slot, 1),
      remove: (state, slot) => changeBy(state, slot, -1),
      value: worthOf,
      copy: copyState,
    };
  }

  #rowOf(features: Float32Array): Float32Array {
    const { dim, gamma } = this.#similarity;
    similarities(this.#columns, features, FIRST, this.#row, 1, this.#ground.P, dim, gamma);
    return this.#row;
  }

  /** Up to where each of the points so far can be represented. */
  #capsOf(columns: Float32Array, points: number): Float64Array {
    const { dim, gamma } = this.#similarity;
    const { P } = this.#ground;
    const caps = new Float64Array(P);
    const [point, row] = [new Float32Array(dim), new Float32Array(P)];
    for (let q = 0; q < points; q++) {
      for (let d = 0; d < dim; d++) point[d] = columns[d * P + q]!;
      similarities(columns, point, FIRST, row, 1, P, dim, gamma);
      for (let p = 0; p < points; p++) caps[q]! += Math.max(row[p]!, 0);
      caps[q]! *= this.#saturation;
    }
    return caps;
  }
}
