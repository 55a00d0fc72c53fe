/**
 * Listed queries attend over listed keys: online softmax, a block of keys at a time.
 *
 * Shapes: m, l [T, H], o [T, H V], the running maximum, sum and weighted values of each row, which later calls add to;
 * q, k [T, H K], v [T, H V] packed rows, H being as many heads as the queries have or as the keys have; `queries` and `keys` number the rows of them that take part.
 */
#pragma once

#include "math.h"
#include "tile.h"

enum { KEY_ROWS = 64 };

/** One head of the rows, which are so many heads wide: those of the queries (q, m, l, o) and those of the keys (k, v). */
typedef struct {
  float *m, *l, *o;
  const float *q, *k, *v;
  int queryHeads, keyHeads, K, V;
} Streams;

INLINE int queryRow(Streams s, int row) { return row * s.queryHeads; }
INLINE int keyRow(Streams s, int row) { return row * s.keyHeads; }

/** A block: keys [K, KEY_ROWS], values [KEY_ROWS, V]; and a tile: queries [TILE_ROWS, K], scores [TILE_ROWS, KEY_ROWS]. */
typedef struct {
  float *keys, *values, *queries, *scores;
} Gathered;

INLINE Gathered gatheredAt(float *scratch, int K, int V) {
  float *values = scratch + K * KEY_ROWS;
  float *queries = values + KEY_ROWS * V;
  return (Gathered){scratch, values, queries, queries + TILE_ROWS * K};
}

INLINE void copyRow(const float *from, float *to, int n) {
  int i = 0;
  ROLLED for (; i + W <= n; i += W) store(to + i, load(from + i));
  for (; i < n; i++) to[i] = from[i];
}

/** Keys as columns, values as rows. */
INLINE void gatherKeys(Gathered to, Streams s, const int *rows, int count) {
  for (int j = 0; j < count; j++) {
    const float *key = s.k + keyRow(s, rows[j]) * s.K;
    for (int i = 0; i < s.K; i++) to.keys[i * KEY_ROWS + j] = key[i];
    copyRow(s.v + keyRow(s, rows[j]) * s.V, to.values + j * s.V, s.V);
  }
}

typedef struct {
  Gathered block;
  Streams streams;
  const int *rows;
  const float *fade;
  float scale, bias;
  int count;
} Attending;

INLINE void scoreTile(const void *context, Extent extent) {
  const Attending *a = context;
  const int K = a->streams.K;
  Tile sums = {0};
  addProduct(sums, extent, a->block.queries + extent.row * K, K, a->block.keys + extent.column, KEY_ROWS, K);
  EACH_ROW(m, extent) EACH_VECTOR(n, extent) {
    float *scores = a->block.scores + (extent.row + m) * KEY_ROWS + extent.column;
    storeVector(scores, n, extent, multiplyAdd(sums[m][n], splat(a->scale), splat(a->bias)));
  }
}

/** o = fade o + p v, over the block's keys in their order. */
INLINE void valueTile(const void *context, Extent extent) {
  const Attending *a = context;
  const int V = a->streams.V;
  float *o[TILE_ROWS];
  Tile sums = {0};
  EACH_ROW(m, extent) {
    o[m] = a->streams.o + queryRow(a->streams, a->rows[extent.row + m]) * V + extent.column;
    EACH_VECTOR(n, extent) sums[m][n] = loadVector(o[m], n, extent) * a->fade[extent.row + m];
  }
  addProduct(sums, extent, a->block.scores + extent.row * KEY_ROWS, KEY_ROWS, a->block.values + extent.column, V,
             a->count);
  EACH_ROW(m, extent) EACH_VECTOR(n, extent) storeVector(o[m], n, extent, sums[m][n]);
}

INLINE float largest(const float *x, int n, float most) {
  Vec lanes = splat(most);
  int i = 0;
  ROLLED for (; i + W <= n; i += W) lanes = atLeast(lanes, load(x + i));
  UNROLLED for (int c = 0; c < W; c++) most = lanes[c] > most ? lanes[c] : most;
  for (; i < n; i++) most = x[i] > most ? x[i] : most;
  return most;
}

INLINE float exponential(float x) { return expLanes(splat(x))[0]; }

/** p [n] = e^(p - m); the sum of them, one after the other. */
INLINE float weigh(float *p, float m, int n) {
  int i = 0;
  ROLLED for (; i + W <= n; i += W) store(p + i, expLanes(load(p + i) - m));
  if (i < n) storeLanes(p + i, expLanes(loadLanes(p + i, n - i) - m), n - i);
  float sum = 0;
  for (i = 0; i < n; i++) sum += p[i];
  return sum;
}

/** Scores become weights relative to the row's new maximum; returns by how much the old ones fade. */
INLINE float softmaxRow(Streams s, int row, float *scores, int count) {
  float *m = s.m + queryRow(s, row), *l = s.l + queryRow(s, row);
  const float most = largest(scores, count, *m);
  const float fade = exponential(*m - most);
  *l = *l * fade + weigh(scores, most, count);
  *m = most;
  return fade;
}

/** A tile of up to TILE_ROWS queries against the gathered block; query i of it sees `visible + i` keys, all at most. */
INLINE void attendTile(Attending *a, int rows, int visible) {
  const Streams s = a->streams;
  float fade[TILE_ROWS];
  for (int i = 0; i < rows; i++) copyRow(s.q + queryRow(s, a->rows[i]) * s.K, a->block.queries + i * s.K, s.K);
  eachTile(scoreTile, a, rows, a->count);
  for (int i = 0; i < rows; i++) {
    float *scores = a->block.scores + i * KEY_ROWS;
    const int seen = visible + i < a->count ? visible + i : a->count;
    fade[i] = softmaxRow(s, a->rows[i], scores, seen);
    fill(scores + seen, 0, a->count - seen);
  }
  a->fade = fade;
  eachTile(valueTile, a, rows, s.V);
}

/**
 * Adds what the listed keys give to the listed queries' rows of (m, l, o), each logit being scale q . k + bias.
 * `causal`: query number i sees the keys numbered 0 to i.
 */
INLINE void attendListed(Streams s, const int *queries, int queryCount, const int *keys, int keyCount, float *scratch,
                         float scale, float bias, int causal) {
  const Gathered block = gatheredAt(scratch, s.K, s.V);
  for (int from = 0; from < keyCount; from += KEY_ROWS) {
    const int count = keyCount - from < KEY_ROWS ? keyCount - from : KEY_ROWS;
    gatherKeys(block, s, keys + from, count);
    for (int i = causal ? from : 0; i < queryCount; i += TILE_ROWS) {
      const int rows = queryCount - i < TILE_ROWS ? queryCount - i : TILE_ROWS;
      Attending a = {block, s, queries + i, 0, scale, bias, count};
      attendTile(&a, rows, causal ? i - from + 1 : count);
    }
  }
}

/** o /= l, and m + log l in place of l; a row that has seen no key is 0, its log-sum-exp -infinity. */
INLINE void finishRow(float *o, float *l, float m, int V) {
  if (*l > 0) divide(o, *l, V);
  *l = m + logLanes(splat(*l))[0];
}
