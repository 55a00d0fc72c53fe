/**
 * The selective scan of Mamba (S6): x_t = e^(dt_t A) x_(t-1) + dt_t u_t B_t, y_t = C_t x_t + D u_t, gated by silu(z_t).
 *
 * Shapes: x [D, N], elapsed [D] float64; powers [D, N] = A log2 e; skip, bias [D]; u, dt, z, y [T, D];
 * B, C [T, G, N], or [D, N] where constant. Complex: x, B and C have a last axis (re, im), and quarters [D, N] float64
 * are the imaginary parts of A over pi / 2. scratch [3, T, W], steps [T, W] float64.
 */
#include "columns.h"
#include "rotate.h"
#include "scan.h"

/** What a call asks for besides the recurrence; `SelectiveScanFeature` in the twin. */
enum { SOFTPLUS = 1, GATED = 2, CONSTANT_B = 4, CONSTANT_C = 8 };

typedef struct {
  float *x;
  double *elapsed;
  const float *powers;
  const double *quarters;
  const float *skip, *bias, *u, *dt, *z, *B, *C;
  float *y, *scratch;
  double *steps;
  int T, D, N, G, features;
} Scan;

/** Some neighbouring channels of one group, side by side in a vector: step sizes, writes and read-outs of T rows. */
typedef struct {
  int first, lanes, group;
  float *dt, *write, *read;
  double *steps;
} Channels;

/** A step size, softplus x = -log sigmoid -x; `wide` where a phase is made from it, which takes more digits than a decay. */
INLINE Wide stepOf(Vec dt, Vec bias, int softplus, int wide) {
  if (!wide) return widen(softplus ? softplusLanes(dt + bias) : dt + bias);
  const Wide step = widen(dt) + widen(bias);
  return softplus ? -logSigmoidWide(-step) : step;
}

INLINE void beginChannels(const Scan *s, Channels c, int wide) {
  const Vec bias = loadLanes(s->bias + c.first, c.lanes);
  Wide elapsed = loadWideLanes(s->elapsed + c.first, c.lanes);
  ROLLED for (int t = 0; t < s->T; t++) {
    const int at = t * s->D + c.first;
    const Wide step = stepOf(loadLanes(s->dt + at, c.lanes), bias, s->features & SOFTPLUS, wide);
    const Vec dt = narrow(step);
    elapsed += step;
    if (wide) storeWide(c.steps + t * W, step);
    store(c.dt + t * W, dt);
    store(c.write + t * W, dt * loadLanes(s->u + at, c.lanes));
    store(c.read + t * W, splat(0));
  }
  storeWideLanes(s->elapsed + c.first, elapsed, c.lanes);
}

/** y = scale C x + D u, gated. */
INLINE void endChannels(const Scan *s, Channels c, float scale) {
  const Vec skip = loadLanes(s->skip + c.first, c.lanes);
  ROLLED for (int t = 0; t < s->T; t++) {
    const int at = t * s->D + c.first;
    Vec y = load(c.read + t * W) * scale + skip * loadLanes(s->u + at, c.lanes);
    if (s->features & GATED) {
      const Vec z = loadLanes(s->z + at, c.lanes);
      y *= z * sigmoidLanes(z);
    }
    storeLanes(s->y + at, y, c.lanes);
  }
}

enum { MODES = 4 };

/** `modes` neighbouring elements of each channel's state, which stay in registers over all rows. */
INLINE void scanReal(const Scan *s, Channels c, int n, int modes) {
  const int N = s->N, own = c.first * N + n;
  const int constantB = s->features & CONSTANT_B, constantC = s->features & CONSTANT_C;
  Vec x[MODES], power[MODES], B[MODES], C[MODES];
  UNROLLED for (int m = 0; m < modes; m++) {
    x[m] = loadColumn(s->x + own + m, N, c.lanes);
    power[m] = loadColumn(s->powers + own + m, N, c.lanes);
    if (constantB) B[m] = loadColumn(s->B + own + m, N, c.lanes);
    if (constantC) C[m] = loadColumn(s->C + own + m, N, c.lanes);
  }
  ROLLED for (int t = 0; t < s->T; t++) {
    const int row = (t * s->G + c.group) * N + n;
    const Vec dt = load(c.dt + t * W), write = load(c.write + t * W);
    Vec read = load(c.read + t * W);
    UNROLLED for (int m = 0; m < modes; m++) {
      x[m] = fade(x[m], dt * power[m]) + write * (constantB ? B[m] : splat(s->B[row + m]));
      read = multiplyAdd(constantC ? C[m] : splat(s->C[row + m]), x[m], read);
    }
    store(c.read + t * W, read);
  }
  UNROLLED for (int m = 0; m < modes; m++) storeColumn(s->x + own + m, N, x[m], c.lanes);
}

