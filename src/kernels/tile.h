/**
 * Matrix products in register tiles of 4 rows by 2 vectors, for any number of rows and columns. A row alone takes 4
 * vectors at a time: fewer sums would wait for one another.
 *
 * Every element of a product is the same sequence of multiply-adds in whichever tile it falls, so a result does not
 * depend on how rows were grouped.
 */
#pragma once

#include "lanes.h"

enum { TILE_ROWS = 4, TILE_VECTORS = 2, TILE_COLUMNS = TILE_VECTORS * W };
enum { WIDE_VECTORS = 4, WIDE_COLUMNS = WIDE_VECTORS * W };

/** One tile's sums; a tile at an edge uses the first rows and columns of it. */
typedef Vec Tile[TILE_ROWS][WIDE_VECTORS];

/** Where a tile starts and what it covers: `rows` by `vectors` of `lanes` columns each. Only `lanes` is no constant. */
typedef struct {
  int row, column, rows, vectors, lanes;
} Extent;

#define EACH_ROW(m, extent) UNROLLED for (int m = 0; m < (extent).rows; m++)
#define EACH_VECTOR(n, extent) UNROLLED for (int n = 0; n < (extent).vectors; n++)

typedef void TileBody(const void *context, Extent extent);

/** The tiles of some rows from `column` on. */
INLINE void eachTileFrom(TileBody *body, const void *context, int row, int rows, int column, int columns) {
  for (; column + TILE_COLUMNS <= columns; column += TILE_COLUMNS) {
    body(context, (Extent){row, column, rows, TILE_VECTORS, W});
  }
  for (; column + W <= columns; column += W) body(context, (Extent){row, column, rows, 1, W});
  if (column < columns) body(context, (Extent){row, column, rows, 1, columns - column});
}

INLINE void eachTileOfRows(TileBody *body, const void *context, int row, int rows, int columns) {
  eachTileFrom(body, context, row, rows, 0, columns);
}

INLINE void eachTileOfRow(TileBody *body, const void *context, int row, int columns) {
  int column = 0;
  for (; column + WIDE_COLUMNS <= columns; column += WIDE_COLUMNS) {
    body(context, (Extent){row, column, 1, WIDE_VECTORS, W});
  }
  eachTileFrom(body, context, row, 1, column, columns);
}

/** Calls `body` for each tile of a matrix of rows by columns. */
INLINE void eachTile(TileBody *body, const void *context, int rows, int columns) {
  int row = 0;
  for (; row + TILE_ROWS <= rows; row += TILE_ROWS) eachTileOfRows(body, context, row, TILE_ROWS, columns);
  for (; row < rows; row++) eachTileOfRow(body, context, row, columns);
}

INLINE Vec loadVector(const float *row, int n, Extent extent) { return loadLanes(row + n * W, extent.lanes); }
INLINE void storeVector(float *row, int n, Extent extent, Vec x) { storeLanes(row + n * W, x, extent.lanes); }

/**
 * sums += A B over `terms` terms, one after the other. a: the tile's first row of A, its rows `aStride` apart;
 * b: the tile's first column of B, its rows `bStride` apart.
 */
INLINE void addProduct(Tile sums, Extent extent, const float *a, int aStride, const float *b, int bStride, int terms) {
  ROLLED for (int t = 0; t < terms; t++) {
    Vec bRow[WIDE_VECTORS];
    EACH_VECTOR(n, extent) bRow[n] = loadVector(b + t * bStride, n, extent);
    EACH_ROW(m, extent) {
      const Vec factor = splat(a[m * aStride + t]);
      EACH_VECTOR(n, extent) sums[m][n] = multiplyAdd(factor, bRow[n], sums[m][n]);
    }
  }
}
