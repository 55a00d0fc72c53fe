/**
 * Elementary functions in float64 of the kernels' own: the twins of `wide.h`, with the same bits.
 */

/** 1.5 * 2^52: added to a float64, it leaves the nearest integer. */
export const WIDE_ROUNDER = 6755399441055744;
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const EXP_LOWEST = -700;

const float = new Float64Array(1);
const bits = new BigInt64Array(float.buffer);

/** 2^n, -1022 <= n <= 1023. */
function powerOfTwo(n: number): number {
  bits[0] = BigInt(n + 1023) << 52n;
  return float[0]!;
}

/** e^x, x <= 0, to about 1e-12: 2^n times the Taylor series of e^r up to r^11, |r| <= ln 2 / 2. */
function expOfNegative(x: number): number {
  const inRange = Math.max(x, EXP_LOWEST);
  const n = inRange * Math.LOG2E + WIDE_ROUNDER - WIDE_ROUNDER;
  const r = inRange - n * LN2_HIGH - n * LN2_LOW;
  let sum = 1;
  for (let k = 11; k > 0; k--) sum = 1 + sum * r * (1 / k);
  return Number.isNaN(n) ? n : sum * powerOfTwo(n);
}

/** log(1 + e^x) to about 1e-12. log(1 + p) = 2 (s + s^3 / 3 + s^5 / 5 + …), s = p / (2 + p) <= 1 / 3. */
export function softplus64(x: number): number {
  const p = expOfNegative(-Math.abs(x));
  const s = p / (p + 2);
  const square = s * s;
  let sum = 1 / 25;
  for (let k = 23; k > 0; k -= 2) sum = sum * square + 1 / k;
  return Math.max(x, 0) + s * sum * 2;
}
