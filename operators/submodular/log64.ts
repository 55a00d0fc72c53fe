/**
 * The natural logarithm in float64 with the same bits in every engine: `Math.log` is left to each of them.
 *
 *   x = 2^n (1 + f), sqrt(1/2) <= 1 + f < sqrt(2)      s = f / (2 + f)
 *   log(1 + f) = f − f² / 2 + s (f² / 2 + R(s²))
 *
 * The coefficients of R are those of fdlibm; the error is below 1 ULP.
 */
const LN2_HIGH = 6.9314718036912381649e-1;
const LN2_LOW = 1.90821492927058770002e-10;
const L1 = 6.66666666666673513e-1;
const L2 = 3.999999999940941908e-1;
const L3 = 2.857142874366239149e-1;
const L4 = 2.222219843214978396e-1;
const L5 = 1.818357216161805012e-1;
const L6 = 1.531383769920937332e-1;
const L7 = 1.479819860511658591e-1;
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
