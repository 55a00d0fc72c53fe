/**
 * Two ways to softmax a long row, to be timed against each other: with one e^x a number, relative to the maximum of its
 * segment (what the operator does), and the two-pass algorithm of Dukhan and Ablavatski, which needs no maximum but
 * takes e^x twice: numbers e^x = f 2^n are summed up as one such pair.
 */
#include "softmax.c"

enum { SEGMENT = 4096, SEGMENTS_MOST = 4096 };

/** 2^n for n <= 0; 0 below -126. */
INLINE Vec scaleDown(Vec n) {
  const Vec floor = splat(-126.0f);
  const Vec inRange = select(n < floor, floor, n);
  const Bits power = (Bits)(inRange + splat(ROUNDER)) - (Bits)splat(ROUNDER);
  return zeroWhere(n < floor, powerOfTwo(power));
}

/** e^x = f 2^n: gives f, and n as a float. */
INLINE Vec split(Vec x, Vec *n) {
  *n = multiplyAdd(x, splat(LOG2_E), splat(ROUNDER)) - splat(ROUNDER);
  return expMinusOneOfSmall(x - *n * LN2_HIGH - *n * LN2_LOW) + 1;
}

/** n is a multiple of the vector's lanes. */
EXPORT void twoPasses(const float *x, float *p, int n) {
  Vec mantissas = {0}, exponents = splat(-1e9f);
  ROLLED for (int i = 0; i < n; i += W) {
    Vec exponent;
    const Vec f = split(load(x + i), &exponent);
    const Vec highest = atLeast(exponents, exponent);
    mantissas = mantissas * scaleDown(exponents - highest) + f * scaleDown(exponent - highest);
    exponents = highest;
  }
  float mantissa = 0, exponent = exponents[0];
  for (int lane = 1; lane < W; lane++) exponent = exponents[lane] > exponent ? exponents[lane] : exponent;
  const Vec scaled = mantissas * scaleDown(exponents - splat(exponent));
  for (int lane = 0; lane < W; lane++) mantissa += scaled[lane];
  ROLLED for (int i = 0; i < n; i += W) {
    Vec own;
    const Vec f = split(load(x + i), &own);
    store(p + i, f / splat(mantissa) * scaleDown(own - splat(exponent)));
  }
}

static float maxima[SEGMENTS_MOST], sums[SEGMENTS_MOST], factors[SEGMENTS_MOST];

/** n is a multiple of a segment, and there are not too many of them. */
EXPORT void onePowerEach(const float *x, float *p, int n) {
  const int segments = n / SEGMENT;
  float highest = -__builtin_inff(), sum = 0;
  for (int i = 0; i < segments; i++) softmaxSegments(x + i * SEGMENT, p + i * SEGMENT, maxima + i, sums + i, 1, SEGMENT);
  for (int i = 0; i < segments; i++) highest = maxima[i] > highest ? maxima[i] : highest;
  for (int i = 0; i < segments; i++) {
    factors[i] = weightLanes(splat(maxima[i] - highest))[0];
    sum += sums[i] * factors[i];
  }
  for (int i = 0; i < segments; i++) {
    const float factor = factors[i] / sum;
    scaleSegments(p + i * SEGMENT, &factor, 1, SEGMENT);
  }
}
