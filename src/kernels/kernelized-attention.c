/**
 * Attention whose weights are a product of features of query and key, times a weight of their distance.
 *
 * Shapes: keys [H, R, M, 64], the features of the rows in a ring of R blocks, transposed; values [H, R, 64, V];
 * distances [H, W + 1 + 2 DISTANCE_MARGIN], the weights of distances W … 0 between zeros; projections [K, M];
 * q, k [T, H K], v, o [T, H V] packed rows; scratch: vectors [64, K], features [64, M], scores [TILE_ROWS, 64].
 */
#include "columns.h"
#include "math.h"
#include "tile.h"

enum { BLOCK_ROWS = 64, DISTANCE_MARGIN = 4 };

typedef struct {
  int T, H, K, V, M, R, window, position, seen;
} Call;

typedef struct {
  float *vectors, *features, *scores;
} Scratch;

/** One head; the ring's open block is number `open`, its rows before `first` are there. */
typedef struct {
  float *keys, *values;
  const float *distances, *projections;
  int open;
} Head;

typedef struct {
  const float *vectors, *projections;
  float *features;
  int K, M;
} Projecting;

INLINE void featureTile(const void *context, Extent extent) {
  const Projecting *p = context;
  Tile sums = {0};
  addProduct(sums, extent, p->vectors + extent.row * p->K, p->K, p->projections + extent.column, p->M, p->K);
  EACH_ROW(m, extent) EACH_VECTOR(n, extent) {
    storeVector(p->features + (extent.row + m) * p->M + extent.column, n, extent, expLanes(sums[m][n]));
  }
}

/** y = x / |x|; zeros stay. */
INLINE void toUnitLength(const float *x, float *y, int K) {
  double square = 0;
  for (int i = 0; i < K; i++) square += (double)x[i] * x[i];
  const float length = square > 0 ? __builtin_sqrt(square) : 1;
  for (int i = 0; i < K; i++) y[i] = x[i] / length;
}

/** features [count, M] of rows `stride` apart: e^(w . x / |x|), or x itself where there are no projections. */
ONCE void mapFeatures(const float *x, int stride, const float *projections, Scratch scratch, int count, int K, int M) {
  for (int i = 0; i < count; i++) {
    if (projections) toUnitLength(x + i * stride, scratch.vectors + i * K, K);
    else for (int f = 0; f < M; f++) scratch.features[i * M + f] = x[i * stride + f];
  }
  if (projections) eachTile(featureTile, &(Projecting){scratch.vectors, projections, scratch.features, K, M}, count, M);
}

ONCE void keepRows(Head head, const float *v, int stride, Scratch scratch, int first, int count, int M, int V) {
  float *keys = head.keys + head.open * M * BLOCK_ROWS + first;
  float *values = head.values + (head.open * BLOCK_ROWS + first) * V;
  for (int i = 0; i < count; i++) {
    for (int f = 0; f < M; f++) keys[f * BLOCK_ROWS + i] = scratch.features[i * M + f];
    for (int c = 0; c < V; c++) values[i * V + c] = v[i * stride + c];
  }
}

/** A tile of queries, the first of them row `row` of its block, against the columns `from` to `to` of a block. */
typedef struct {
  const float *features, *keys, *values, *distances;
  float *scores, *o;
  int M, V, stride, from, to;
} Attending;

/** scores = (phi(q) . phi(k)) c; the distances of the tile's row m begin m floats before those of its first. */
INLINE void scoreTile(const void *context, Extent extent) {
  const Attending *a = context;
  const int column = a->from + extent.column;
  Tile sums = {0};
  addProduct(sums, extent, a->features + extent.row * a->M, a->M, a->keys + column, BLOCK_ROWS, a->M);
  EACH_ROW(m, extent) EACH_VECTOR(n, extent) {
    const Vec weight = loadVector(a->distances + column - (extent.row + m), n, extent);
    storeVector(a->scores + (extent.row + m) * BLOCK_ROWS + column, n, extent, sums[m][n] * weight);
  }
}

