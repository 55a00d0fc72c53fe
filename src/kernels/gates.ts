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
