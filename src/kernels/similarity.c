/**
 * Similarities of rows to the points of a ground set, and what objectives make of them; see similarity.ts.
 *
 * The points lie in columns (ground [D, P], P a multiple of 16), so that lanes are points and no sum runs across them.
 * Where a sum over points is asked for, it has four parts (points 0, 4, 8 …, points 1, 5, 9 …) whatever W is.
 */
#include "columns.h"
#include "math.h"

#define TILE 4
#define PARTS 4

INLINE Vec step(Vec sum, Vec x, Vec y, int isDistance) {
  const Vec d = x - y;
  return isDistance ? multiplyAdd(d, d, sum) : multiplyAdd(x, y, sum);
}

INLINE Vec finish(Vec sum, float gamma) { return gamma > 0 ? expLanes(sum * -gamma) : sum; }

/** out [P]: x . ground, or with gamma > 0 e^(-gamma |x - ground|^2). */
INLINE void row(const float *ground, const float *x, float *out, int P, int D, float gamma, int isDistance) {
  int p = 0;
  ROLLED for (; p + TILE * W <= P; p += TILE * W) {
    Vec sums[TILE] = {0};
    ROLLED for (int d = 0; d < D; d++) {
      const float *points = ground + d * P + p;
      UNROLLED for (int i = 0; i < TILE; i++) sums[i] = step(sums[i], splat(x[d]), load(points + i * W), isDistance);
    }
    UNROLLED for (int i = 0; i < TILE; i++) store(out + p + i * W, finish(sums[i], gamma));
  }
  ROLLED for (; p + W <= P; p += W) {
    Vec sum = {0};
    ROLLED for (int d = 0; d < D; d++) sum = step(sum, splat(x[d]), load(ground + d * P + p), isDistance);
    store(out + p, finish(sum, gamma));
  }
}

ONCE void similaritiesOf(const float *ground, const float *x, float *out, int P, int D, float gamma) {
  if (gamma > 0) row(ground, x, out, P, D, gamma, 1);
  else row(ground, x, out, P, D, gamma, 0);
}

EXPORT void similarities(const float *ground, const float *features, const int32_t *slots, float *out, int count, int P,
                         int D, float gamma) {
  for (int c = 0; c < count; c++) similaritiesOf(ground, features + slots[c] * D, out + c * P, P, D, gamma);
}

EXPORT void facilityGains(const float *ground, const float *best, const float *features, const int32_t *slots,
                          double *gains, float *scratch, int count, int P, int D, float gamma) {
  for (int c = 0; c < count; c++) {
    similaritiesOf(ground, features + slots[c] * D, scratch, P, D, gamma);
    double parts[PARTS] = {0};
    ROLLED for (int p = 0; p < P; p += PARTS) {
      UNROLLED for (int i = 0; i < PARTS; i++) {
        const float more = scratch[p + i] - best[p + i];
        parts[i] += more > 0 ? more : 0;
      }
    }
    gains[c] = (parts[0] + parts[1]) + (parts[2] + parts[3]);
  }
}

EXPORT void schurComplements(const double *L, const float *crossed, const float *features, const int32_t *slots,
                             double *complements, double *z, int count, int n, int P, int D, float gamma,
                             double noise) {
  for (int c = 0; c < count; c++) {
    const float *x = features + slots[c] * D;
    double left = gamma > 0 ? 1 : 0;
    if (gamma <= 0) {
      ROLLED for (int d = 0; d < D; d++) left += (double)x[d] * (double)x[d];
    }
    left += noise;
    ROLLED for (int p = 0; p < P; p++) z[p] = crossed[c * P + p];
    for (int j = 0; j < n; j++) {
      const double *column = L + j * P;
      const double solved = z[j] / column[j];
      ROLLED for (int p = j / W * W; p < P; p += W) {
        storeWide(z + p, loadWide(z + p) - loadWide(column + p) * solved);
      }
      z[j] = solved;
      left -= solved * solved;
    }
    complements[c] = left;
  }
}
