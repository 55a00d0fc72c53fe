/**
 * Gates: factors in [0, 1], given as logarithms, by which a state fades from one row to the next. The twin of
 * `gates.h`.
 */
import { SMALLEST_DECAY } from './chunk.js';
import { exp32 } from './math.js';

/** A product of gates; below 2^-50 it counts as 0. */
export const decayOf = (product: number): number => (product < SMALLEST_DECAY ? 0 : product);

/** The gate e^g. */
export const gateOf = (g: number): number => decayOf(exp32(g));

/** x [n] = x y, where it is less than `least` 0, for decays; y begins anew, at 1. */
export function takeDecays(x: Float32Array, y: Float32Array, least: number, n: number): void {
  for (let i = 0; i < n; i++) {
    x[i] = x[i]! * y[i]!;
    if (x[i]! < least) x[i] = 0;
    y[i] = 1;
  }
}
