/**
 * Softmax attention over one block of 64 keys at a time, with a running maximum and sum (online softmax).
 *
 *   s_j = query . key_j + phiQ . phiK_j + (decay_row - decay_j)
 *   m' = max(m, max s)      p_j = e^(s_j - m')
 *   l' = l e^(m - m') + sum of p_j      o' = o e^(m - m') + sum of p_j v_j
 *
 * A row takes the keys of its own span of the block, in their order, and nothing else: its sums are the same in a tile
 * of four rows as alone, and what lies outside of the span (the remains of an evicted key) is never multiplied.
 */
#pragma once

#include "chunk.h"
#include "weight.h"

enum { BLOCK_KEYS = 64 };

/** What all heads share; the TypeScript side fills it in (`attentionShape`). */
typedef struct {
  /** Heads of queries, heads of keys and values, widths of keys and values, rank of the bias. */
  int32_t H, kvHeads, K, V, R;
  /** Blocks that a ring holds, and how many of them are never evicted. */
  int32_t ringBlocks, sinkBlocks;
  int32_t windowRows, sinkRows;
  /** Whether heads have log decays. */
  int32_t decays;
  float scale;
  /** o is rescaled once the maximum has grown by more than this. Below 0: always. */
  float threshold;
} Shape;

/** keys [K, 64] transposed, values [64, V], phi [R, 64]; decay [64], the sums of all log decays up to each key. */
typedef struct {
  float *keys, *values, *phi;
  double *decay;
} Block;

/**
 * Rows of queries and their running softmax. query [rows, K + R]: scaled, phiQ behind; m, l a `stride` apart, o an
 * `oStride`. decay [rows], or null.
 */
typedef struct {
  const float *query;
  const double *decay;
  float *m, *l, *o;
  int stride, oStride;
} Queries;

/** Each row's keys in the block: `from` to below `to`. */
typedef struct {
  int from[TILE_ROWS], to[TILE_ROWS];
} Spans;

/** What the tile's rows have together: all keys that some row takes, and those that each of them takes. */
typedef struct {
  int from, to, commonFrom, commonTo;
} Hull;

INLINE int least(int a, int b) { return a < b ? a : b; }
INLINE int most(int a, int b) { return a > b ? a : b; }

INLINE Hull hullOf(const Spans *spans, int rows) {
  Hull hull = {BLOCK_KEYS, 0, 0, BLOCK_KEYS};
  UNROLLED for (int m = 0; m < rows; m++) {
    if (spans->from[m] < spans->to[m]) {
      hull.from = least(hull.from, spans->from[m]);
      hull.to = most(hull.to, spans->to[m]);
    }
    hull.commonFrom = most(hull.commonFrom, spans->from[m]);
    hull.commonTo = least(hull.commonTo, spans->to[m]);
  }
  if (hull.commonFrom >= hull.commonTo) hull.commonFrom = hull.commonTo = hull.to;
  return hull;
}

INLINE Queries queriesFrom(Queries queries, int row, int width) {
  queries.query += row * width;
  if (queries.decay) queries.decay += row;
  queries.m += row * queries.stride;
  queries.l += row * queries.stride;
  queries.o += row * queries.oStride;
  return queries;
}

/** scores [rows, 64] over the columns of the hull, by whole tiles; -infinity outside of a row's span. */
INLINE void scoreBlock(int rows, Queries queries, Block block, const Shape *shape, const Spans *spans, int first,
                       int last, float *scores) {
  const int K = shape->K, R = shape->R;
  for (int column = first; column < last; column += TILE_COLUMNS) {
    const Extent extent = {0, column, rows, TILE_VECTORS, W};
    Tile sums = {0};
    addProduct(sums, extent, queries.query, K + R, block.keys + column, BLOCK_KEYS, K);
    if (R > 0) addProduct(sums, extent, queries.query + K, K + R, block.phi + column, BLOCK_KEYS, R);
    EACH_ROW(m, extent) EACH_VECTOR(n, extent) {
      if (queries.decay) {
        sums[m][n] += narrow(splatWide(queries.decay[m]) - loadWide(block.decay + column + n * W));
      }
      store(scores + m * BLOCK_KEYS + column + n * W, sums[m][n]);
    }
  }
  for (int m = 0; m < rows; m++) {
    float *row = scores + m * BLOCK_KEYS;
    for (int j = first; j < last && j < spans->from[m]; j++) row[j] = -__builtin_inff();
    for (int j = most(first, spans->to[m]); j < last; j++) row[j] = -__builtin_inff();
  }
}

INLINE float maximumOf(const float *x, int first, int last) {
  Vec highest = splat(-__builtin_inff());
  ROLLED for (int j = first; j < last; j += W) highest = atLeast(highest, load(x + j));
  float result = highest[0];
  UNROLLED for (int i = 1; i < W; i++) result = highest[i] > result ? highest[i] : result;
  return result;
}

/** x = e^(x - m), negligible ones 0; gives their sum. */
INLINE float weigh(float *x, float m, int first, int last) {
  Quad sums = {0};
  ROLLED for (int j = first; j < last; j += W) {
    const Vec weight = weightLanes(load(x + j) - splat(m));
    store(x + j, weight);
    sums = addByQuads(sums, weight);
  }
  return sumOfQuad(sums);
}

/** e^x of each of the tile's rows, W or fewer of them. */
INLINE void expOfRows(float x[TILE_ROWS]) {
  storeLanes(x, weightLanes(loadLanes(x, TILE_ROWS)), TILE_ROWS);
}

