/**
 * Vectors of a float64 for each of W lanes: sums over a whole stream, phases, and what they are made from.
 */
#pragma once

#include "lanes.h"

typedef double Wide __attribute__((vector_size(8 * W)));
typedef double UnalignedWide __attribute__((vector_size(8 * W), aligned(8), may_alias));
typedef int64_t WideBits __attribute__((vector_size(8 * W)));

/** 1.5 * 2^52: added to a float64, it leaves the nearest integer in the low bits. */
#define WIDE_ROUNDER 6755399441055744.0
#define WIDE_LOG2_E 1.4426950408889634
/** ln 2 in two parts; the first has so few bits that its product with an exponent is exact. */
#define WIDE_LN2_HIGH 0.6931471803691238
#define WIDE_LN2_LOW 1.9082149292705877e-10
#define WIDE_ONE_BITS 0x3ff0000000000000
#define WIDE_MANTISSA_BITS 52
/** Below this, e^x is as good as 0 beside anything that it is added to. */
#define WIDE_EXP_LOWEST -700.0

INLINE Wide widen(Vec x) { return __builtin_convertvector(x, Wide); }
INLINE Vec narrow(Wide x) { return __builtin_convertvector(x, Vec); }
INLINE Wide wideSplat(double x) { return x - (Wide){0}; }
INLINE Wide wideSelect(WideBits mask, Wide a, Wide b) { return (Wide)(((WideBits)a & mask) | ((WideBits)b & ~mask)); }
INLINE Wide wideAbsolute(Wide x) { return (Wide)((WideBits)x & 0x7fffffffffffffff); }

INLINE Wide loadWide(const double *p, int lanes) {
  if (lanes >= W) return *(const UnalignedWide *)p;
  Wide x = {0};
  UNROLLED for (int i = 0; i < W; i++) if (i < lanes) x[i] = p[i];
  return x;
}

INLINE void storeWide(double *p, Wide x, int lanes) {
  if (lanes >= W) {
    *(UnalignedWide *)p = x;
    return;
  }
  UNROLLED for (int i = 0; i < W; i++) if (i < lanes) p[i] = x[i];
}

/** The first `lanes` numbers of a column whose elements are `stride` apart, and zeros. */
INLINE Wide loadWideColumn(const double *p, int stride, int lanes) {
  Wide x = {0};
  UNROLLED for (int i = 0; i < W; i++) if (i < lanes) x[i] = p[i * stride];
  return x;
}

/** e^x, x <= 0, to about 1e-12: 2^n times the Taylor series of e^r up to r^11, |r| <= ln 2 / 2. */
INLINE Wide wideExp(Wide x) {
  const Wide inRange = wideSelect(x < WIDE_EXP_LOWEST, wideSplat(WIDE_EXP_LOWEST), x);
  const Wide rounded = inRange * WIDE_LOG2_E + WIDE_ROUNDER;
  const Wide n = rounded - WIDE_ROUNDER;
  const Wide r = inRange - n * WIDE_LN2_HIGH - n * WIDE_LN2_LOW;
  Wide sum = wideSplat(1);
  UNROLLED for (int k = 11; k > 0; k--) sum = 1 + sum * r * (1.0 / k);
  return sum * (Wide)(((WideBits)rounded << WIDE_MANTISSA_BITS) + WIDE_ONE_BITS);
}

/** log(1 + e^x) to about 1e-12. log(1 + p) = 2 (s + s^3 / 3 + s^5 / 5 + ...), s = p / (2 + p) <= 1 / 3. */
INLINE Wide wideSoftplus(Wide x) {
  const Wide p = wideExp(-wideAbsolute(x));
  const Wide s = p / (p + 2);
  const Wide square = s * s;
  Wide sum = wideSplat(1.0 / 25);
  UNROLLED for (int k = 23; k > 0; k -= 2) sum = sum * square + 1.0 / k;
  return wideSelect(x > 0, x, wideSplat(0)) + s * sum * 2;
}
