/**
 * Listed queries attend over listed keys: what is listed is gathered into blocks and tiles of `attention.h`.
 *
 * Shapes: m, l [T, H], o [T, H V], the running maximum, sum and weighted values of each row, which later calls add to;
 * q, k [T, H K], v [T, H V] packed rows, H being as many heads as the queries have or as the keys have; `queries` and
 * `keys` number the rows of them that take part.
 */
#pragma once

#include "attention.h"

/** One head of the rows, which are so many heads wide: those of the queries (q, m, l, o) and those of the keys (k, v). */
typedef struct {
  float *m, *l, *o;
  const float *q, *k, *v;
  int queryHeads, keyHeads;
} Streams;

/** A block of keys, a tile of queries with their running softmax, and its scores. */
typedef struct {
  Block block;
  float *query, *m, *l, *o, *scores;
} Gathered;

/** scratch: keys [K, 64], values [64, V], phi [64], query [4, K + 1], m [4], l [4], o [4, V], scores [4, 64]. */
INLINE Gathered gatheredAt(float *scratch, const Shape *shape) {
  float *values = scratch + shape->K * BLOCK_KEYS;
  float *phi = values + shape->V * BLOCK_KEYS;
  float *query = phi + BLOCK_KEYS;
  float *m = query + TILE_ROWS * (shape->K + 1);
  float *l = m + TILE_ROWS, *o = l + TILE_ROWS;
  return (Gathered){{scratch, values, phi, 0}, query, m, l, o, o + TILE_ROWS * shape->V};
}

INLINE void gatherKeys(Gathered to, Streams s, const int *keys, int count, const Shape *shape) {
  for (int j = 0; j < count; j++) {
    const int row = keys[j] * s.keyHeads;
    keepKeys(to.block, shape, s.k + row * shape->K, 0, s.v + row * shape->V, 0, j, 1);
  }
}

INLINE void gatherQuery(Gathered to, Streams s, int i, int row, const Shape *shape) {
  const float one = 1;
  packQuery(s.q + row * shape->K, &one, shape, to.query + i * (shape->K + 1));
  to.m[i] = s.m[row];
  to.l[i] = s.l[row];
  map(same, s.o + row * shape->V, to.o + i * shape->V, shape->V);
}

INLINE void scatterQuery(Gathered from, Streams s, int i, int row, const Shape *shape) {
  s.m[row] = from.m[i];
  s.l[row] = from.l[i];
  map(same, from.o + i * shape->V, s.o + row * shape->V, shape->V);
}

/** Up to four queries against the gathered block; query number i of them sees `visible + i` keys, all at most. */
INLINE void attendGathered(Gathered at, Streams s, const int *queries, int rows, int visible, int count,
                           const Shape *shape) {
  const Queries tile = {at.query, 0, at.m, at.l, at.o, 1, shape->V};
  Spans spans = {0};
  for (int i = 0; i < rows; i++) {
    gatherQuery(at, s, i, queries[i] * s.queryHeads, shape);
    spans.to[i] = least(visible + i, count);
  }
  if (rows == TILE_ROWS) attendFour(tile, at.block, shape, &spans, at.scores);
  for (int i = 0; i < rows && rows < TILE_ROWS; i++) {
    const Spans own = {{0}, {spans.to[i]}};
    attendOne(queriesFrom(tile, i, shape->K + 1), at.block, shape, &own, at.scores);
  }
  for (int i = 0; i < rows; i++) scatterQuery(at, s, i, queries[i] * s.queryHeads, shape);
}

/**
 * Adds what the listed keys give to the listed queries' rows of (m, l, o), each logit being scale q . k + bias: a bias
 * of rank 1. `causal`: query number i sees the keys numbered 0 to i.
 */
INLINE void attendListed(Streams s, const int *queries, int queryCount, const int *keys, int keyCount, float *scratch,
                         int K, int V, float scale, float bias, int causal) {
  const Shape shape = {.H = 1, .kvHeads = 1, .K = K, .V = V, .R = 1, .scale = scale, .threshold = -1};
  const Gathered at = gatheredAt(scratch, &shape);
  fill(at.block.phi, bias, BLOCK_KEYS);
  for (int from = 0; from < keyCount; from += BLOCK_KEYS) {
    const int count = least(keyCount - from, BLOCK_KEYS);
    gatherKeys(at, s, keys + from, count, &shape);
    for (int i = causal ? from : 0; i < queryCount; i += TILE_ROWS) {
      const int rows = least(queryCount - i, TILE_ROWS);
      attendGathered(at, s, queries + i, rows, causal ? i - from + 1 : count, count, &shape);
    }
  }
}
