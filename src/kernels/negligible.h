/**
 * What is left of old rows must not end in slow subnormal numbers: state that is negligible becomes 0 before it gets there.
 * Chunks do so as they fold, delta rules when enough has faded, element-wise recurrences every few rows.
 */
#pragma once

#include "lanes.h"

/** Decayed state smaller than this counts as 0. */
#define NEGLIGIBLE 1e-30f
/** Element-wise recurrences flush after so many rows, counted from the start of the stream. */
enum { FLUSH_ROWS = 16 };

INLINE Vec flushLanes(Vec x) { return zeroWhere(absolute(x) < NEGLIGIBLE, x); }

/** x [n]: what is negligible becomes 0. */
INLINE void flushNegligible(float *x, int n) { map(flushLanes, x, x, n); }

/** How many of the next `left` rows come before the next flush; `position` counts the rows so far. */
INLINE int rowsBeforeFlush(int position, int left) {
  const int rows = FLUSH_ROWS - position % FLUSH_ROWS;
  return rows < left ? rows : left;
}
