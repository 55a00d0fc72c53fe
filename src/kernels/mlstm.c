/**
 * Matrix memories whose gates the rows bring along (mLSTM): S_t = F_t S_(t-1) + I_t k_t v_t^T, n_t = F_t n_(t-1) + I_t k_t.
 *
 * Shapes: S [H, K, V], keys [H, K, C], values [H, C, V] float32; n [H, K], m, logDecay, carry [H], weights [H, C]
 * float64; q, k [T, H K], v, o [T, H V] float32; i, f [T, H] float64. weights: what each row of the open chunk counts
 * at the newest row, carry: what S does. Both are products of gates, so that no gate is ever divided by.
 *
 * Gates, n and q . n are float64. They decide the divisor |q . n|, which may come close to 0 by cancellation: a
 * rounding of 1e-7 in any of them would show as many times that in the output.
 */
#include "chunk.h"
#include "columns.h"
#include "math.h"

/** What is kept of one head besides its chunk; n and m are null where the variant has none. */
typedef struct {
  double *n, *m, *logDecay, *weights, *carry;
} Gated;

/** Gates of one head's rows in packed columns, `stride` apart. */
typedef struct {
  const double *i, *f;
  int stride;
} Preactivations;

/** Gates of a part's rows [C each]: what the memory fades by, what the row counts, the least divisor. */
typedef struct {
  double *fade, *write, *least;
} Gates;

/** scores, among [C, C], carry [C]. */
typedef struct {
  float *scores, *among, *carry;
  Gates gates;
} Scratch;

/** One call of a kernel, all but its arrays. */
typedef struct {
  int T, H, K, V, C, position;
  double scale, epsilon;
} Call;

/** The first four doubles of a row in four lanes, whatever W: partial sums must not depend on it. */
typedef double Four __attribute__((vector_size(32)));
typedef double UnalignedFour __attribute__((vector_size(32), aligned(8), may_alias));

INLINE Four loadQuad(const float *p) { return __builtin_convertvector(*(const UnalignedQuad *)p, Four); }

/** fade_t = log sigmoid(f_t), until the gates are taken; logDecay grows by them. */
INLINE void logFades(Preactivations pre, Gates gates, int count, double *logDecay) {
  for (int t = 0; t < count; t++) gates.fade[t] = pre.f[t * pre.stride];
  for (int t = 0; t < count; t += W) storeWide(gates.fade + t, logSigmoidWide(loadWide(gates.fade + t)));
  for (int t = 0; t < count; t++) *logDecay += gates.fade[t];
}

/**
 * m_t = max(log sigmoid(f_t) + m_(t-1), i_t): the smaller of both is e^-|difference| beside the larger one's 1.
 * least_t = e^-m_t.
 */
INLINE void exponentialGates(Preactivations pre, Gates gates, int count, Gated head) {
  logFades(pre, gates, count, head.logDecay);
  double m = *head.m;
  for (int t = 0; t < count; t++) {
    const double faded = m + gates.fade[t];
    const double input = pre.i[t * pre.stride];
    m = faded > input ? faded : input;
    gates.write[t] = faded - input;
    gates.least[t] = -m;
  }
  *head.m = m;
  for (int t = 0; t < count; t += W) {
    const Wide difference = loadWide(gates.write + t);
    const Wide smaller = expWide(-absoluteWide(difference));
    storeWide(gates.fade + t, selectWide(difference < 0, smaller, splatWide(1)));
    storeWide(gates.write + t, selectWide(difference < 0, splatWide(1), smaller));
    storeWide(gates.least + t, expWide(loadWide(gates.least + t)));
  }
}

/** fade_t = sigmoid(f_t), write_t = sigmoid(i_t), least_t = 1. */
INLINE void sigmoidGates(Preactivations pre, Gates gates, int count, Gated head) {
  logFades(pre, gates, count, head.logDecay);
  for (int t = 0; t < count; t++) {
    gates.fade[t] = pre.f[t * pre.stride];
    gates.write[t] = pre.i[t * pre.stride];
    gates.least[t] = 1;
  }
  for (int t = 0; t < count; t += W) {
    storeWide(gates.fade + t, sigmoidWide(loadWide(gates.fade + t)));
    storeWide(gates.write + t, sigmoidWide(loadWide(gates.write + t)));
  }
}

