/**
 * State that is negligible becomes 0 before it is subnormal: the twins of `negligible.h`.
 */

/** Element-wise recurrences flush after so many rows, counted from the start of the stream. */
export const FLUSH_ROWS = 16;
/** Decayed state smaller than this counts as 0. */
export const NEGLIGIBLE = Math.fround(1e-30);

/** `n` numbers of x from `at` on: what is negligible becomes 0. */
export function flushNegligible(x: Float32Array | Float64Array, n: number, at = 0): void {
  for (let i = at; i < at + n; i++) if (Math.abs(x[i]!) < NEGLIGIBLE) x[i] = 0;
}
