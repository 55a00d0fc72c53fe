/**
 * H3: a shift register over the keys, and a diagonal state space model over the products of its output with the values.
 *
 *   k'_t = sum over j < N of C_j k_(t-j) + D k_t
 *   x_t = A x_(t-1) + B k'_t v_t      y_t = q_t (2 Re(C x_t) + D k'_t v_t)
 *
 * Shapes: D channels in H heads of P, channel h P + i; x [P, P, H, M, 2] float64, keys before values; shift [D, N], the
 * newest row first; taps [N, D], keySkip [D]; modes [H, M, 6] float64: A, B and 2 C, each (re, im); valueSkip [H]
 * float64; q, k, v [T, D]; y [T, P, H]. history [N - 1 + T, D], keys [T, D]; lanes [3, T, W / 2] float64.
 *
 * The diagonal part is float64: modes whose A is close to the unit circle would be another ones if A was rounded to
 * float32, after as many rows as they remember.
 */
#include "columns.h"
#include "negligible.h"
#include "tile.h"

enum { DOUBLES = W / 2, MODES = 2 };

typedef double Doubles __attribute__((vector_size(8 * DOUBLES)));
typedef double UnalignedDoubles __attribute__((vector_size(8 * DOUBLES), aligned(8), may_alias));

typedef struct {
  Doubles re, im;
} Complex;

typedef struct {
  const float *taps, *skip, *history;
  float *keys;
  int T, D, N;
} Shift;

/** k' for one tile: the newest row's tap first, then the skip. */
INLINE void shiftTile(const void *context, Extent extent) {
  const Shift *s = context;
  const int D = s->D;
  const float *newest = s->history + (s->N - 1 + extent.row) * D + extent.column;
  Tile sums = {0};
  ROLLED for (int j = 0; j < s->N; j++) {
    Vec tap[WIDE_VECTORS];
    EACH_VECTOR(n, extent) tap[n] = loadVector(s->taps + j * D + extent.column, n, extent);
    EACH_ROW(m, extent) EACH_VECTOR(n, extent) {
      sums[m][n] = multiplyAdd(tap[n], loadVector(newest + (m - j) * D, n, extent), sums[m][n]);
    }
  }
  EACH_ROW(m, extent) EACH_VECTOR(n, extent) {
    const Vec skip = loadVector(s->skip + extent.column, n, extent);
    const Vec key = multiplyAdd(skip, loadVector(newest + m * D, n, extent), sums[m][n]);
    storeVector(s->keys + (extent.row + m) * D + extent.column, n, extent, key);
  }
}

/** history = the N - 1 rows before, oldest first, and the new ones; the register then holds the last N of them. */
INLINE void passRegister(float *shift, float *history, const float *k, int T, int D, int N) {
  if (T == 0) return;
  for (int j = 1; j < N; j++) {
    for (int d = 0; d < D; d++) history[(N - 1 - j) * D + d] = shift[d * N + j - 1];
  }
  map(same, k, history + (N - 1) * D, T * D);
  for (int j = 0; j < N; j++) {
    for (int d = 0; d < D; d++) shift[d * N + j] = history[(N - 2 + T - j) * D + d];
  }
}

typedef struct {
  double *x;
  const double *modes, *skip;
  const float *q, *keys, *v;
  float *y;
  double *lanes;
  int T, D, H, M, P;
} Diagonal;

/** Some neighbouring heads, side by side in a vector: inputs, read-outs and outputs of T rows. */
typedef struct {
  int first, count;
  double *input, *read, *output;
} Heads;

INLINE Doubles loadDoubles(const double *p) { return *(const UnalignedDoubles *)p; }
INLINE void storeDoubles(double *p, Doubles x) { *(UnalignedDoubles *)p = x; }

INLINE Doubles gather(const double *p, int stride, int count) {
  Doubles x = {0};
  UNROLLED for (int i = 0; i < DOUBLES; i++) if (i < count) x[i] = p[i * stride];
  return x;
}

INLINE void scatter(double *p, int stride, Doubles x, int count) {
  UNROLLED for (int i = 0; i < DOUBLES; i++) if (i < count) p[i * stride] = x[i];
}

INLINE Complex gatherComplex(const double *p, int stride, int count) {
  return (Complex){gather(p, stride, count), gather(p + 1, stride, count)};
}

/** One element of each head's vector in a row of channels. */
INLINE Doubles gatherHeads(const float *p, int stride, int count) {
  Doubles x = {0};
  UNROLLED for (int i = 0; i < DOUBLES; i++) if (i < count) x[i] = p[i * stride];
  return x;
}

