/**
 * Fast Fourier transforms in float64, of four sequences at a time, and the circular products that they give.
 *
 * Shapes: re, im [n, 4], n a power of two; roots [n / 2], e^(-2 pi i k / n).
 */
#include "lanes.h"

/** One place of four sequences, whatever W is. */
typedef double Four __attribute__((vector_size(32)));

/** To frequencies in bit-reversed order, in place. */
EXPORT void toFrequencies(Four *re, Four *im, const double *rootRe, const double *rootIm, int n) {
  for (int half = n / 2; half >= 1; half /= 2) {
    const int stride = n / (2 * half);
    for (int start = 0; start < n; start += 2 * half) {
      ROLLED for (int k = 0; k < half; k++) {
        const int a = start + k, b = a + half;
        const double cos = rootRe[k * stride], sin = rootIm[k * stride];
        const Four x = re[a] - re[b], y = im[a] - im[b];
        re[a] += re[b];
        im[a] += im[b];
        re[b] = x * cos - y * sin;
        im[b] = x * sin + y * cos;
      }
    }
  }
}

/** Back from frequencies in bit-reversed order, in place, n times too large. */
EXPORT void fromFrequencies(Four *re, Four *im, const double *rootRe, const double *rootIm, int n) {
  for (int half = 1; half < n; half *= 2) {
    const int stride = n / (2 * half);
    for (int start = 0; start < n; start += 2 * half) {
      ROLLED for (int k = 0; k < half; k++) {
        const int a = start + k, b = a + half;
        const double cos = rootRe[k * stride], sin = rootIm[k * stride];
        const Four x = re[b] * cos + im[b] * sin, y = im[b] * cos - re[b] * sin;
        re[b] = re[a] - x;
        im[b] = im[a] - y;
        re[a] += x;
        im[a] += y;
      }
    }
  }
}

/** Each place of the four sequences times the same place of one, factorRe, factorIm [n]. */
EXPORT void multiplyPlaces(Four *re, Four *im, const double *factorRe, const double *factorIm, int n) {
  ROLLED for (int i = 0; i < n; i++) {
    const Four x = re[i] * factorRe[i] - im[i] * factorIm[i];
    im[i] = re[i] * factorIm[i] + im[i] * factorRe[i];
    re[i] = x;
  }
}