/** Adds the keys from `from` to `to` that are not every row's, each to the rows whose span has it. */
INLINE void addRagged(Tile sums, Extent extent, const Spans *spans, const float *weights, const float *values, int V,
                      int from, int to) {
  ROLLED for (int j = from; j < to; j++) {
    Vec value[TILE_VECTORS];
    EACH_VECTOR(n, extent) value[n] = loadVector(values + j * V, n, extent);
    EACH_ROW(m, extent) if (spans->from[m] <= j && j < spans->to[m]) {
      const Vec weight = splat(weights[m * BLOCK_KEYS + j]);
      EACH_VECTOR(n, extent) sums[m][n] = multiplyAdd(weight, value[n], sums[m][n]);
    }
  }
}

typedef struct {
  Queries queries;
  Block block;
  const Spans *spans;
  Hull hull;
  const float *weights, *rescale;
  int V;
} Accumulation;

/** o = o rescale + weights V for one tile. */
INLINE void accumulateTile(const void *context, Extent extent) {
  const Accumulation *a = context;
  const int V = a->V;
  const Hull hull = a->hull;
  const float *values = a->block.values + extent.column;
  float *o = a->queries.o + extent.column;
  Tile sums;
  EACH_ROW(m, extent) {
    const Vec rescale = splat(a->rescale[m]);
    EACH_VECTOR(n, extent) sums[m][n] = loadVector(o + m * a->queries.oStride, n, extent) * rescale;
  }
  addRagged(sums, extent, a->spans, a->weights, values, V, hull.from, hull.commonFrom);
  addProduct(sums, extent, a->weights + hull.commonFrom, BLOCK_KEYS, values + hull.commonFrom * V, V,
             hull.commonTo - hull.commonFrom);
  addRagged(sums, extent, a->spans, a->weights, values, V, hull.commonTo, hull.to);
  EACH_ROW(m, extent) EACH_VECTOR(n, extent) {
    storeVector(o + m * a->queries.oStride, n, extent, flushLanes(sums[m][n]));
  }
}

/** Takes a block into the running softmax of `rows` (4 or 1) rows. Gives how many of them were not rescaled. */
INLINE int attendTile(int rows, Queries queries, Block block, const Shape *shape, const Spans *spans, float *scores) {
  const Hull hull = hullOf(spans, rows);
  if (hull.from >= hull.to) return 0;
  const int first = hull.from / TILE_COLUMNS * TILE_COLUMNS;
  const int last = (hull.to + TILE_COLUMNS - 1) / TILE_COLUMNS * TILE_COLUMNS;
  scoreBlock(rows, queries, block, shape, spans, first, last, scores);
  float rescale[TILE_ROWS] = {0}, sums[TILE_ROWS];
  int kept = 0;
  for (int m = 0; m < rows; m++) {
    float *row = scores + m * BLOCK_KEYS;
    const float before = queries.m[m * queries.stride];
    const float highest = maximumOf(row, first, last);
    const float growth = highest > before ? highest - before : 0;
    const int keeps = spans->from[m] < spans->to[m] && growth <= shape->threshold;
    const float now = keeps || highest < before ? before : highest;
    kept += keeps;
    rescale[m] = before == now ? 0 : before - now;
    sums[m] = weigh(row, now == -__builtin_inff() ? 0 : now, first, last);
    queries.m[m * queries.stride] = now;
  }
  expOfRows(rescale);
  for (int m = 0; m < rows; m++) {
    float *l = queries.l + m * queries.stride;
    *l = *l * rescale[m] + sums[m];
  }
  const Accumulation accumulation = {queries, block, spans, hull, scores, rescale, shape->V};
  eachTileOfRows(accumulateTile, &accumulation, 0, rows, shape->V);
  return kept;
}

ONCE int attendFour(Queries queries, Block block, const Shape *shape, const Spans *spans, float *scores) {
  return attendTile(TILE_ROWS, queries, block, shape, spans, scores);
}

ONCE int attendOne(Queries queries, Block block, const Shape *shape, const Spans *spans, float *scores) {
  return attendTile(1, queries, block, shape, spans, scores);
}

/** Packs one row of queries: scaled, with phiQ [R] behind. */
INLINE void packQuery(const float *q, const float *phiQ, const Shape *shape, float *packed) {
  const int K = shape->K;
  int i = 0;
  ROLLED for (; i + W <= K; i += W) store(packed + i, load(q + i) * splat(shape->scale));
  for (; i < K; i++) packed[i] = q[i] * shape->scale;
  for (int r = 0; r < shape->R; r++) packed[K + r] = phiQ[r];
}

/** Puts `count` keys and values behind the `first` that the block has; their rows are the strides apart. */
INLINE void keepKeys(Block block, const Shape *shape, const float *k, int keyStride, const float *v, int valueStride,
                     int first, int count) {
  const Chunk chunk = {0, block.keys, block.values, shape->K, shape->V, BLOCK_KEYS};
  const Rows rows = {0, k, v, 0, keyStride, valueStride};
  const Part part = {first, count, 0, 0, 1};
  storeKeys(chunk, rows, part);
  storeValues(chunk, rows, part);
}

/** The same for a head's phiK [count, R]. */
INLINE void keepPhi(float *phi, int R, const float *phiK, int stride, int first, int count) {
  const Chunk chunk = {0, phi, 0, R, 0, BLOCK_KEYS};
  storeKeys(chunk, (Rows){0, phiK, 0, 0, stride, 0}, (Part){first, count, 0, 0, 1});
}

/** m + log l, and o / l; -infinity and zeros where no key was taken. */
INLINE float normalize(float *o, float m, float l, int V) {
  if (l == 0) {
    fill(o, 0, V);
    return -__builtin_inff();
  }
  divide(o, l, V);
  return m + logLanes(splat(l))[0];
}