/** read += 2 Re(C x) over the rows, for `modes` modes of the pair of channels whose states begin at x. */
INLINE void scanModes(const Diagonal *d, Heads at, double *x, int m, int modes) {
  const int stride = 2 * d->M;
  const double *table = d->modes + (at.first * d->M + m) * 6;
  Complex state[MODES], A[MODES], B[MODES], C[MODES];
  UNROLLED for (int i = 0; i < modes; i++) {
    state[i] = gatherComplex(x + 2 * (m + i), stride, at.count);
    A[i] = gatherComplex(table + 6 * i, 6 * d->M, at.count);
    B[i] = gatherComplex(table + 6 * i + 2, 6 * d->M, at.count);
    C[i] = gatherComplex(table + 6 * i + 4, 6 * d->M, at.count);
  }
  ROLLED for (int t = 0; t < d->T; t++) {
    const Doubles input = loadDoubles(at.input + t * DOUBLES);
    Doubles read = loadDoubles(at.read + t * DOUBLES);
    UNROLLED for (int i = 0; i < modes; i++) {
      const Complex s = state[i];
      state[i].re = A[i].re * s.re - A[i].im * s.im + B[i].re * input;
      state[i].im = A[i].re * s.im + A[i].im * s.re + B[i].im * input;
      read = read + C[i].re * state[i].re - C[i].im * state[i].im;
    }
    storeDoubles(at.read + t * DOUBLES, read);
  }
  UNROLLED for (int i = 0; i < modes; i++) {
    scatter(x + 2 * (m + i), stride, state[i].re, at.count);
    scatter(x + 2 * (m + i) + 1, stride, state[i].im, at.count);
  }
}

/** output += q (2 Re(C x) + D k v) for element `key` of the keys and element `value` of the values. */
INLINE void scanPair(const Diagonal *d, Heads at, int key, int value) {
  const int P = d->P, own = at.first * P;
  const Doubles skip = gather(d->skip + at.first, 1, at.count);
  ROLLED for (int t = 0; t < d->T; t++) {
    const float *kRow = d->keys + t * d->D + own, *vRow = d->v + t * d->D + own;
    const Doubles input = gatherHeads(kRow + key, P, at.count) * gatherHeads(vRow + value, P, at.count);
    storeDoubles(at.input + t * DOUBLES, input);
    storeDoubles(at.read + t * DOUBLES, skip * input);
  }
  double *x = d->x + ((key * P + value) * d->H + at.first) * d->M * 2;
  int m = 0;
  for (; m + MODES <= d->M; m += MODES) scanModes(d, at, x, m, MODES);
  for (; m < d->M; m++) scanModes(d, at, x, m, 1);
  ROLLED for (int t = 0; t < d->T; t++) {
    const Doubles q = gatherHeads(d->q + t * d->D + own + key, P, at.count);
    const Doubles read = loadDoubles(at.read + t * DOUBLES);
    storeDoubles(at.output + t * DOUBLES, loadDoubles(at.output + t * DOUBLES) + q * read);
  }
}

INLINE void scanHeads(const Diagonal *d, int first) {
  const int left = d->H - first, rows = d->T * DOUBLES;
  const Heads at = {first, left < DOUBLES ? left : DOUBLES, d->lanes, d->lanes + rows, d->lanes + 2 * rows};
  for (int value = 0; value < d->P; value++) {
    for (int i = 0; i < rows; i++) at.output[i] = 0;
    for (int key = 0; key < d->P; key++) scanPair(d, at, key, value);
    for (int t = 0; t < d->T; t++) {
      float *yRow = d->y + t * d->D + value * d->H + first;
      UNROLLED for (int i = 0; i < DOUBLES; i++) if (i < at.count) yRow[i] = at.output[t * DOUBLES + i];
    }
  }
}

INLINE void flushStates(double *x, int n) {
  for (int i = 0; i < n; i++) if (__builtin_fabs(x[i]) < NEGLIGIBLE) x[i] = 0;
}

EXPORT void h3(float *shift, double *x, const float *taps, const float *keySkip, const double *modes,
               const double *valueSkip, const float *q, const float *k, const float *v, float *y, float *history,
               float *keys, double *lanes, int T, int D, int N, int M, int P, int position) {
  const int H = D / P;
  passRegister(shift, history, k, T, D, N);
  const Shift filter = {taps, keySkip, history, keys, T, D, N};
  eachTile(shiftTile, &filter, T, D);
  for (int t = 0; t < T;) {
    const int rows = rowsBeforeFlush(position + t, T - t), at = t * D;
    const Diagonal part = {x, modes, valueSkip, q + at, keys + at, v + at, y + at, lanes, rows, D, H, M, P};
    for (int first = 0; first < H; first += DOUBLES) scanHeads(&part, first);
    t += rows;
    if ((position + t) % FLUSH_ROWS == 0) flushStates(x, P * D * M * 2);
  }
}
