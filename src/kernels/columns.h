/** Kernels over whole columns that every module exports: the engine checks its inputs where an operator keeps them. */
#pragma once

#include "lanes.h"

enum { CHECK_VECTORS = 4 };

/** x [n]: the index of the first NaN or infinity, -1 when there is none. x - x is 0 for finite numbers only. */
EXPORT int firstNonFinite(const float *x, int n) {
  int i = 0;
  for (; i + CHECK_VECTORS * W <= n; i += CHECK_VECTORS * W) {
    Bits different = {0};
    UNROLLED for (int c = 0; c < CHECK_VECTORS; c++) {
      const Vec a = load(x + i + c * W);
      different |= (Bits)(a - a);
    }
    if (anyBit(different)) break;
  }
  for (; i < n; i++) if (x[i] - x[i] != 0) return i;
  return -1;
}

/** x [n]: the index of the first number above `most`, -1 when there is none. */
EXPORT int firstAbove(const float *x, int n, float most) {
  int i = 0;
  for (; i + W <= n; i += W) if (anyBit(load(x + i) > splat(most))) break;
  for (; i < n; i++) if (x[i] > most) return i;
  return -1;
}
