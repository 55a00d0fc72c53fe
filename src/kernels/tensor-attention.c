/**
 * Attention to pairs of rows: each query weighs every pair (j, l) by e^(scale sum of q k1_j k2_l) and reads v1_j v2_l,
 * elementwise. Exact, a query at a time; and by monomials, whose sums over j and over l are separate.
 */
#include "attend.h"
#include "columns.h"

/** (k1, v1) and (k2, v2) of one head; q and o of one row. */
typedef struct {
  const float *q, *k1, *k2, *v1, *v2;
  float *o;
} Pairs;

/** The rows j as queries q k1_j of ordinary attention over the rows l: m, l [n], o [n, V]. */
typedef struct {
  float *queries, *m, *l, *o, *block;
} Inner;

INLINE Inner innerAt(float *scratch, int n, int K, int V) {
  float *m = scratch + n * K;
  return (Inner){scratch, m, m + n, m + 2 * n, m + 2 * n + n * V};
}

/** o = the sum of e^(m_j - M) o_j v1_j over that of e^(m_j - M) l_j, M the largest m. */
INLINE void joinRows(Pairs p, Inner inner, int n, int H, int V) {
  float highest = -__builtin_inff(), weights = 0;
  for (int j = 0; j < n; j++) highest = inner.m[j] > highest ? inner.m[j] : highest;
  fill(p.o, 0, V);
  for (int j = 0; j < n; j++) {
    const float weight = expLanes(splat(inner.m[j] - highest))[0];
    weights += weight * inner.l[j];
    for (int c = 0; c < V; c++) p.o[c] += weight * (inner.o[j * V + c] * p.v1[j * H * V + c]);
  }
  divide(p.o, weights, V);
}

/**
 * One row's output over all pairs of the first n rows.
 *
 * Shapes: q [H K], o [H V] of the row; k1, k2 [n, H K], v1, v2 [n, H V] packed rows; numbers [n] = 0 … n - 1.
 */
EXPORT void attendToPairs(const float *q, const float *k1, const float *k2, const float *v1, const float *v2, float *o,
                          const int *numbers, float *scratch, int n, int H, int K, int V, float scale) {
  const Inner inner = innerAt(scratch, n, K, V);
  for (int h = 0; h < H; h++) {
    const Pairs p = {q + h * K, k1 + h * K, k2 + h * K, v1 + h * V, v2 + h * V, o + h * V};
    for (int j = 0; j < n; j++) {
      for (int i = 0; i < K; i++) inner.queries[j * K + i] = p.q[i] * p.k1[j * H * K + i];
    }
    fill(inner.m, -__builtin_inff(), n);
    fill(inner.l, 0, n);
    fill(inner.o, 0, n * V);
    const Streams s = {inner.m, inner.l, inner.o, inner.queries, p.k2, p.v2, 1, H};
    attendListed(s, numbers, n, numbers, n, inner.block, K, V, scale, 0, 0);
    joinRows(p, inner, n, H, V);
  }
}

/** All monomials of x [K]: monomial s is monomial parents[s] times x[variables[s]], the first is 1. */
INLINE void monomialsOf(const float *x, const int *parents, const int *variables, double *monomials, int count) {
  monomials[0] = 1;
  for (int s = 1; s < count; s++) monomials[s] = monomials[parents[s]] * x[variables[s]];
}

/** sums [count, V + 1] += the row's monomials times its values, and times 1. */
INLINE void addMoments(double *sums, const double *monomials, const float *v, int count, int V) {
  for (int s = 0; s < count; s++) {
    double *row = sums + s * (V + 1);
    for (int c = 0; c < V; c++) row[c] += monomials[s] * v[c];
    row[V] += monomials[s];
  }
}

/**
 * Adds T rows to the sums of both streams.
 *
 * Shapes: sums1, sums2 [H, count, V + 1]; k1, k2 [T, H K], v1, v2 [T, H V]; parents, variables [count]; scratch [count].
 */
EXPORT void addPairMoments(double *sums1, double *sums2, const float *k1, const float *k2, const float *v1,
                           const float *v2, const int *parents, const int *variables, double *scratch, int T, int H,
                           int K, int V, int count) {
  for (int t = 0; t < T * H; t++) {
    const int head = t % H * count * (V + 1);
    monomialsOf(k1 + t * K, parents, variables, scratch, count);
    addMoments(sums1 + head, scratch, v1 + t * V, count, V);
    monomialsOf(k2 + t * K, parents, variables, scratch, count);
    addMoments(sums2 + head, scratch, v2 + t * V, count, V);
  }
}

/** o [T, H V] for q [T, H K]: the polynomial over all pairs that the sums hold; totals [V + 1] is scratch. */
EXPORT void readPairMoments(const double *sums1, const double *sums2, const float *q, float *o, const int *parents,
                            const int *variables, const double *coefficients, double *scratch, int T, int H, int K,
                            int V, int count) {
  double *totals = scratch + count;
  for (int t = 0; t < T * H; t++) {
    const int head = t % H * count * (V + 1);
    monomialsOf(q + t * K, parents, variables, scratch, count);
    for (int c = 0; c <= V; c++) totals[c] = 0;
    for (int s = 0; s < count; s++) {
      const double weight = coefficients[s] * scratch[s];
      const double *one = sums1 + head + s * (V + 1), *other = sums2 + head + s * (V + 1);
      for (int c = 0; c <= V; c++) totals[c] += weight * (one[c] * other[c]);
    }
    for (int c = 0; c < V; c++) o[t * V + c] = totals[c] / totals[V];
  }
}
