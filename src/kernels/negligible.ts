/**
 * State that is negligible becomes 0 now and then: the twins of `negligible.h`.
 */

/** After so many rows, counted from the start of the stream, what is negligible in the state becomes 0. */
export const FLUSH_ROWS = 256;
/** Decayed state smaller than this counts as 0. */
export const NEGLIGIBLE = Math.fround(1e-30);

/** x [n]: what is negligible becomes 0. */
export function flushNegligible(x: Float32Array | Float64Array, n: number): void {
  for (let i = 0; i < n; i++) if (Math.abs(x[i]!) < NEGLIGIBLE) x[i] = 0;
}
