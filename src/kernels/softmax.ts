/**
 * Softmax of rows of numbers, a segment at a time: the twins of `softmax.c`, in the same order of operations.
 */
import { defineKernels } from './kernel.js';
import { firstAbove, firstNonFinite } from './math.js';
import { wasm } from './wasm/softmax.js';
import { weight32 } from './weight.js';

const { fround } = Math;

/** Sums that a segment's numbers are added to in turn, so that none of them grows too large for what comes. */
const SUMS = 16;

/**
 * p = e^(x - maximum) of each of `rows` segments of n numbers; maximum [rows], sum [rows] of p. A sum that is NaN tells
 * of a number that is NaN or +Infinity. Where all of x is -Infinity, p and its sum are 0.
 */
export function softmaxSegments(
  x: Float32Array,
  p: Float32Array,
  maximum: Float32Array,
  sum: Float32Array,
  rows: number,
  n: number,
): void {
  for (let row = 0; row < rows; row++) {
    const at = row * n;
    let highest = -Infinity;
    for (let i = 0; i < n; i++) if (x[at + i]! > highest) highest = x[at + i]!;
    const sums = new Float32Array(SUMS);
    for (let i = 0; i < n; i++) {
      p[at + i] = weight32(fround(x[at + i]! - (highest === -Infinity ? 0 : highest)));
      sums[i % SUMS] = sums[i % SUMS]! + p[at + i]!;
    }
    maximum[row] = highest;
    sum[row] = totalOf(sums);
  }
}

/** Sum i with i + 4, i + 8 and i + 12, then the four that are left. */
function totalOf(sums: Float32Array): number {
  const add = (a: number, b: number) => fround(a + b);
  const four = [0, 1, 2, 3].map((i) => add(add(sums[i]!, sums[i + 4]!), add(sums[i + 8]!, sums[i + 12]!)));
  return add(add(four[0]!, four[1]!), add(four[2]!, four[3]!));
}

/** p *= factor [rows], for `rows` segments of n numbers. */
export function scaleSegments(p: Float32Array, factor: Float32Array, rows: number, n: number): void {
  for (let i = 0; i < rows * n; i++) p[i] = p[i]! * factor[Math.floor(i / n)]!;
}

export const softmaxKernels = defineKernels('softmax', wasm, {
  firstNonFinite,
  firstAbove,
  softmaxSegments,
  scaleSegments,
});
