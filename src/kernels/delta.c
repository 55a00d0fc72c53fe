/**
 * Delta rules: a memory that every row corrects towards its value, S [K, V] a head.
 *
 *   S_t = D_t S_(t-1) + k_t u_t^T,  u_t = beta_t (v_t - (D_t S_(t-1))^T k_t),  o_t = scale S_t^T q_t
 *
 * with D_t the identity, one decay a head or one a key dimension; RWKV-7 has b_t (S_(t-1)^T a_t)^T + k_t v_t^T instead
 * of the correction. Both ask the memory something before they write: here that vector is called the probe.
 *
 * The columns of S never meet, so a strip of it takes the rows of a chunk one after the other, with u in registers.
 * One pass over the strip writes a row, reads its output, and asks the next row's probe: S is loaded and stored once a
 * row. Each element is the same sequence of operations wherever a chunk or a call ends.
 *
 * There is no chunk form, with its scores and triangles, since it does not pay on a CPU: it needs the same products
 * with S, which are the work, and those among the chunk's rows come on top. Microseconds a row in WebAssembly, 4 heads
 * of 64 by 64, here and in chunks of 16: gated delta rule 3.9 and 4.2 (natively, with AVX-512 and strips of 4 vectors,
 * 0.77 and 0.82), delta rule 3.8 and 4.2; KDA 4.6 and at least 4.7, RWKV-7 5.8 and at least 6.2: the chunk forms of
 * these two were added up from measured parts.
 *
 * Shapes: S [H, K, V]; faded [H]; q, k, r, a, b [T, H K]; v, o [T, H V]; beta [T, H]; g [T, H] or [T, H K]; scratch [2, C, K].
 */
#include "chunk.h"
#include "columns.h"
#include "gates.h"

typedef enum { DELTA, GATED_DELTA, KIMI_DELTA, RWKV7 } Rule;

/** A memory that has faded by this since it was last flushed is flushed: what was not negligible then is normal still. */
#define FAINT 0x1p-26f
/** It is flushed after so many rows in any case, counted from the start of the stream. */
enum { MOST_ROWS = 256 };

/** One vector a row, the rows `stride` apart. */
typedef struct {
  const float *at;
  int stride;
} Vectors;

/** A chunk's rows of one head. */
typedef struct {
  float *S;
  Rows rows;
  Vectors beta, decay, probe, answer;
  int count, K, V;
  float scale;
} Span;

/** One call of a kernel, all but its arrays. */
typedef struct {
  int T, H, K, V, C, position;
  float scale;
} Call;

/** The columns that only some of the rules have; `probe` and `answer` are RWKV-7's a and b. */
typedef struct {
  const float *beta, *g, *probe, *answer;
} Extras;

INLINE const float *rowOf(Vectors x, int row) { return x.at + row * x.stride; }

/** What a row writes into a strip: S = D S + k value^T, for RWKV-7 + answer seen^T. */
typedef struct {
  Vec seen[TILE_VECTORS], value[TILE_VECTORS];
} Write;

/** seen: what the row's probe finds in the strip. The delta rules turn it into a correction at once. */
INLINE Write writeOf(const Span *span, Extent extent, int row, Tile seen, const Rule rule) {
  const float *vRow = span->rows.v + row * span->rows.valueStride + extent.column;
  Write write;
  EACH_VECTOR(n, extent) {
    const Vec value = loadVector(vRow, n, extent);
    write.seen[n] = rule == GATED_DELTA ? seen[0][n] * *rowOf(span->decay, row) : seen[0][n];
    write.value[n] = rule == RWKV7 ? value : (value - write.seen[n]) * *rowOf(span->beta, row);
  }
  return write;
}

/** One pass: writes the row, reads its output into `o`, and asks the next row's probe, where there is one. */
INLINE void passOver(const Span *span, Extent extent, int row, const Write *write, Tile o, Tile seen, const Rule rule,
                     const int more) {
  const float *qRow = span->rows.q + row * span->rows.keyStride, *kRow = span->rows.k + row * span->rows.keyStride;
  const float *decayRow = rowOf(span->decay, row), *answerRow = rowOf(span->answer, row);
  const float *probeRow = rowOf(span->probe, row + more);
  float *s = span->S + extent.column;
  Vec decay = splat(rule == GATED_DELTA ? *decayRow : 1), answer = decay, probe = decay;
  ROLLED for (int key = 0; key < span->K; key++) {
    const Vec q = splat(qRow[key]), k = splat(kRow[key]);
    if (rule == KIMI_DELTA || rule == RWKV7) decay = splat(decayRow[key]);
    if (rule == RWKV7) answer = splat(answerRow[key]);
    if (more) probe = splat(probeRow[key]);
    EACH_VECTOR(n, extent) {
      Vec x = loadVector(s + key * span->V, n, extent);
      if (rule != DELTA) x *= decay;
      if (rule == RWKV7) x = multiplyAdd(answer, write->seen[n], x);
      x = multiplyAdd(k, write->value[n], x);
      storeVector(s + key * span->V, n, extent, x);
      o[0][n] = multiplyAdd(q, x, o[0][n]);
      if (more) seen[0][n] = multiplyAdd(probe, x, seen[0][n]);
    }
  }
}

