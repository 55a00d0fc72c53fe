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

/** The gate e^g. */
INLINE Vec gateLanes(Vec g) { return decayLanes(expLanes(g)); }
