/**
 * Elementary functions of vectors of float32: own polynomials, no library, no fused multiply-add, so that their bits
 * are the same everywhere. Errors are the largest ones measured, in units in the last place (ULP): every float32 for
 * exp, every 37th for the others.
 */
#pragma once

#include "lanes.h"

/** Below this, e^x is smaller than any normal float32: it is 0. */
#define EXP_LOWEST -87.33654f
/** Somewhat beyond the last x whose e^x is finite. */
#define EXP_HIGHEST 89.0f
/** 1.5 * 2^23: added to a small number, it leaves the nearest integer in the low bits. */
#define ROUNDER 12582912.0f
#define LOG2_E 1.44269504f
/** ln 2 in two parts; the first has so few bits that its product with an exponent is exact. */
#define LN2_HIGH 0.693359375f
#define LN2_LOW -2.12194440e-4f
#define ONE_BITS 0x3f800000
#define SQRT_HALF_BITS 0x3f3504f3
#define MANTISSA_BITS 23
#define SMALLEST_NORMAL 1.17549435e-38f

INLINE Vec powerOfTwo(Bits n) { return (Vec)((n << MANTISSA_BITS) + ONE_BITS); }

/** e^r - 1 = r + r^2 P(r), |r| <= ln 2 / 2. */
INLINE Vec expMinusOneOfSmall(Vec r) {
  Vec p = splat(1.9875691500e-4f);
  p = multiplyAdd(p, r, splat(1.3981999507e-3f));
  p = multiplyAdd(p, r, splat(8.3334519073e-3f));
  p = multiplyAdd(p, r, splat(4.1665795894e-2f));
  p = multiplyAdd(p, r, splat(1.6666665459e-1f));
  p = multiplyAdd(p, r, splat(5.0000001201e-1f));
  return multiplyAdd(p, r * r, r);
}

/**
 * e^x, 0.991 ULP. Results below the smallest normal number are 0, above the largest infinity.
 *
 *   x = n ln 2 + r, |r| <= ln 2 / 2      e^x = 2^n (1 + (e^r - 1))
 *
 * 2^n is multiplied in by halves: each is a normal number, and the product overflows by itself.
 */
INLINE Vec expLanes(Vec x) {
  const Vec inRange = atLeast(splat(EXP_LOWEST), atMost(splat(EXP_HIGHEST), x));
  const Vec rounded = multiplyAdd(inRange, splat(LOG2_E), splat(ROUNDER));
  const Bits n = (Bits)rounded - (Bits)splat(ROUNDER);
  const Vec nFloat = rounded - splat(ROUNDER);
  const Vec r = inRange - nFloat * LN2_HIGH - nFloat * LN2_LOW;
  const Vec y = expMinusOneOfSmall(r) + 1;
  const Bits half = n >> 1;
  return zeroWhere(x < EXP_LOWEST, y * powerOfTwo(half) * powerOfTwo(n - half));
}

/**
 * log x of positive normal numbers.
 *
 *   x = 2^n (1 + f), sqrt(1/2) <= 1 + f < sqrt(2)      s = f / (2 + f)
 *   log(1 + f) = f - f^2 / 2 + s (f^2 / 2 + R(s^2))
 */
INLINE Vec logOfNormal(Vec x, Vec exponentOffset) {
  const Bits above = (Bits)x - SQRT_HALF_BITS;
  const Vec n = __builtin_convertvector(above >> MANTISSA_BITS, Vec) + exponentOffset;
  const Vec f = (Vec)((above & 0x007fffff) + SQRT_HALF_BITS) - 1;
  const Vec s = f / (f + 2);
  const Vec z = s * s;
  const Vec w = z * z;
  const Vec even = w * multiplyAdd(w, splat(0.24279078841f), splat(0.40000972152f));
  const Vec odd = z * multiplyAdd(w, splat(0.28498786688f), splat(0.66666662693f));
  const Vec halfSquare = f * f * 0.5f;
  const Vec low = s * (halfSquare + (odd + even)) + n * LN2_LOW;
  return low - halfSquare + f + n * LN2_HIGH;
}

/** log x, 0.81 ULP. log 0 = -infinity; NaN below 0. */
INLINE Vec logLanes(Vec x) {
  const Bits subnormal = x < SMALLEST_NORMAL;
  const Vec scaled = select(subnormal, x * 0x1p25f, x);
  const Vec offset = (Vec)((Bits)splat(-25.0f) & subnormal);
  const Vec infinity = splat(__builtin_inff());
  Vec y = logOfNormal(scaled, offset);
  y = select(x == 0, -infinity, y);
  y = select(x < 0, splat(__builtin_nanf("")), y);
  return select(x < infinity, y, x);
}

/** 1 / (1 + e^-x), 2.32 ULP. 0 below -87.33654. Only powers of e up to 1 are taken, so that none overflows. */
INLINE Vec sigmoidLanes(Vec x) {
  const Vec power = expLanes(-absolute(x));
  return select(x < 0, power, splat(1)) / (power + 1);
}

/** log(1 + e^x), 1.96 ULP. 0 below -87.33654. The sum 1 + e^-|x| is corrected by what its rounding lost. */
INLINE Vec softplusLanes(Vec x) {
  const Vec power = expLanes(-absolute(x));
  const Vec sum = power + 1;
  const Vec lost = power - (sum - 1);
  return zeroWhere(x < 0, x) + (logOfNormal(sum, splat(0)) + lost / sum);
}
