/** Feature maps of linear attention, in whole arrays. Shapes: x [n] in, y [n] out; y may be x. */
#pragma once

#include "math.h"

INLINE Vec elu1Lanes(Vec x) { return select(x > 0, x + 1, expLanes(x)); }
INLINE Vec reluLanes(Vec x) { return zeroWhere(x < 0, x); }

EXPORT void expF32(const float *x, float *y, int n) { map(expLanes, x, y, n); }
EXPORT void elu1(float *x, int n) { map(elu1Lanes, x, x, n); }
EXPORT void relu(float *x, int n) { map(reluLanes, x, x, n); }
