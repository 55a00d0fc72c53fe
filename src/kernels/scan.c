/**
 * The gated recurrence of HGRN: h_t = e^g_t h_(t-1) + x_t, element by element.
 *
 * Shapes: h [D], logDecay [D] float64; x, g, o [T, D].
 */
#include "columns.h"
#include "scan.h"

/** As many vectors as fill a cache line of 64 bytes, for the rows of a column lie far apart. */
enum { LINE_VECTORS = 16 / W };

typedef struct {
  float *h;
  double *logDecay;
  const float *x, *g;
  float *o;
  int D;
} Columns;

/** `rows` rows of some neighbouring channels, whose state stays in registers. */
INLINE void scanChannels(Columns c, int first, int rows, int vectors, int lanes) {
  Vec h[LINE_VECTORS];
  UNROLLED for (int i = 0; i < vectors; i++) h[i] = loadLanes(c.h + first + i * W, lanes);
  ROLLED for (int t = 0; t < rows; t++) {
    const int at = t * c.D + first;
    UNROLLED for (int i = 0; i < vectors; i++) {
      const Vec e = loadLanes(c.g + at + i * W, lanes) * LOG2_E;
      h[i] = fade(h[i], e) + loadLanes(c.x + at + i * W, lanes);
      storeLanes(c.o + at + i * W, h[i], lanes);
    }
  }
  UNROLLED for (int i = 0; i < vectors; i++) storeLanes(c.h + first + i * W, h[i], lanes);
}

/** The same rows' gates: a pass of its own costs 5 %, the same sums above 30 %, for want of registers. */
INLINE void sumGates(Columns c, int first, int rows, int vectors, int lanes) {
  Wide sums[LINE_VECTORS];
  UNROLLED for (int i = 0; i < vectors; i++) sums[i] = loadWideLanes(c.logDecay + first + i * W, lanes);
  ROLLED for (int t = 0; t < rows; t++) {
    const float *gRow = c.g + t * c.D + first;
    UNROLLED for (int i = 0; i < vectors; i++) sums[i] += widen(loadLanes(gRow + i * W, lanes));
  }
  UNROLLED for (int i = 0; i < vectors; i++) storeWideLanes(c.logDecay + first + i * W, sums[i], lanes);
}

INLINE void passChannels(Columns c, int first, int rows, int vectors, int lanes) {
  scanChannels(c, first, rows, vectors, lanes);
  sumGates(c, first, rows, vectors, lanes);
}

static void scanRows(Columns c, int rows) {
  int d = 0;
  for (; d + LINE_VECTORS * W <= c.D; d += LINE_VECTORS * W) passChannels(c, d, rows, LINE_VECTORS, W);
  for (; d + W <= c.D; d += W) passChannels(c, d, rows, 1, W);
  if (d < c.D) passChannels(c, d, rows, 1, c.D - d);
}

EXPORT void gatedScan(float *h, double *logDecay, const float *x, const float *g, float *o, int T, int D,
                      int position) {
  for (int t = 0; t < T;) {
    const int rows = rowsBeforeFlush(position + t, T - t);
    scanRows((Columns){h, logDecay, x + t * D, g + t * D, o + t * D, D}, rows);
    t += rows;
    if ((position + t) % FLUSH_ROWS == 0) flushNegligible(h, D);
  }
}
