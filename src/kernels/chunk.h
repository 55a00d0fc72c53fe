/**
 * Chunkwise linear recurrences with one decay a head: S_t = d_t S_(t-1) + k_t v_t^T, o_t = scale q_t^T S_t.
 *
 * S is kept as of the start of the open chunk, whose rows so far are kept beside it: keys transposed, values as they
 * came. A row's output is the state's part and the chunk's part,
 *
 *   o_i = scale (carry_i q_i^T S + sum over j <= i of D_ij (q_i . k_j) v_j)
 *
 * with D_ij the decay from row j to row i and carry_i that from the chunk's start to row i. It only ever reads rows
 * up to i, in one order: the cutting of the stream cannot show in it, and no later row can reach it.
 */
#pragma once

#include "negligible.h"
#include "tile.h"

/** One head's state: S [K, V], keys [K, C], values [C, V]. */
typedef struct {
  float *S, *keys, *values;
  int K, V, C;
} Chunk;

/** Rows of one head in packed columns: q, k every keyStride floats, v, o every valueStride. */
typedef struct {
  const float *q, *k, *v;
  float *o;
  int keyStride, valueStride;
} Rows;

/**
 * Rows `first` to `first + count` of a chunk, with their decays: among [count, C], carry [count]. Either is null where
 * keys or queries have decayed already.
 */
typedef struct {
  int first, count;
  const float *among, *carry;
  float scale;
} Part;

/** What the tiles of a part work on. scores: scratch [count, C]. */
typedef struct {
  Chunk chunk;
  Rows rows;
  Part part;
  float *scores;
} Attention;

INLINE Chunk chunkOfHead(float *S, float *keys, float *values, int head, int K, int V, int C) {
  return (Chunk){S + head * K * V, keys + head * K * C, values + head * C * V, K, V, C};
}

INLINE Rows rowsOfHead(Rows all, int head, int H, int K, int V) {
  const int key = head * K, value = head * V;
  return (Rows){all.q + key, all.k + key, all.v + value, all.o + value, H * K, H * V};
}

INLINE Rows rowsFrom(Rows rows, int t) {
  const int key = t * rows.keyStride, value = t * rows.valueStride;
  return (Rows){rows.q + key, rows.k + key, rows.v + value, rows.o + value, rows.keyStride, rows.valueStride};
}

typedef float Quad __attribute__((vector_size(16)));
typedef float UnalignedQuad __attribute__((vector_size(16), aligned(4), may_alias));

/** Four rows of four floats, `rowStride` apart, become four columns, `columnStride` apart. */
INLINE void transposeQuads(const float *rows, int rowStride, float *columns, int columnStride) {
  Quad r[4];
  UNROLLED for (int i = 0; i < 4; i++) r[i] = *(const UnalignedQuad *)(rows + i * rowStride);
  const Quad low01 = __builtin_shufflevector(r[0], r[1], 0, 4, 1, 5);
  const Quad high01 = __builtin_shufflevector(r[0], r[1], 2, 6, 3, 7);
  const Quad low23 = __builtin_shufflevector(r[2], r[3], 0, 4, 1, 5);
  const Quad high23 = __builtin_shufflevector(r[2], r[3], 2, 6, 3, 7);
  const Quad c[4] = {
      __builtin_shufflevector(low01, low23, 0, 1, 4, 5),
      __builtin_shufflevector(low01, low23, 2, 3, 6, 7),
      __builtin_shufflevector(high01, high23, 0, 1, 4, 5),
      __builtin_shufflevector(high01, high23, 2, 3, 6, 7),
  };
  UNROLLED for (int i = 0; i < 4; i++) *(UnalignedQuad *)(columns + i * columnStride) = c[i];
}

/** Adds the lanes of x to four sums in turn, whatever W is. */
INLINE Quad addByQuads(Quad sums, Vec x) {
  const UnalignedQuad *quads = (const UnalignedQuad *)&x;
  UNROLLED for (int i = 0; i < W / 4; i++) sums += quads[i];
  return sums;
}

INLINE float sumOfQuad(Quad x) { return (x[0] + x[1]) + (x[2] + x[3]); }

INLINE void storeKeys(Chunk chunk, Rows rows, Part part) {
  float *columns = chunk.keys + part.first;
  int row = 0;
  for (; row + 4 <= part.count; row += 4) {
    const float *kRow = rows.k + row * rows.keyStride;
    int key = 0;
    for (; key + 4 <= chunk.K; key += 4) {
      transposeQuads(kRow + key, rows.keyStride, columns + key * chunk.C + row, chunk.C);
    }
    for (; key < chunk.K; key++) {
      for (int i = 0; i < 4; i++) columns[key * chunk.C + row + i] = kRow[i * rows.keyStride + key];
    }
  }
  for (; row < part.count; row++) {
    for (int key = 0; key < chunk.K; key++) columns[key * chunk.C + row] = rows.k[row * rows.keyStride + key];
  }
}

INLINE void storeValues(Chunk chunk, Rows rows, Part part) {
  for (int row = 0; row < part.count; row++) {
    float *kept = chunk.values + (part.first + row) * chunk.V;
    map(same, rows.v + row * rows.valueStride, kept, chunk.V);
  }
}

/** How many of `left` rows the open chunk takes, when it has `first` already. */
INLINE int rowsOfPart(int first, int left, int C) { return C - first < left ? C - first : left; }

