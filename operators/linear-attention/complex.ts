/**
 * Complex factors of states, in float64 from + - * / alone: what is merged on one machine is what is merged on another.
 */
import { exp64 } from '../../src/kernels/math.js';

/** Real numbers row by row, or complex ones with a last axis (re, im). */
export type Parameters = Float32Array | Float64Array | readonly number[];

export type Complex = readonly [re: number, im: number];

export const times = ([a, b]: Complex, [c, d]: Complex): Complex => [a * c - b * d, a * d + b * c];

export function over([a, b]: Complex, [c, d]: Complex): Complex {
  const square = c * c + d * d;
  return [(a * c + b * d) / square, (b * c - a * d) / square];
}

/** z^n by squaring, n >= 0. */
export function power(z: Complex, n: number): Complex {
  let result: Complex = [1, 0];
  for (let square = z, left = n; left > 0; left = Math.floor(left / 2), square = times(square, square)) {
    if (left % 2 === 1) result = times(result, square);
  }
  return result;
}

/** e^(re + i im). */
export function exponential(re: number, im: number): Complex {
  const size = exp64(re);
  const quarters = Math.round(im / (Math.PI / 2));
  const b = im - quarters * (Math.PI / 2);
  const [cosine, sine] = [size * cosOfSmall(b), size * sinOfSmall(b)];
  const turned: readonly Complex[] = [
    [cosine, sine],
    [-sine, cosine],
    [-cosine, -sine],
    [sine, -cosine],
  ];
  return turned[((quarters % 4) + 4) % 4]!;
}

/** Taylor series to the last digit, from the smallest term up, |b| <= pi / 4. */
const sinOfSmall = (b: number) => b * taylor(b * b, 17);
const cosOfSmall = (b: number) => taylor(b * b, 16);

/** 1 - z / ((n-1) n) (1 - …), whose innermost n is `last` and whose n are 2 apart. */
function taylor(square: number, last: number): number {
  let sum = 1;
  for (let n = last; n > 1; n -= 2) sum = 1 - (square / (n * (n - 1))) * sum;
  return sum;
}
