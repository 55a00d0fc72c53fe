/**
 * Attention over two sets of keys as attention over both.
 */
import { optionRange } from '../../src/errors.js';
import { log64 } from '../../src/kernels/log64.js';
import { exp64 } from '../../src/kernels/math.js';

/** Attention's outputs [n, V] and the logarithms of their sums [n]; -Infinity where there was no key. */
export interface PartialAttention<A extends Float32Array | Float64Array = Float32Array | Float64Array> {
  readonly o: A;
  readonly lse: A;
}

/**
 * What attending to both sets of keys at once would have given, up to rounding; in float64, whatever the arrays are.
 *
 *   lse = log(e^lse_a + e^lse_b)      o = e^(lse_a - lse) o_a + e^(lse_b - lse) o_b
 *
 * Associative and commutative up to rounding; o = 0 with lse = -Infinity is neutral.
 */
export function mergeAttention<A extends Float32Array | Float64Array>(
  a: PartialAttention<A>,
  b: PartialAttention<A>,
): PartialAttention<A> {
  const n = a.lse.length;
  const V = a.o.length / n;
  if (b.lse.length !== n || b.o.length !== a.o.length || !Number.isInteger(V)) {
    const expected = `o of ${a.o.length} and lse of ${n} numbers in both`;
    throw optionRange('mergeAttention', 'b', expected, `o of ${b.o.length} and lse of ${b.lse.length}`);
  }
  const o = a.o.slice() as A;
  const lse = a.lse.slice() as A;
  for (let i = 0; i < n; i++) {
    const highest = Math.max(a.lse[i]!, b.lse[i]!);
    if (highest === -Infinity) continue;
    const [own, other] = [exp64(a.lse[i]! - highest), exp64(b.lse[i]! - highest)];
    const sum = own + other;
    lse[i] = highest + log64(sum);
    for (let c = i * V; c < (i + 1) * V; c++) o[c] = (own * a.o[c]! + other * b.o[c]!) / sum;
  }
  return { o, lse };
}
