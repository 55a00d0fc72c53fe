/**
 * Facility location: how well each point of a ground set is represented by the chosen element that is most like it.
 *
 *   f(S) = sum over the points p of  max(0, max over e in S of similarity(p, e))
 *
 * Gains are sums in float64 of float32 differences that only shrink when S grows, added in one order: they diminish to the
 * last bit.
 */
import { facilityGains } from '../../../src/kernels/similarity.js';
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
  return new FacilityLocation(similarity, ground);
}

const emptyState = (P: number, points: number): FacilityState => ({
  best: new Float32Array(P).fill(PADDING, points),
  value: 0,
});

/** Takes in an element with these similarities to the points, which gains so much. */
function take(state: FacilityState, row: Float32Array, gain: number): void {
  const { best } = state;
  for (let p = 0; p < best.length; p++) if (row[p]! > best[p]!) best[p] = row[p]!;
  state.value += gain;
}

function copyState(from: FacilityState, to: FacilityState): void {
  to.best.set(from.best);
  to.value = from.value;
}

class FacilityLocation extends IdentifiedObjective implements Objective<FacilityState> {
  readonly name = 'facilityLocation';
  readonly options: Readonly<Record<string, unknown>>;
  readonly reads: Reads;
  readonly #similarity: Similarity;
  readonly #ground: Ground;
  readonly #columns: Float32Array;
  /** Of the element evaluated last: its similarities to the points, and its gain. */
  readonly #row: Float32Array;
  readonly #gain = new Float64Array(1);

  constructor(similarity: Similarity, ground: Ground) {
    super();
    this.options = { ...similarity, ...ground.identity };
    this.reads = readsFor(similarity);
    this.#similarity = similarity;
    this.#ground = ground;
    this.#columns = ground.given ?? new Float32Array(ground.P * similarity.dim);
    this.#row = new Float32Array(ground.P);
  }

  empty(): FacilityState {
    return emptyState(this.#ground.P, this.#ground.given === undefined ? 0 : this.#ground.points);
  }

  gain({ best }: FacilityState, { features }: Element): number {
    const { dim, gamma } = this.#similarity;
    const { P } = this.#ground;
    facilityGains(this.#columns, best, features, FIRST, this.#gain, this.#row, 1, P, dim, gamma);
    return this.#gain[0]!;
  }

  add(state: FacilityState, element: Element): void {
    take(state, this.#row, this.gain(state, element));
  }

  value({ value }: FacilityState): number {
    return value;
  }

  copy(from: FacilityState, to: FacilityState): void {
    copyState(from, to);
  }

  scratch() {
    return similarityScratch(this.#ground.P, this.#similarity.dim);
  }

  bind(elements: Elements): Bound<FacilityState> {
    const { dim, gamma } = this.#similarity;
    const { P } = this.#ground;
    const desk = deskOf(elements);
    const points = new GroundPoints(this.#ground, elements);
    const evaluate = (state: FacilityState, count: number) => {
      const { kernels, ground, best, slots, gains, rows } = desk;
      best.set(state.best);
      kernels.facilityGains(ground, best, elements.features, slots, gains, rows, count, P, dim, gamma);
    };
    return {
      ...groundHooks(this.#ground, points),
      empty: () => emptyState(P, points.count),
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
      value: ({ value }) => value,
      copy: copyState,
    };
  }
}