INLINE double withoutNegligible(double x) { return x < NEGLIGIBLE ? 0 : x; }

/** among_tj, carry_t: the weights of the chunk's rows j and of S as of the part's row t. Later rows' are still 0. */
INLINE void runningWeights(Gated head, Scratch scratch, int first, int count, int C) {
  for (int t = 0; t < count; t++) {
    const Wide fade = splatWide(scratch.gates.fade[t]);
    for (int j = 0; j < C; j += W) {
      const Wide faded = loadWide(head.weights + j) * fade;
      storeWide(head.weights + j, zeroWideWhere(faded < NEGLIGIBLE, faded));
    }
    head.weights[first + t] = withoutNegligible(scratch.gates.write[t]);
    *head.carry = withoutNegligible(*head.carry * scratch.gates.fade[t]);
    for (int j = 0; j < C; j += W) store(scratch.among + t * C + j, narrow(loadWide(head.weights + j)));
    scratch.carry[t] = (float)*head.carry;
  }
}

/** n = fade n + write k; gives q . n, in four sums. */
INLINE double addKey(double *n, double fade, double write, const float *q, const float *k, int K) {
  Four sums = {0};
  int key = 0;
  ROLLED for (; key + 4 <= K; key += 4) {
    const Four sum = *(const UnalignedFour *)(n + key) * fade + loadQuad(k + key) * write;
    *(UnalignedFour *)(n + key) = sum;
    sums += loadQuad(q + key) * sum;
  }
  for (int lane = 0; key < K; key++, lane++) {
    n[key] = n[key] * fade + k[key] * write;
    sums[lane] += q[key] * n[key];
  }
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/** Smaller divisors count as this, so that 0 / 0 is 0. */
#define LEAST_DIVISOR 1e-38

INLINE void scaleRow(float *x, float factor, int n) {
  int i = 0;
  ROLLED for (; i + W <= n; i += W) store(x + i, load(x + i) * factor);
  for (; i < n; i++) x[i] *= factor;
}

/** o_t /= max(|scale q_t . n_t|, least_t) + epsilon. */
INLINE void normalizeRows(double *n, Gates gates, Rows rows, int count, Call call) {
  for (int t = 0; t < count; t++) {
    const int key = t * rows.keyStride;
    const double sum = addKey(n, gates.fade[t], gates.write[t], rows.q + key, rows.k + key, call.K);
    const double weight = __builtin_fabs(sum * call.scale);
    const double atLeast = weight > gates.least[t] ? weight : gates.least[t];
    const double divisor = atLeast + call.epsilon;
    const double factor = 1 / (divisor > LEAST_DIVISOR ? divisor : LEAST_DIVISOR);
    scaleRow(rows.o + t * rows.valueStride, (float)factor, call.V);
  }
}

/** Folds the chunk's first `count` rows into S. */
static void fold(Chunk chunk, Gated head, float *among, int count) {
  for (int j = 0; j < chunk.C; j += W) store(among + j, narrow(loadWide(head.weights + j)));
  decayKeys(chunk, among);
  foldChunk(chunk, count, (float)*head.carry);
  for (int j = 0; j < chunk.C; j += W) storeWide(head.weights + j, splatWide(0));
  *head.carry = 1;
}

INLINE void flushNegligibleWide(double *x, int n) {
  for (int i = 0; i < n; i++) if (__builtin_fabs(x[i]) < NEGLIGIBLE) x[i] = 0;
}

INLINE void runHead(Chunk chunk, Gated head, Rows rows, Preactivations pre, Scratch scratch, Call call) {
  const int C = chunk.C;
  for (int t = 0, count; t < call.T; t += count) {
    const int first = (call.position + t) % C;
    count = rowsOfPart(first, call.T - t, C);
    const Preactivations own = {pre.i + t * pre.stride, pre.f + t * pre.stride, pre.stride};
    if (head.m) exponentialGates(own, scratch.gates, count, head);
    else sigmoidGates(own, scratch.gates, count, head);
    runningWeights(head, scratch, first, count, C);
    const Part part = {first, count, scratch.among, scratch.carry, (float)call.scale};
    const Attention attention = {chunk, rowsFrom(rows, t), part, scratch.scores};
    attend(&attention);
    if (head.n) normalizeRows(head.n, scratch.gates, attention.rows, count, call);
    if (first + count < C) continue;
    fold(chunk, head, scratch.among, C);
    if (head.n) flushNegligibleWide(head.n, chunk.K);
  }
}

INLINE Gated gatedOfHead(Gated all, int head, int K, int C) {
  double *n = all.n ? all.n + head * K : 0;
  double *m = all.m ? all.m + head : 0;
  return (Gated){n, m, all.logDecay + head, all.weights + head * C, all.carry + head};
}

static void run(float *S, float *keys, float *values, Gated gated, Rows rows, const double *i, const double *f,
                float *scratch, double *gates, Call call) {
  const int H = call.H, K = call.K, V = call.V, C = call.C;
  const Gates rowGates = {gates, gates + C, gates + 2 * C};
  const Scratch parts = {scratch, scratch + C * C, scratch + 2 * C * C, rowGates};
  for (int head = 0; head < H; head++) {
    const Chunk chunk = chunkOfHead(S, keys, values, head, K, V, C);
    const Preactivations pre = {i + head, f + head, H};
    runHead(chunk, gatedOfHead(gated, head, K, C), rowsOfHead(rows, head, H, K, V), pre, parts, call);
  }
}

EXPORT void mlstm(float *S, double *n, double *m, double *logDecay, float *keys, float *values, double *weights,
                  double *carry, const float *q, const float *k, const float *v, const double *i, const double *f,
                  float *o, float *scratch, double *gates, int T, int H, int K, int V, int C, int position,
                  double scale, double epsilon) {
  run(S, keys, values, (Gated){n, m, logDecay, weights, carry}, (Rows){q, k, v, o, 0, 0}, i, f, scratch, gates,
      (Call){T, H, K, V, C, position, scale, epsilon});
}

EXPORT void sigmoidMlstm(float *S, double *logDecay, float *keys, float *values, double *weights, double *carry,
                         const float *q, const float *k, const float *v, const double *i, const double *f, float *o,
                         float *scratch, double *gates, int T, int H, int K, int V, int C, int position,
                         double scale) {
  run(S, keys, values, (Gated){0, 0, logDecay, weights, carry}, (Rows){q, k, v, o, 0, 0}, i, f, scratch, gates,
      (Call){T, H, K, V, C, position, scale, 0});
}

EXPORT void normalizedSigmoidMlstm(float *S, double *n, double *logDecay, float *keys, float *values, double *weights,
                                   double *carry, const float *q, const float *k, const float *v, const double *i,
                                   const double *f, float *o, float *scratch, double *gates, int T, int H, int K,
                                   int V, int C, int position, double scale, double epsilon) {
  run(S, keys, values, (Gated){n, 0, logDecay, weights, carry}, (Rows){q, k, v, o, 0, 0}, i, f, scratch, gates,
      (Call){T, H, K, V, C, position, scale, epsilon});
}

EXPORT void settleMlstm(float *S, float *keys, float *values, double *weights, double *carry, float *scratch, int H,
                        int K, int V, int C, int position) {
  const Gated gated = {0, 0, 0, weights, carry};
  const int count = position % C;
  for (int head = 0; head < H && count > 0; head++) {
    fold(chunkOfHead(S, keys, values, head, K, V, C), gatedOfHead(gated, head, K, C), scratch, count);
  }
}
