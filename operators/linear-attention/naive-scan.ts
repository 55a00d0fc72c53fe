/**
 * The element-wise recurrences of this family in float64, a row at a time, as in `naive.ts`.
 */
import type { HgrnOptions } from './hgrn.js';

type Numbers = ArrayLike<number>;

/** h = e^g h + x. Packed rows: x, g [T, D]. */
export function hgrn(
  { dim: D }: HgrnOptions,
  { x, g }: { readonly x: Numbers; readonly g: Numbers },
  initial: { readonly h?: Numbers } = {},
) {
  const h = Float64Array.from(initial.h ?? new Float64Array(D));
  const o = Float64Array.from(x, (value, i) => {
    const d = i % D;
    h[d] = Math.exp(g[i]!) * h[d]! + value;
    return h[d]!;
  });
  return { o, h };
}