INLINE void valueTile(const void *context, Extent extent) {
  const Attending *a = context;
  Tile sums;
  float *o = a->o + extent.row * a->stride + extent.column;
  EACH_ROW(m, extent) EACH_VECTOR(n, extent) sums[m][n] = loadVector(o + m * a->stride, n, extent);
  addProduct(sums, extent, a->scores + extent.row * BLOCK_ROWS + a->from, BLOCK_ROWS,
             a->values + a->from * a->V + extent.column, a->V, a->to - a->from);
  EACH_ROW(m, extent) EACH_VECTOR(n, extent) storeVector(o + m * a->stride, n, extent, sums[m][n]);
}

/** `rows` queries from row `row` of the open block on, the first of which sees `before` rows before its own. */
ONCE void attendTile(Head head, Attending a, int rows, int row, int before, Call call) {
  const float *distances = head.distances + DISTANCE_MARGIN + call.window - row;
  float weights[TILE_ROWS] = {0};
  for (int i = 0; i < rows; i++) fill(a.o + i * a.stride, 0, call.V);
  for (int back = (before - row + BLOCK_ROWS - 1) / BLOCK_ROWS; back >= 0; back--) {
    const int slot = (head.open - back + call.R) % call.R;
    const int lowest = row - before + back * BLOCK_ROWS;
    a.from = lowest > 0 ? lowest : 0;
    a.to = back > 0 ? BLOCK_ROWS : row + rows;
    a.keys = head.keys + slot * call.M * BLOCK_ROWS;
    a.values = head.values + slot * BLOCK_ROWS * call.V;
    a.distances = distances - back * BLOCK_ROWS;
    eachTile(scoreTile, &a, rows, a.to - a.from);
    eachTile(valueTile, &a, rows, call.V);
    for (int i = 0; i < rows; i++) {
      for (int j = a.from; j < a.to; j++) weights[i] += a.scores[i * BLOCK_ROWS + j];
    }
  }
  for (int i = 0; i < rows; i++) if (weights[i] > 0) divide(a.o + i * a.stride, weights[i], call.V);
}

INLINE int least(int a, int b) { return a < b ? a : b; }

INLINE void runHead(Head head, const float *q, const float *k, const float *v, float *o, Scratch scratch, Call call) {
  const int K = call.K, V = call.V, M = call.M, keyStride = call.H * K, valueStride = call.H * V;
  int position = call.position;
  for (int t = 0; t < call.T;) {
    const int first = position % BLOCK_ROWS;
    const int count = least(BLOCK_ROWS - first, call.T - t);
    head.open = position / BLOCK_ROWS;
    mapFeatures(k + t * keyStride, keyStride, head.projections, scratch, count, K, M);
    keepRows(head, v + t * valueStride, valueStride, scratch, first, count, M, V);
    mapFeatures(q + t * keyStride, keyStride, head.projections, scratch, count, K, M);
    for (int i = 0; i < count; i += TILE_ROWS) {
      const Attending a = {scratch.features + i * M, 0, 0, 0, scratch.scores, o + (t + i) * valueStride,
                           M, V, valueStride, 0, 0};
      attendTile(head, a, least(TILE_ROWS, count - i), first + i, least(call.window, call.seen + t + i), call);
    }
    t += count;
    position = (position + count) % (call.R * BLOCK_ROWS);
  }
}

EXPORT void kernelizedAttention(float *keys, float *values, const float *distances, const float *projections,
                                const float *q, const float *k, const float *v, float *o, float *scratch, int T, int H,
                                int K, int V, int M, int R, int window, int position, int seen, int identity) {
  const Call call = {T, H, K, V, M, R, window, position, seen};
  float *features = scratch + BLOCK_ROWS * K;
  const Scratch parts = {scratch, features, features + BLOCK_ROWS * M};
  for (int h = 0; h < H; h++) {
    const Head head = {keys + h * R * M * BLOCK_ROWS, values + h * R * BLOCK_ROWS * V,
                       distances + h * (window + 1 + 2 * DISTANCE_MARGIN), identity ? 0 : projections, 0};
    runHead(head, q + h * K, k + h * K, v + h * V, o + h * V, parts, call);
  }
}
