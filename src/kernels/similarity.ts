/**
 * Similarities of rows to the points of a ground set, and what objectives make of them: one call evaluates a whole
 * batch of candidates. The twins of `similarity.c`: the bits are equal.
 *
 * Shapes, the same for all: ground [D, P], a point a column, P a multiple of 16 of which the last columns may be
 * padding; features [N, D]; slots [count], the rows of `features` that are asked for. The similarity of x and y is
 * x . y, or with gamma > 0 e^(-gamma |x - y|^2).
 */
import { defineKernels } from './kernel.js';
import { exp32, firstAbove, firstNonFinite, multiplyAdd } from './math.js';
import { wasm } from './wasm/similarity.js';

const { fround } = Math;

/** Columns of a ground set of `points` points: P. */
export const paddedPoints = (points: number): number => Math.ceil(points / 16) * 16;

/** out [count, P]: each row's similarities to the points. */
export function similarities(
  ground: Float32Array,
  features: Float32Array,
  slots: Int32Array,
  out: Float32Array,
  count: number,
  P: number,
  D: number,
  gamma: number,
): void {
  const minusGamma = -fround(gamma);
  for (let c = 0; c < count; c++) {
    const xRow = slots[c]! * D;
    for (let p = 0; p < P; p++) {
      let sum = 0;
      for (let d = 0; d < D; d++) {
        const x = features[xRow + d]!;
        const y = ground[d * P + p]!;
        const difference = fround(x - y);
        sum = gamma > 0 ? multiplyAdd(difference, difference, sum) : multiplyAdd(x, y, sum);
      }
      out[c * P + p] = gamma > 0 ? exp32(fround(sum * minusGamma)) : sum;
    }
  }
}

/**
 * gains [count]: by how much each row is nearer to the points than `best` [P], summed over the points in float64;
 * padding has an infinite `best`. scratch [P].
 */
export function facilityGains(
  ground: Float32Array,
  best: Float32Array,
  features: Float32Array,
  slots: Int32Array,
  gains: Float64Array,
  scratch: Float32Array,
  count: number,
  P: number,
  D: number,
  gamma: number,
): void {
  for (let c = 0; c < count; c++) {
    similarities(ground, features, slots.subarray(c), scratch, 1, P, D, gamma);
    const parts = [0, 0, 0, 0];
    for (let p = 0; p < P; p++) {
      const more = fround(scratch[p]! - best[p]!);
      parts[p % 4]! += Math.max(more, 0);
    }
    gains[c] = parts[0]! + parts[1]! + (parts[2]! + parts[3]!);
  }
}

/**
 * complements [count]: what is left of each row's own similarity, plus `noise`, when the n first points are known:
 * L [n, P] holds the columns of the Cholesky factor of their similarities (plus noise on the diagonal), zeros above it
 * and behind; crossed [count, P] the rows' similarities to them. z [P] ends as the last row's part of the factor.
 */
export function schurComplements(
  L: Float64Array,
  crossed: Float32Array,
  features: Float32Array,
  slots: Int32Array,
  complements: Float64Array,
  z: Float64Array,
  count: number,
  n: number,
  P: number,
  D: number,
  gamma: number,
  noise: number,
): void {
  for (let c = 0; c < count; c++) {
    const xRow = slots[c]! * D;
    let left = gamma > 0 ? 1 : 0;
    for (let d = 0; d < D && !(gamma > 0); d++) left += features[xRow + d]! * features[xRow + d]!;
    left += noise;
    for (let p = 0; p < P; p++) z[p] = crossed[c * P + p]!;
    for (let j = 0; j < n; j++) {
      const solved = z[j]! / L[j * P + j]!;
      for (let p = j; p < P; p++) z[p] = z[p]! - L[j * P + p]! * solved;
      z[j] = solved;
      left -= solved * solved;
    }
    complements[c] = left;
  }
}

export const similarityKernels = defineKernels('similarity', wasm, {
  similarities,
  facilityGains,
  schurComplements,
  firstNonFinite,
  firstAbove,
});
