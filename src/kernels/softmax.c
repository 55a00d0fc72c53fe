/** Softmax of rows of numbers, a segment at a time: e^x is taken once, relative to the segment's own maximum. */
#include "columns.h"
#include "weight.h"

enum { SUMS = 4 };

typedef float Quad __attribute__((vector_size(16)));
typedef float UnalignedQuad __attribute__((vector_size(16), aligned(4), may_alias));

INLINE float highestOf(const float *x, int n) {
  Vec highest[SUMS];
  UNROLLED for (int i = 0; i < SUMS; i++) highest[i] = splat(-__builtin_inff());
  int i = 0;
  ROLLED for (; i + SUMS * W <= n; i += SUMS * W) {
    UNROLLED for (int c = 0; c < SUMS; c++) highest[c] = atLeast(highest[c], load(x + i + c * W));
  }
  float result = -__builtin_inff();
  UNROLLED for (int c = 0; c < SUMS; c++) {
    UNROLLED for (int lane = 0; lane < W; lane++) result = highest[c][lane] > result ? highest[c][lane] : result;
  }
  for (; i < n; i++) result = x[i] > result ? x[i] : result;
  return result;
}

/** Adds a vector's numbers, of which the first is number `at`, each to the sum of its number modulo 16. */
INLINE void addInTurn(Quad sums[SUMS], int at, Vec x) {
  const UnalignedQuad *quads = (const UnalignedQuad *)&x;
  UNROLLED for (int i = 0; i < W / 4; i++) sums[(at / 4 + i) % SUMS] += quads[i];
}

/** p = e^(x - from), n numbers; gives their sum. */
INLINE float powersOf(const float *x, float *p, Vec from, int n) {
  Quad sums[SUMS] = {{0}};
  int i = 0;
  ROLLED for (; i + SUMS * W <= n; i += SUMS * W) {
    UNROLLED for (int c = 0; c < SUMS; c++) {
      const Vec power = weightLanes(load(x + i + c * W) - from);
      store(p + i + c * W, power);
      addInTurn(sums, c * W, power);
    }
  }
  UNROLLED for (int c = 0; c < SUMS; c++) {
    const int lanes = n - i - c * W < W ? n - i - c * W : W;
    if (lanes <= 0) break;
    const Vec power = weightLanes(loadLanes(x + i + c * W, lanes) - from);
    storeLanes(p + i + c * W, power, lanes);
    addInTurn(sums, c * W, zeroWhere(laneIndices(0) >= lanes, power));
  }
  const Quad total = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  return (total[0] + total[1]) + (total[2] + total[3]);
}

/**
 * p = e^(x - maximum) of each of `rows` segments of n numbers; maximum [rows], sum [rows] of p. A sum that is NaN tells
 * of a number that is NaN or +infinity. Where all of x is -infinity, p and its sum are 0.
 */
EXPORT void softmaxSegments(const float *x, float *p, float *maximum, float *sum, int rows, int n) {
  for (int row = 0; row < rows; row++) {
    const float highest = highestOf(x + row * n, n);
    maximum[row] = highest;
    sum[row] = powersOf(x + row * n, p + row * n, splat(highest == -__builtin_inff() ? 0 : highest), n);
  }
}

/** p *= factor [rows], for `rows` segments of n numbers. */
EXPORT void scaleSegments(float *p, const float *factor, int rows, int n) {
  for (int row = 0; row < rows; row++) {
    float *powers = p + row * n;
    int i = 0;
    ROLLED for (; i + W <= n; i += W) store(powers + i, load(powers + i) * splat(factor[row]));
    for (; i < n; i++) powers[i] *= factor[row];
  }
}
