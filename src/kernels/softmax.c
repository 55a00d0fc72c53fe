/** Softmax of rows of numbers, a segment at a time: e^x is taken once, relative to the segment's own maximum. */
#include "columns.h"
#include "math.h"
#include "negligible.h"

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

/**
 * p = e^(x - maximum) of each of `rows` segments of n numbers; maximum [rows], sum [rows] of p. A sum that is NaN tells
 * of a number that is NaN or +infinity. Where all of x is -infinity, p and its sum are 0.
 */
EXPORT void softmaxSegments(const float *x, float *p, float *maximum, float *sum, int rows, int n) {
  for (int row = 0; row < rows; row++) {
    const float *logits = x + row * n;
    float *powers = p + row * n;
    const float highest = highestOf(logits, n);
    const Vec from = splat(highest == -__builtin_inff() ? 0 : highest);
    Quad sums[SUMS] = {{0}};
    int i = 0;
    ROLLED for (; i + SUMS * W <= n; i += SUMS * W) {
      UNROLLED for (int c = 0; c < SUMS; c++) {
        const Vec power = flushLanes(expLanes(load(logits + i + c * W) - from));
        store(powers + i + c * W, power);
        addInTurn(sums, c * W, power);
      }
    }
    for (; i < n; i += W) {
      const int lanes = n - i < W ? n - i : W;
      Vec power = flushLanes(expLanes(loadLanes(logits + i, lanes) - from));
      power = zeroWhere(laneIndices(0) >= lanes, power);
      storeLanes(powers + i, power, lanes);
      addInTurn(sums, i, power);
    }
    const Quad total = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    maximum[row] = highest;
    sum[row] = (total[0] + total[1]) + (total[2] + total[3]);
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
