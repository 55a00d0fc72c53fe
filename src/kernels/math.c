/** Elementary functions of float32 arrays. Shapes: x [n] in, y [n] out; y may be x. */
#include "columns.h"
#include "features.h"

EXPORT void logF32(const float *x, float *y, int n) { map(logLanes, x, y, n); }
EXPORT void sigmoidF32(const float *x, float *y, int n) { map(sigmoidLanes, x, y, n); }
EXPORT void softplusF32(const float *x, float *y, int n) { map(softplusLanes, x, y, n); }
