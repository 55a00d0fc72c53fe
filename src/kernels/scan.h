/**
 * What element-wise recurrences have in common: x_t = 2^e_t x_(t-1) + write_t, a vector of channels at a time.
 *
 * There are no chunks. What they save elsewhere is the product of a matrix with every row's query; here a row touches
 * each number of the state once anyway, and its decay e^g, which no chunk saves, takes 58 to 63 % of the time. All that
 * can be saved is memory traffic: the state stays in registers over all rows of a call.
 */
#pragma once

#include "math.h"
#include "negligible.h"

/** Decays below 2^-50 count as 0, and growth above 2^127 a row as 2^127. */
#define LOWEST_POWER -50.0f
#define HIGHEST_POWER 127.0f
#define LN2 0.693147181f

/** The first `lanes` (1 to W) numbers at `p`, and zeros. */
INLINE Wide loadWideLanes(const double *p, int lanes) {
  if (lanes >= W) return loadWide(p);
  Wide x = {0};
  UNROLLED for (int i = 0; i < W; i++) if (i < lanes) x[i] = p[i];
  return x;
}

INLINE void storeWideLanes(double *p, Wide x, int lanes) {
  if (lanes >= W) {
    storeWide(p, x);
    return;
  }
  UNROLLED for (int i = 0; i < W; i++) if (i < lanes) p[i] = x[i];
}

/** The first `lanes` numbers of a column whose elements are `stride` apart, and zeros. */
INLINE Vec loadColumn(const float *p, int stride, int lanes) {
  Vec x = {0};
  UNROLLED for (int i = 0; i < W; i++) if (i < lanes) x[i] = p[i * stride];
  return x;
}

INLINE Wide loadWideColumn(const double *p, int stride, int lanes) {
  Wide x = {0};
  UNROLLED for (int i = 0; i < W; i++) if (i < lanes) x[i] = p[i * stride];
  return x;
}

INLINE void storeColumn(float *p, int stride, Vec x, int lanes) {
  UNROLLED for (int i = 0; i < W; i++) if (i < lanes) p[i * stride] = x[i];
}

/** 2^e = 2^n (1 + small), as far as e is in range. */
typedef struct {
  Vec small, power;
  Bits none;
} Factor;

/** e = n + f, |f| <= 1/2: small = 2^f - 1, power = 2^n. */
INLINE Factor factorOf(Vec e) {
  const Vec inRange = atLeast(splat(LOWEST_POWER), atMost(splat(HIGHEST_POWER), e));
  const Vec rounded = inRange + splat(ROUNDER);
  const Bits n = (Bits)rounded - (Bits)splat(ROUNDER);
  const Vec r = (inRange - (rounded - splat(ROUNDER))) * LN2;
  return (Factor){expMinusOneOfSmall(r), powerOfTwo(n), e < LOWEST_POWER};
}

/**
 * 2^e x as 2^n (x + x small). A decay near 1 is never itself rounded to a float, of which 200,000 rows at e^-0.00001
 * would make an error of 8e-4: what a row takes away keeps all its digits.
 */
INLINE Vec fade(Vec x, Vec e) {
  const Factor factor = factorOf(e);
  return zeroWhere(factor.none, (x + x * factor.small) * factor.power);
}