INLINE void stepRow(const Span *span, Extent extent, int row, Tile seen, const Rule rule, const int more) {
  const Write write = writeOf(span, extent, row, seen, rule);
  float *oRow = span->rows.o + row * span->rows.valueStride + extent.column;
  Tile o = {0};
  EACH_VECTOR(n, extent) seen[0][n] = splat(0);
  passOver(span, extent, row, &write, o, seen, rule, more);
  EACH_VECTOR(n, extent) storeVector(oRow, n, extent, o[0][n] * span->scale);
}

INLINE void runStrip(const Span *span, Extent extent, const Rule rule) {
  Tile seen = {0};
  addProduct(seen, extent, span->probe.at, 0, span->S + extent.column, span->V, span->K);
  for (int row = 0; row + 1 < span->count; row++) stepRow(span, extent, row, seen, rule, 1);
  stepRow(span, extent, span->count - 1, seen, rule, 0);
}

INLINE void deltaStrip(const void *span, Extent extent) { runStrip(span, extent, DELTA); }
INLINE void gatedDeltaStrip(const void *span, Extent extent) { runStrip(span, extent, GATED_DELTA); }
INLINE void kimiDeltaStrip(const void *span, Extent extent) { runStrip(span, extent, KIMI_DELTA); }
INLINE void rwkv7Strip(const void *span, Extent extent) { runStrip(span, extent, RWKV7); }

INLINE TileBody *stripOf(const Rule rule) {
  switch (rule) {
    case DELTA: return deltaStrip;
    case GATED_DELTA: return gatedDeltaStrip;
    case KIMI_DELTA: return kimiDeltaStrip;
    default: return rwkv7Strip;
  }
}

/** decays [count] of one head, from g [count, H]. */
INLINE Vectors headDecays(const float *g, int H, int count, float *decays) {
  for (int row = 0; row < count; row++) decays[row] = g[row * H];
  map(gateLanes, decays, decays, count);
  return (Vectors){decays, 1};
}

/** decays [count, K] of one head, from g [count, H K]. */
INLINE Vectors keyDecays(const float *g, int stride, int count, int K, float *decays) {
  for (int row = 0; row < count; row++) map(gateLanes, g + row * stride, decays + row * K, K);
  return (Vectors){decays, K};
}

/** probes [count, K]: the keys, decayed by their own row's decays instead of the memory. */
INLINE Vectors decayedKeys(Rows rows, Vectors decay, int count, int K, float *probes) {
  for (int row = 0; row < count; row++) {
    const float *k = rows.k + row * rows.keyStride, *factor = rowOf(decay, row);
    float *probe = probes + row * K;
    int key = 0;
    ROLLED for (; key + W <= K; key += W) store(probe + key, load(k + key) * load(factor + key));
    for (; key < K; key++) probe[key] = k[key] * factor[key];
  }
  return (Vectors){probes, K};
}

/** Rows t to t + count of a head, with their decays and probes made. */
INLINE Span spanOf(float *S, Rows all, Extras extras, float *scratch, Call call, int head, int t, int count,
                   const Rule rule) {
  const int H = call.H, K = call.K, gate = t * H + head;
  const Rows rows = rowsFrom(rowsOfHead(all, head, H, K, call.V), t);
  Span span = {.S = S, .rows = rows, .count = count, .K = K, .V = call.V, .scale = call.scale};
  span.probe = (Vectors){rows.k, rows.keyStride};
  if (rule != RWKV7) span.beta = (Vectors){extras.beta + gate, H};
  if (rule == GATED_DELTA) span.decay = headDecays(extras.g + gate, H, count, scratch);
  if (rule == KIMI_DELTA || rule == RWKV7) span.decay = keyDecays(extras.g + gate * K, H * K, count, K, scratch);
  if (rule == KIMI_DELTA) span.probe = decayedKeys(rows, span.decay, count, K, scratch + call.C * K);
  if (rule == RWKV7) {
    span.probe = (Vectors){extras.probe + gate * K, H * K};
    span.answer = (Vectors){extras.answer + gate * K, H * K};
  }
  return span;
}

