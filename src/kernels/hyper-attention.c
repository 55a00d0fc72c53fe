/**
 * HyperAttention: hashes that bring like vectors together, and exact attention between listed rows.
 */
#include "attend.h"
#include "columns.h"

enum { MOST_PROJECTIONS = 16 };

/** Bit i of the result says whether lane i is positive. */
INLINE int positiveLanes(Wide x) {
  int bits = 0;
  UNROLLED for (int i = 0; i < W; i++) bits |= (x[i] > 0) << i;
  return bits;
}

/**
 * Each row's angular hash: the Gray code of the number whose bit p says whether x . projection p is positive.
 *
 * Shapes: x [T, H K], of which the head's K numbers are hashed; projections [K, 16], the last of them zeros where there
 * are fewer than 16; hashes [T].
 */
EXPORT void angularHashes(const float *x, const double *projections, int *hashes, int T, int H, int K, int P,
                          int head) {
  for (int t = 0; t < T; t++) {
    const float *row = x + (t * H + head) * K;
    int code = 0;
    for (int p = 0; p < P; p += W) {
      Wide sums = {0};
      ROLLED for (int i = 0; i < K; i++) {
        sums += splatWide(row[i]) * loadWide(projections + i * MOST_PROJECTIONS + p);
      }
      code |= positiveLanes(sums) << p;
    }
    hashes[t] = code ^ (code >> 1);
  }
}

EXPORT void attendRows(float *m, float *l, float *o, const float *q, const float *k, const float *v,
                       const int *queries, const int *keys, float *scratch, int queryCount, int keyCount, int H, int K,
                       int V, int head, float scale, float bias, int causal) {
  const int key = head * K, value = head * V;
  const Streams s = {m + head, l + head, o + value, q + key, k + key, v + value, H, H};
  attendListed(s, queries, queryCount, keys, keyCount, scratch, K, V, scale, bias, causal);
}

EXPORT void finishAttention(const float *m, float *l, float *o, int T, int H, int V) {
  for (int t = 0; t < T * H; t++) l[t] = normalize(o + t * V, m[t], l[t], V);
}