/** scores_ij = D_ij scale (q_i . k_j) for one tile; those after the row itself are never read, and mostly skipped. */
INLINE void scoreTile(const void *context, Extent extent) {
  const Attention *a = context;
  const int C = a->chunk.C;
  if (extent.column >= a->part.first + extent.row + extent.rows) return;
  const float *qRow = a->rows.q + extent.row * a->rows.keyStride;
  const int corner = extent.row * C + extent.column;
  Tile sums = {0};
  addProduct(sums, extent, qRow, a->rows.keyStride, a->chunk.keys + extent.column, C, a->chunk.K);
  EACH_ROW(m, extent) EACH_VECTOR(n, extent) {
    if (a->part.among) {
      const Vec decay = loadVector(a->part.among + corner + m * C, n, extent);
      sums[m][n] *= decay * a->part.scale;
    }
    storeVector(a->scores + corner + m * C, n, extent, sums[m][n]);
  }
}

/** sums += the tile's own rows: row m takes from rows d <= m alone, so that no later row is multiplied by 0 instead. */
INLINE void addTriangle(Tile sums, Extent extent, const float *scores, int scoreStride, const float *values,
                        int valueStride) {
  EACH_ROW(d, extent) EACH_VECTOR(n, extent) {
    const Vec value = loadVector(values + d * valueStride, n, extent);
    UNROLLED for (int m = d; m < extent.rows; m++) {
      sums[m][n] = multiplyAdd(splat(scores[m * scoreStride + d]), value, sums[m][n]);
    }
  }
}

/** o_i = scale carry_i q_i^T S + sum of scores_ij v_j for one tile: whole tiles before its rows, then a triangle. */
INLINE void outputTile(const void *context, Extent extent) {
  const Attention *a = context;
  const int C = a->chunk.C, V = a->chunk.V;
  const int before = a->part.first + extent.row;
  const float *qRow = a->rows.q + extent.row * a->rows.keyStride;
  const float *scoreRow = a->scores + extent.row * C;
  const float *values = a->chunk.values + extent.column;
  float *oRow = a->rows.o + extent.row * a->rows.valueStride + extent.column;
  Tile sums = {0};
  addProduct(sums, extent, qRow, a->rows.keyStride, a->chunk.S + extent.column, V, a->chunk.K);
  if (a->part.carry) {
    EACH_ROW(m, extent) {
      const Vec carry = splat(a->part.carry[extent.row + m] * a->part.scale);
      EACH_VECTOR(n, extent) sums[m][n] *= carry;
    }
  }
  addProduct(sums, extent, scoreRow, C, values, V, before);
  addTriangle(sums, extent, scoreRow + before, C, values + before * V, V);
  EACH_ROW(m, extent) EACH_VECTOR(n, extent) storeVector(oRow + m * a->rows.valueStride, n, extent, sums[m][n]);
}

/** Appends the part's rows to the open chunk and writes their outputs. */
INLINE void attend(const Attention *a) {
  storeKeys(a->chunk, a->rows, a->part);
  storeValues(a->chunk, a->rows, a->part);
  eachTile(scoreTile, a, a->part.count, a->chunk.C);
  eachTile(outputTile, a, a->part.count, a->chunk.V);
}

/** S as of the next chunk; what is negligible becomes 0. carry: one decay for all of S, or one for each of its rows, a stride of 1 apart. */
typedef struct {
  Chunk chunk;
  int count;
  const float *carry;
  int carryStride;
} Fold;

INLINE void foldTile(const void *context, Extent extent) {
  const Fold *fold = context;
  const int C = fold->chunk.C, V = fold->chunk.V;
  float *sRow = fold->chunk.S + extent.row * V + extent.column;
  Tile sums;
  EACH_ROW(m, extent) {
    const Vec carry = splat(fold->carry[(extent.row + m) * fold->carryStride]);
    EACH_VECTOR(n, extent) sums[m][n] = loadVector(sRow + m * V, n, extent) * carry;
  }
  addProduct(sums, extent, fold->chunk.keys + extent.row * C, C, fold->chunk.values + extent.column, V, fold->count);
  EACH_ROW(m, extent) EACH_VECTOR(n, extent) storeVector(sRow + m * V, n, extent, flushLanes(sums[m][n]));
}

/** keys_kj *= decay_j: each of the chunk's keys decays to the newest row, in place. */
INLINE void decayKeys(Chunk chunk, const float *decay) {
  for (int j = 0; j < chunk.C; j += W) {
    const Vec factor = load(decay + j);
    float *column = chunk.keys + j;
    for (int key = 0; key < chunk.K; key++) store(column + key * chunk.C, load(column + key * chunk.C) * factor);
  }
}

/** S = carry S + K^T V over the chunk's first `count` rows, whose keys have decayed. */
INLINE void foldChunk(Chunk chunk, int count, float carry) {
  const Fold fold = {chunk, count, &carry, 0};
  eachTile(foldTile, &fold, chunk.K, chunk.V);
}

/** The same with a decay for each key: carry [K]. */
INLINE void foldChunkByKey(Chunk chunk, int count, const float *carry) {
  const Fold fold = {chunk, count, carry, 1};
  eachTile(foldTile, &fold, chunk.K, chunk.V);
}
