/**
 * Gates: factors in [0, 1], given as logarithms, by which a state fades from one row to the next.
 *
 * They are only ever multiplied with one another. Differences of summed logarithms would lose digits, divisions by a
 * product would overflow, and both would reach rows that have not come yet.
 */
#pragma once

#include "math.h"

/** Decays below this count as 0: what old rows still weigh must not end in slow subnormal numbers. */
#define SMALLEST_DECAY 0x1p-50f

/** A product of gates, which are never negative; a NaN stays. */
INLINE Vec decayLanes(Vec product) { return zeroWhere(product < SMALLEST_DECAY, product); }
INLINE float decayOf(float product) { return product < SMALLEST_DECAY ? 0 : product; }

/** The gate e^g. */
INLINE Vec gateLanes(Vec g) { return decayLanes(expLanes(g)); }

/** x [n] = x y, where it is less than `least` 0, for decays; y begins anew, at 1. */
INLINE void takeDecays(float *x, float *y, float least, int n) {
  int i = 0;
  ROLLED for (; i + W <= n; i += W) {
    const Vec product = load(x + i) * load(y + i);
    store(x + i, zeroWhere(product < least, product));
  }
  for (; i < n; i++) {
    const float product = x[i] * y[i];
    x[i] = product < least ? 0 : product;
  }
  fill(y, 1, n);
}
