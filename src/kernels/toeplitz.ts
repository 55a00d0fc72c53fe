/**
 * The product of a Toeplitz matrix and many columns, by fast Fourier transforms in float64: O(n log n) a column.
 *
 *   y_i = sum over j of c_(j-i) x_j,   -W <= j - i <= W
 *
 * The transform to frequencies leaves them in bit-reversed order and the one back takes them so: nothing is reordered.
 * Roots of unity come from halving angles with square roots, so that their bits are the same in every engine. The
 * transforms are the twins of `toeplitz.c`: four complex sequences at a time, re and im [n, 4], n a power of two.
 */
import { type Backend, defineKernels, openArena } from './kernel.js';
import { wasm } from './wasm/toeplitz.js';

/** Complex sequences that are transformed at a time. */
export const LANES = 4;
/** Columns that are multiplied at a time: two in each complex sequence. */
export const COLUMNS = 2 * LANES;

/** To frequencies in bit-reversed order, in place. Shapes: re, im [n, 4], roots [n / 2]. */
export function toFrequencies(
  re: Float64Array,
  im: Float64Array,
  rootRe: Float64Array,
  rootIm: Float64Array,
  n: number,
): void {
  for (let half = n / 2; half >= 1; half /= 2) {
    const stride = n / (2 * half);
    for (let at = 0; at < n * LANES; at++) {
      const place = Math.floor(at / LANES);
      const k = place % (2 * half);
      if (k >= half) continue;
      const [cos, sin] = [rootRe[k * stride]!, rootIm[k * stride]!];
      const other = at + half * LANES;
      const x = re[at]! - re[other]!;
      const y = im[at]! - im[other]!;
      re[at] = re[at]! + re[other]!;
      im[at] = im[at]! + im[other]!;
      re[other] = x * cos - y * sin;
      im[other] = x * sin + y * cos;
    }
  }
}

/** Back from frequencies in bit-reversed order, in place, n times too large. */
export function fromFrequencies(
  re: Float64Array,
  im: Float64Array,
  rootRe: Float64Array,
  rootIm: Float64Array,
  n: number,
): void {
  for (let half = 1; half < n; half *= 2) {
    const stride = n / (2 * half);
    for (let at = 0; at < n * LANES; at++) {
      const k = Math.floor(at / LANES) % (2 * half);
      if (k >= half) continue;
      const [cos, sin] = [rootRe[k * stride]!, rootIm[k * stride]!];
      const other = at + half * LANES;
      const x = re[other]! * cos + im[other]! * sin;
      const y = im[other]! * cos - re[other]! * sin;
      re[other] = re[at]! - x;
      im[other] = im[at]! - y;
      re[at] = re[at]! + x;
      im[at] = im[at]! + y;
    }
  }
}

/** Each place of the four sequences times the same place of one, factorRe, factorIm [n]. */
export function multiplyPlaces(
  re: Float64Array,
  im: Float64Array,
  factorRe: Float64Array,
  factorIm: Float64Array,
  n: number,
): void {
  for (let at = 0; at < n * LANES; at++) {
    const i = Math.floor(at / LANES);
    const x = re[at]! * factorRe[i]! - im[at]! * factorIm[i]!;
    im[at] = re[at]! * factorIm[i]! + im[at]! * factorRe[i]!;
    re[at] = x;
  }
}

export const toeplitzKernels = defineKernels('toeplitz', wasm, {
  toFrequencies,
  fromFrequencies,
  multiplyPlaces,
});

/** e^(-2 pi i k / n) for k = 0 … n / 2 − 1, n a power of two. */
export function rootsOfUnity(n: number): { readonly re: Float64Array; readonly im: Float64Array } {
  const half = Math.max(n / 2, 1);
  const re = new Float64Array(half);
  const im = new Float64Array(half);
  re[0] = 1;
  for (let step = half / 2, [cos, sin] = [0, -1]; step >= 1; step /= 2) {
    for (let k = step; k < half; k += 2 * step) {
      const before = k - step;
      re[k] = re[before]! * cos - im[before]! * sin;
      im[k] = re[before]! * sin + im[before]! * cos;
    }
    const next = Math.sqrt((1 + cos) / 2);
    sin /= 2 * next;
    cos = next;
  }
  return { re, im };
}

export interface Toeplitz {
  /** COLUMNS columns: element i of column c is at i * LANES + c % LANES of `first`, or of `second` from c = LANES on. */
  readonly first: Float64Array;
  readonly second: Float64Array;
  /** Multiplies the n elements of each column, in place. */
  multiply(): void;
}

/** The Toeplitz matrix of n rows with the diagonals −W … W. */
export function toeplitz(diagonals: Float64Array, n: number, backend?: Backend): Toeplitz {
  const middle = (diagonals.length - 1) / 2;
  const W = Math.min(middle, n - 1);
  let length = 1;
  while (length < n + W) length *= 2;
  const half = Math.max(length / 2, 1);
  const numbers = 2 * LANES * length + 2 * length + 2 * half;
  const { kernels, buffer, base } = openArena(toeplitzKernels, 8 * numbers, backend);
  const all = new Float64Array(buffer, base, numbers);
  let used = 0;
  const take = (count: number) => {
    used += count;
    return all.subarray(used - count, used);
  };
  const [re, im] = [take(LANES * length), take(LANES * length)];
  const factor = { re: take(length), im: take(length) };
  const roots = { re: take(half), im: take(half) };
  const exact = rootsOfUnity(length);
  roots.re.set(exact.re);
  roots.im.set(exact.im);
  for (let d = -W; d <= W; d++) re[LANES * ((length - d) % length)] = diagonals[middle + d]! / length;
  kernels.toFrequencies(re, im, roots.re, roots.im, length);
  for (let i = 0; i < length; i++) {
    factor.re[i] = re[LANES * i]!;
    factor.im[i] = im[LANES * i]!;
  }
  return {
    first: re,
    second: im,
    multiply() {
      re.fill(0, LANES * n);
      im.fill(0, LANES * n);
      kernels.toFrequencies(re, im, roots.re, roots.im, length);
      kernels.multiplyPlaces(re, im, factor.re, factor.im, length);
      kernels.fromFrequencies(re, im, roots.re, roots.im, length);
    },
  };
}