INLINE Vectors vectorsFrom(Vectors x, int row) { return (Vectors){x.at + row * x.stride, x.stride}; }

/** The span's rows from `row` on. */
INLINE Span spanFrom(Span span, int row) {
  span.rows = rowsFrom(span.rows, row);
  span.beta = vectorsFrom(span.beta, row);
  span.decay = vectorsFrom(span.decay, row);
  span.probe = vectorsFrom(span.probe, row);
  span.answer = vectorsFrom(span.answer, row);
  span.count -= row;
  return span;
}

/** The strongest fading of a row, but for decays of 0: they leave nothing that could be faint. */
INLINE float fadingOf(const Span *span, int row, const Rule rule) {
  const float *decay = rowOf(span->decay, row);
  float least = 1;
  for (int key = 0; key < (rule == GATED_DELTA ? 1 : span->K); key++) {
    if (decay[key] > 0 && decay[key] < least) least = decay[key];
  }
  return least;
}

/** How many of the span's rows pass until the memory is faint; faded: by how much it has faded since it was flushed. */
INLINE int rowsUntilFaint(const Span *span, float *faded, const Rule rule) {
  int row = 0;
  while (row < span->count && *faded >= FAINT) *faded *= fadingOf(span, row++, rule);
  return row;
}

/** Steps over the rows of an open chunk, with what has faded flushed in between. */
INLINE void runSpan(const Span *span, float *faded, const Rule rule) {
  for (int row = 0, count; row < span->count; row += count) {
    Span part = spanFrom(*span, row);
    count = faded ? rowsUntilFaint(&part, faded, rule) : part.count;
    part.count = count;
    eachTileOfRows(stripOf(rule), &part, 0, 1, span->V);
    if (!faded || *faded >= FAINT) continue;
    flushNegligible(span->S, span->K * span->V);
    *faded = 1;
  }
}

/** faded [H] is null where nothing fades. */
INLINE void run(float *S, float *faded, Rows rows, Extras extras, float *scratch, Call call, const Rule rule) {
  for (int head = 0; head < call.H; head++) {
    float *own = S + head * call.K * call.V;
    int position = call.position;
    for (int t = 0; t < call.T;) {
      const int left = call.T - t, open = call.C - position % call.C;
      const Span span = spanOf(own, rows, extras, scratch, call, head, t, open < left ? open : left, rule);
      runSpan(&span, faded ? faded + head : 0, rule);
      t += span.count;
      position = (position + span.count) % MOST_ROWS;
      if (position == 0) flushNegligible(own, call.K * call.V);
    }
  }
}

EXPORT void deltaRule(float *S, const float *q, const float *k, const float *v, const float *beta, float *o, int T,
                      int H, int K, int V, int C, int position, float scale) {
  run(S, 0, (Rows){q, k, v, o, 0, 0}, (Extras){.beta = beta}, 0, (Call){T, H, K, V, C, position, scale}, DELTA);
}

EXPORT void gatedDeltaRule(float *S, float *faded, const float *q, const float *k, const float *v, const float *beta, const float *g,
                           float *o, float *scratch, int T, int H, int K, int V, int C, int position, float scale) {
  const Extras extras = {.beta = beta, .g = g};
  run(S, faded, (Rows){q, k, v, o, 0, 0}, extras, scratch, (Call){T, H, K, V, C, position, scale}, GATED_DELTA);
}

EXPORT void kimiDeltaAttention(float *S, float *faded, const float *q, const float *k, const float *v, const float *beta,
                               const float *g, float *o, float *scratch, int T, int H, int K, int V, int C,
                               int position, float scale) {
  const Extras extras = {.beta = beta, .g = g};
  run(S, faded, (Rows){q, k, v, o, 0, 0}, extras, scratch, (Call){T, H, K, V, C, position, scale}, KIMI_DELTA);
}

EXPORT void rwkv7(float *S, float *faded, const float *r, const float *k, const float *v, const float *g, const float *a,
                  const float *b, float *o, float *scratch, int T, int H, int K, int V, int C, int position,
                  float scale) {
  const Extras extras = {.g = g, .probe = a, .answer = b};
  run(S, faded, (Rows){r, k, v, o, 0, 0}, extras, scratch, (Call){T, H, K, V, C, position, scale}, RWKV7);
}
