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
  Wide logDecay[LINE_VECTORS];
  UNROLLED for (int i = 0; i < vectors; i++) {
    h[i] = loadLanes(c.h + first + i * W, lanes);
    logDecay[i] = loadWide(c.logDecay + first + i * W, lanes);
  }
  ROLLED for (int t = 0; t < rows; t++) {
    const int at = t * c.D + first;
    UNROLLED for (int i = 0; i < vectors; i++) {
      const Vec g = loadLanes(c.g + at + i * W, lanes);
      h[i] = fade(h[i], g * LOG2_E) + loadLanes(c.x + at + i * W, lanes);
      logDecay[i] += widen(g);
      storeLanes(c.o + at + i * W, h[i], lanes);
    }
  }
  UNROLLED for (int i = 0; i < vectors; i++) {
    storeLanes(c.h + first + i * W, h[i], lanes);
    storeWide(c.logDecay + first + i * W, logDecay[i], lanes);
  }
}

static void scanRows(Columns c, int rows) {
  int d = 0;
  for (; d + LINE_VECTORS * W <= c.D; d += LINE_VECTORS * W) scanChannels(c, d, rows, LINE_VECTORS, W);
  for (; d + W <= c.D; d += W) scanChannels(c, d, rows, 1, W);
  if (d < c.D) scanChannels(c, d, rows, 1, c.D - d);
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
