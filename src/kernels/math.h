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

/** Below this, e^x is 0 in float64 as well; above the other, it is infinite. */
#define EXP_LOWEST_64 -745.1332191019411
#define EXP_HIGHEST_64 709.782712893384
/** 1.5 * 2^52, which rounds doubles as ROUNDER does floats. */
#define ROUNDER_64 6755399441055744.0
#define LOG2_E_64 1.4426950408889634
#define LN2_HIGH_64 0.6931471803691238
#define LN2_LOW_64 1.9082149292705877e-10
#define MANTISSA_BITS_64 52
#define ONE_BITS_64 0x3ff0000000000000

INLINE Wide powerOfTwoWide(WideBits n) { return (Wide)((n << MANTISSA_BITS_64) + ONE_BITS_64); }

/**
 * e^x in float64, at most 1 ULP off.
 *
 *   x = n ln 2 + r      c = r - r^2 P(r^2)      e^r = 1 + r + r c / (2 - c)
 */
INLINE Wide expWide(Wide x) {
  const Wide lowest = splatWide(EXP_LOWEST_64), highest = splatWide(EXP_HIGHEST_64);
  const Wide inRange = selectWide(x < lowest, lowest, selectWide(x > highest, highest, x));
  const Wide rounded = inRange * LOG2_E_64 + ROUNDER_64;
  const WideBits n = (WideBits)rounded - (WideBits)splatWide(ROUNDER_64);
  const Wide nDouble = rounded - ROUNDER_64;
  const Wide high = inRange - nDouble * LN2_HIGH_64;
  const Wide low = nDouble * LN2_LOW_64;
  const Wide r = high - low;
  const Wide z = r * r;
  Wide p = z * 4.1381367970572385e-8 + -0.0000016533902205465252;
  p = z * p + 0.00006613756321437934;
  p = z * p + -0.0027777777777015593;
  p = z * p + 0.16666666666666602;
  const Wide c = r - z * p;
  const Wide y = 1 + (high - (low - r * c / (2 - c)));
  const WideBits half = n >> 1;
  const Wide power = y * powerOfTwoWide(half) * powerOfTwoWide(n - half);
  return zeroWideWhere(x < lowest, selectWide(x > highest, splatWide(__builtin_inf()), power));
}

/** 1 / (1 + e^-x) in float64. */
INLINE Wide sigmoidWide(Wide x) {
  const Wide power = expWide(-absoluteWide(x));
  return selectWide(x < 0, power, splatWide(1)) / (power + 1);
}

/**
 * log of that, from p = e^-|x|: min(x, 0) - log(1 + p).
 *
 *   s = p / (2 + p) <= 1/3      log(1 + p) = 2 (s + s^3 / 3 + s^5 / 5 + ... + s^31 / 31)
 */
INLINE Wide logSigmoidWide(Wide x) {
  const Wide power = expWide(-absoluteWide(x));
  const Wide s = power / (power + 2);
  const Wide z = s * s;
  Wide series = splatWide(1.0 / 31);
  UNROLLED for (int odd = 29; odd > 0; odd -= 2) series = series * z + 1.0 / odd;
  return zeroWideWhere(x > 0, x) - 2 * s * series;
}
