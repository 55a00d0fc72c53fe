/**
 * The natural logarithm in float64 with the same bits in every engine: `Math.log` is left to each of them.
 *
 *   x = 2^n (1 + f), sqrt(1/2) <= 1 + f < sqrt(2)      s = f / (2 + f)
 *   log(1 + f) = f − f² / 2 + s (f² / 2 + R(s²))
 *
 * The coefficients of R are those of fdlibm; the error is below 1 ULP.
 */
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
const L1 = 0.6666666666666735;
const L2 = 0.3999999999940942;
const L3 = 0.2857142874366239;
const L4 = 0.22222198432149784;
const L5 = 0.1818357216161805;
const L6 = 0.15313837699209373;
const L7 = 0.14798198605116586;
/** The high word of sqrt(1/2), and the bits of a mantissa there. */
const SQRT_HALF_HIGH = 0x3fe6a09e;
const MANTISSA_HIGH = 0x000fffff;
const MANTISSA_BITS = 20;
const SMALLEST_NORMAL = 2 ** -1022;

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);
float[0] = 1;
const HIGH = words[1] === 0x3ff00000 ? 1 : 0;

/** log x for x > 0; −Infinity at 0, NaN below. */
export function log64(x: number): number {
  if (x === 0) return Number.NEGATIVE_INFINITY;
  if (!(x > 0)) return Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  if (x < SMALLEST_NORMAL) return log64(x * 2 ** 54) - 54 * Math.LN2;
  float[0] = x;
  const above = words[HIGH]! - SQRT_HALF_HIGH;
  const n = above >> MANTISSA_BITS;
  words[HIGH] = (above & MANTISSA_HIGH) + SQRT_HALF_HIGH;
  const f = float[0] - 1;
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const even = w * (L2 + w * (L4 + w * L6));
  const odd = z * (L1 + w * (L3 + w * (L5 + w * L7)));
  const halfSquare = 0.5 * f * f;
  return n * LN2_HIGH - (halfSquare - (s * (halfSquare + (odd + even)) + n * LN2_LOW) - f);
}
