/**
 * Queries over keys of one row, which lie in a column as they came: so few queries meet a key that it is not worth
 * transposing. A score is four partial sums, of every fourth product, so that its bits are the same for every W.
 */
#pragma once

#include "attention.h"

/** Keys and values of a head, a stride apart: k [count, K], v [count, V]; phi [count, R], or null. */
typedef struct {
  const float *k, *v, *phi;
  int kStride, vStride, phiStride;
} Column;

INLINE Column columnFrom(Column column, int row) {
  column.k += row * column.kStride;
  column.v += row * column.vStride;
  column.phi += row * column.phiStride;
  return column;
}

/** The sums of four quads, each (x0 + x1) + (x2 + x3). */
INLINE Quad sumsOfQuads(const Quad x[4]) {
  const Quad low01 = __builtin_shufflevector(x[0], x[1], 0, 4, 1, 5);
  const Quad high01 = __builtin_shufflevector(x[0], x[1], 2, 6, 3, 7);
  const Quad low23 = __builtin_shufflevector(x[2], x[3], 0, 4, 1, 5);
  const Quad high23 = __builtin_shufflevector(x[2], x[3], 2, 6, 3, 7);
  const Quad first = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
  const Quad second = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
  const Quad third = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
  const Quad fourth = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
  return (first + second) + (third + fourth);
}

/** The first `lanes` (1 to 4) floats at `p`, and zeros. */
INLINE Quad loadQuad(const float *p, int lanes) {
  if (lanes >= 4) return *(const UnalignedQuad *)p;
  Quad x = {0};
  UNROLLED for (int i = 0; i < 3; i++) if (i < lanes) x[i] = p[i];
  return x;
}

INLINE void addQuads(int rows, Quad sums[2][4], const float *q, int qStride, const float *const k[4], int at,
                     int lanes) {
  Quad keys[4];
  UNROLLED for (int n = 0; n < 4; n++) keys[n] = loadQuad(k[n] + at, lanes);
  UNROLLED for (int m = 0; m < rows; m++) {
    const Quad query = loadQuad(q + m * qStride + at, lanes);
    UNROLLED for (int n = 0; n < 4; n++) sums[m][n] += query * keys[n];
  }
}

/** scores [rows, 64] = scale q . k of 2 rows or 1 row, and numbers without meaning up to the next multiple of 4. */
INLINE void scoreRows(int rows, const float *q, int qStride, Column column, int count, int K, float scale,
                      float *scores) {
  ROLLED for (int j = 0; j < count; j += 4) {
    const float *k[4];
    UNROLLED for (int n = 0; n < 4; n++) k[n] = column.k + least(j + n, count - 1) * column.kStride;
    Quad sums[2][4] = {{{0}}};
    int i = 0;
    ROLLED for (; i + 4 <= K; i += 4) addQuads(rows, sums, q, qStride, k, i, 4);
    if (i < K) addQuads(rows, sums, q, qStride, k, i, K - i);
    UNROLLED for (int m = 0; m < rows; m++) {
      *(UnalignedQuad *)(scores + m * BLOCK_KEYS + j) = sumsOfQuads(sums[m]) * scale;
    }
  }
}

/** Adds phiQ . phiK, and puts -infinity behind the last key. */
INLINE void finishScores(float *scores, const float *phiQ, Column column, int count, int R) {
  for (int j = 0; R > 0 && j < count; j++) {
    for (int r = 0; r < R; r++) scores[j] += phiQ[r] * column.phi[j * column.phiStride + r];
  }
  for (int j = count; j % TILE_COLUMNS > 0; j++) scores[j] = -__builtin_inff();
}

typedef struct {
  float *o;
  const float *weights, *rescale, *v;
  int V, vStride, count;
} Weighted;

/** o = o rescale + weights V for one tile. */
INLINE void weighTile(const void *context, Extent extent) {
  const Weighted *a = context;
  float *o = a->o + extent.column;
  Tile sums;
  EACH_ROW(m, extent) {
    const Vec rescale = splat(a->rescale[m]);
    EACH_VECTOR(n, extent) sums[m][n] = loadVector(o + m * a->V, n, extent) * rescale;
  }
  addProduct(sums, extent, a->weights, BLOCK_KEYS, a->v + extent.column, a->vStride, a->count);
  EACH_ROW(m, extent) EACH_VECTOR(n, extent) {
    storeVector(o + m * a->V, n, extent, flushLanes(sums[m][n]));
  }
}

/** Queries q [rows, K] with phiQ [rows, R], and their running softmax m, l [rows], o [rows, V]. */
typedef struct {
  const float *q, *phiQ;
  float *m, *l, *o;
} Asking;

/** Takes up to 64 keys into the running softmax of 4 queries or of 1. scores: scratch [4, 64]. */
INLINE void attendColumn(int rows, Asking asking, Column column, int count, const Shape *shape, float *scores) {
  const int K = shape->K, R = shape->R;
  const int last = (count + TILE_COLUMNS - 1) / TILE_COLUMNS * TILE_COLUMNS;
  const int pair = rows == 1 ? 1 : 2;
  UNROLLED for (int m = 0; m < rows; m += pair) {
    scoreRows(pair, asking.q + m * K, K, column, count, K, shape->scale, scores + m * BLOCK_KEYS);
  }
  float rescale[TILE_ROWS] = {0}, sums[TILE_ROWS];
  for (int m = 0; m < rows; m++) {
    float *row = scores + m * BLOCK_KEYS;
    finishScores(row, asking.phiQ + m * R, column, count, R);
    const float before = asking.m[m], highest = maximumOf(row, 0, last);
    const int keeps = !(highest > before) || highest - before <= shape->threshold;
    const float now = keeps ? before : highest;
    rescale[m] = before == now ? 0 : before - now;
    sums[m] = weigh(row, now == -__builtin_inff() ? 0 : now, 0, last);
    asking.m[m] = now;
  }
  expOfRows(rescale);
  for (int m = 0; m < rows; m++) asking.l[m] = asking.l[m] * rescale[m] + sums[m];
  const Weighted weighted = {asking.o, scores, rescale, column.v, shape->V, column.vStride, count};
  eachTileOfRows(weighTile, &weighted, 0, rows, shape->V);
}

ONCE void attendColumnFour(Asking asking, Column column, int count, const Shape *shape, float *scores) {
  attendColumn(TILE_ROWS, asking, column, count, shape, scores);
}

ONCE void attendColumnOne(Asking asking, Column column, int count, const Shape *shape, float *scores) {
  attendColumn(1, asking, column, count, shape, scores);
}

/** Takes `count` keys, 64 at a time, into the running softmax of a head's `group` queries. A bias is a head's own: group 1. */
INLINE void attendGroup(Asking asking, Column column, int group, int count, const Shape *shape, float *scores) {
  for (int from = 0; from < count; from += BLOCK_KEYS) {
    const Column part = columnFrom(column, from);
    const int keys = least(count - from, BLOCK_KEYS);
    int row = 0;
    for (; row < group; row += row + TILE_ROWS <= group ? TILE_ROWS : 1) {
      const Asking own = {asking.q + row * shape->K, asking.phiQ + row * shape->R, asking.m + row, asking.l + row,
                          asking.o + row * shape->V};
      if (row + TILE_ROWS <= group) attendColumnFour(own, part, keys, shape, scores);
      else attendColumnOne(own, part, keys, shape, scores);
    }
  }
}