static void scanChannelsReal(const Scan *s, Channels c) {
  int n = 0;
  beginChannels(s, c, 0);
  for (; n + MODES <= s->N; n += MODES) scanReal(s, c, n, MODES);
  for (; n < s->N; n++) scanReal(s, c, n, 1);
  endChannels(s, c, 1);
}

INLINE Complex loadComplexColumn(const float *p, int stride, int lanes) {
  return (Complex){loadColumn(p, 2 * stride, lanes), loadColumn(p + 1, 2 * stride, lanes)};
}

INLINE Complex splatComplex(const float *p) { return (Complex){splat(p[0]), splat(p[1])}; }

INLINE void scanComplex(const Scan *s, Channels c, int n) {
  const int N = s->N, own = c.first * N + n;
  const int constantB = s->features & CONSTANT_B, constantC = s->features & CONSTANT_C;
  const Vec power = loadColumn(s->powers + own, N, c.lanes);
  const Wide quarters = loadWideColumn(s->quarters + own, N, c.lanes);
  float *xRow = s->x + 2 * own;
  Complex x = loadComplexColumn(xRow, N, c.lanes), ownB = {0}, ownC = {0};
  if (constantB) ownB = loadComplexColumn(s->B + 2 * own, N, c.lanes);
  if (constantC) ownC = loadComplexColumn(s->C + 2 * own, N, c.lanes);
  ROLLED for (int t = 0; t < s->T; t++) {
    const int row = 2 * ((t * s->G + c.group) * N + n);
    const Vec dt = load(c.dt + t * W), write = load(c.write + t * W);
    const Wide step = loadWide(c.steps + t * W);
    const Complex B = constantB ? ownB : splatComplex(s->B + row);
    const Complex C = constantC ? ownC : splatComplex(s->C + row);
    x = fadeAndRotate(x, dt * power, step * quarters);
    x = (Complex){x.re + write * B.re, x.im + write * B.im};
    const Vec read = multiplyAdd(C.re, x.re, load(c.read + t * W));
    store(c.read + t * W, read - C.im * x.im);
  }
  storeColumn(xRow, 2 * N, x.re, c.lanes);
  storeColumn(xRow + 1, 2 * N, x.im, c.lanes);
}

static void scanChannelsComplex(const Scan *s, Channels c) {
  beginChannels(s, c, 1);
  for (int n = 0; n < s->N; n++) scanComplex(s, c, n);
  endChannels(s, c, 2);
}

typedef void ScanChannels(const Scan *s, Channels c);

INLINE void scanGroups(ScanChannels *scanChannels, const Scan *s) {
  const int groupChannels = s->D / s->G, rows = s->T * W;
  for (int group = 0; group < s->G; group++) {
    const int end = (group + 1) * groupChannels;
    for (int d = group * groupChannels; d < end; d += W) {
      const int lanes = end - d < W ? end - d : W;
      const Channels channels = {d, lanes, group, s->scratch, s->scratch + rows, s->scratch + 2 * rows, s->steps};
      scanChannels(s, channels);
    }
  }
}

INLINE void scanRows(ScanChannels *scanChannels, Scan all, int position, int parts) {
  for (int t = 0; t < all.T;) {
    const int count = rowsBeforeFlush(position + t, all.T - t);
    const int channels = t * all.D, elements = t * all.G * all.N * parts;
    Scan s = all;
    s.T = count;
    s.u += channels, s.dt += channels, s.z += channels, s.y += channels;
    if (!(all.features & CONSTANT_B)) s.B += elements;
    if (!(all.features & CONSTANT_C)) s.C += elements;
    scanGroups(scanChannels, &s);
    t += count;
    if ((position + t) % FLUSH_ROWS == 0) flushNegligible(s.x, s.D * s.N * parts);
  }
}

EXPORT void selectiveScan(float *x, double *elapsed, const float *powers, const float *skip, const float *bias,
                          const float *u, const float *dt, const float *z, const float *B, const float *C, float *y,
                          float *scratch, double *steps, int T, int D, int N, int G, int features, int position) {
  const Scan scan = {x, elapsed, powers, 0, skip, bias, u, dt, z, B, C, y, scratch, steps, T, D, N, G, features};
  scanRows(scanChannelsReal, scan, position, 1);
}

EXPORT void complexSelectiveScan(float *x, double *elapsed, const float *powers, const double *quarters,
                                 const float *skip, const float *bias, const float *u, const float *dt, const float *z,
                                 const float *B, const float *C, float *y, float *scratch, double *steps, int T, int D,
                                 int N, int G, int features, int position) {
  const Scan scan = {x, elapsed, powers, quarters, skip, bias, u, dt, z, B, C, y, scratch, steps, T, D, N, G, features};
  scanRows(scanChannelsComplex, scan, position, 2);
}
