/**
 * Weights e^x of logits x that are taken relative to a maximum: at most a little above 0.
 */
#pragma once

#include "math.h"

/** log 1e-30. Weights below count as 0, so that none makes a slow subnormal number of what it is multiplied with. */
#define LOWEST_WEIGHT_LOG -69.07755f

/**
 * e^x for x <= 88, with the bits of expLanes; 0 below LOWEST_WEIGHT_LOG, -infinity among them, and NaN of NaN. Without
 * overflow and subnormal results it takes two thirds of the operations.
 */
INLINE Vec weightLanes(Vec x) {
  const Vec rounded = multiplyAdd(x, splat(LOG2_E), splat(ROUNDER));
  const Bits n = (Bits)rounded - (Bits)splat(ROUNDER);
  const Vec nFloat = rounded - splat(ROUNDER);
  const Vec r = x - nFloat * LN2_HIGH - nFloat * LN2_LOW;
  return zeroWhere(x < LOWEST_WEIGHT_LOG, (expMinusOneOfSmall(r) + 1) * powerOfTwo(n));
}
