/**
 * Linear attention with one constant decay a head.
 *
 * Shapes: S [H, K, V], keys [H, K, C], values [H, C, V], z [H, K]; decay [H, C C + C]: the decays from row to row
 * [C, C], then those from the chunk's start to each row [C]; q, k [T, H K], v, o [T, H V].
 */
#include "chunk.h"
#include "columns.h"
#include "features.h"

/** Rows after which what is negligible in the state is flushed: counted from the stream's start. */
enum { FLUSH_ROWS = 256 };

typedef struct {
  int T, H, K, V, C, position;
  float scale, epsilon;
} Sizes;

INLINE Chunk chunkOfHead(float *S, float *keys, float *values, int head, int K, int V, int C) {
  return (Chunk){S + head * K * V, keys + head * K * C, values + head * C * V, K, V, C};
}

/** z_k = carry z_k + the sum of the decayed keys. */
INLINE void foldKeySums(float *z, Chunk chunk, int count, float carry) {
  for (int key = 0; key < chunk.K; key++) {
    float sum = z[key] * carry;
    for (int j = 0; j < count; j++) sum += chunk.keys[key * chunk.C + j];
    z[key] = sum;
  }
}

/** Folds the chunk's first `count` rows into S, and into z where there is one. */
static void fold(Chunk chunk, float *z, const float *decay, int count) {
  const int last = count - 1;
  const float carry = decay[chunk.C * chunk.C + last];
  decayKeys(chunk, decay + last * chunk.C);
  foldChunk(chunk, count, carry);
  if (z) foldKeySums(z, chunk, count, carry);
}

/** sums_m = q_m . z for up to four rows at a time, side by side. */
INLINE void dotRows(float *sums, const float *q, int stride, const float *z, int rows, int K) {
  UNROLLED for (int m = 0; m < rows; m++) sums[m] = 0;
  ROLLED for (int key = 0; key < K; key++) {
    UNROLLED for (int m = 0; m < rows; m++) sums[m] += q[m * stride + key] * z[key];
  }
}

/** o_i /= scale q_i . z_i + epsilon, where z_i = carry_i z + the sum of D_ij k_j: its part in the chunk is the scores'. */
INLINE void normalizeRows(const float *z, Chunk chunk, Rows rows, Part part, const float *scores, float epsilon) {
  for (int row = 0; row < part.count; row += TILE_ROWS) {
    float sums[TILE_ROWS];
    const float *qRow = rows.q + row * rows.keyStride;
    const int together = part.count - row < TILE_ROWS ? part.count - row : TILE_ROWS;
    if (together == TILE_ROWS) dotRows(sums, qRow, rows.keyStride, z, TILE_ROWS, chunk.K);
    else for (int m = 0; m < together; m++) dotRows(sums + m, qRow + m * rows.keyStride, 0, z, 1, chunk.K);
    for (int m = 0; m < together; m++) {
      const int i = row + m;
      float weight = sums[m] * (part.carry[i] * part.scale);
      for (int j = 0; j <= part.first + i; j++) weight += scores[i * chunk.C + j];
      weight += epsilon;
      float *oRow = rows.o + i * rows.valueStride;
      for (int c = 0; c < chunk.V; c += W) {
        storeLanes(oRow + c, loadLanes(oRow + c, chunk.V - c) / weight, chunk.V - c);
      }
    }
  }
}

INLINE void runHead(Chunk chunk, float *z, const float *decay, Rows rows, float *scores, Sizes sizes) {
  const int C = chunk.C;
  int position = sizes.position;
  for (int t = 0; t < sizes.T;) {
    const int first = position % C;
    const int count = C - first < sizes.T - t ? C - first : sizes.T - t;
    const Part part = {first, count, decay + first * C, decay + C * C + first, sizes.scale};
    const Rows now = {rows.q + t * rows.keyStride, rows.k + t * rows.keyStride, rows.v + t * rows.valueStride,
                      rows.o + t * rows.valueStride, rows.keyStride, rows.valueStride};
    attend(chunk, now, part, scores);
    if (z) normalizeRows(z, chunk, now, part, scores, sizes.epsilon);
    if (first + count == C) fold(chunk, z, decay, C);
    t += count;
    position = (position + count) % FLUSH_ROWS;
    if (position == 0) flushNegligible(chunk.S, chunk.K * chunk.V);
    if (position == 0 && z) flushNegligible(z, chunk.K);
  }
}

static void run(float *S, float *z, float *keys, float *values, const float *decay, Rows rows, float *scores, Sizes s) {
  for (int head = 0; head < s.H; head++) {
    const Rows ofHead = {rows.q + head * s.K, rows.k + head * s.K, rows.v + head * s.V, rows.o + head * s.V,
                         s.H * s.K, s.H * s.V};
    runHead(chunkOfHead(S, keys, values, head, s.K, s.V, s.C), z ? z + head * s.K : 0,
            decay + head * (s.C * s.C + s.C), ofHead, scores, s);
  }
}

EXPORT void scalarDecay(float *S, float *keys, float *values, const float *decay, const float *q, const float *k,
                        const float *v, float *o, float *scratch, int T, int H, int K, int V, int C, int position,
                        float scale) {
  run(S, 0, keys, values, decay, (Rows){q, k, v, o, 0, 0}, scratch, (Sizes){T, H, K, V, C, position, scale, 0});
}

EXPORT void normalizedScalarDecay(float *S, float *z, float *keys, float *values, const float *decay, const float *q,
                                  const float *k, const float *v, float *o, float *scratch, int T, int H, int K, int V,
                                  int C, int position, float scale, float epsilon) {
  run(S, z, keys, values, decay, (Rows){q, k, v, o, 0, 0}, scratch, (Sizes){T, H, K, V, C, position, scale, epsilon});
}

static void settle(float *S, float *z, float *keys, float *values, const float *decay, int H, int K, int V, int C,
                   int position) {
  const int count = position % C;
  for (int head = 0; head < H && count > 0; head++) {
    fold(chunkOfHead(S, keys, values, head, K, V, C), z ? z + head * K : 0, decay + head * (C * C + C), count);
  }
}

EXPORT void settleScalarDecay(float *S, float *keys, float *values, const float *decay, int H, int K, int V, int C,
                              int position) {
  settle(S, 0, keys, values, decay, H, K, V, C, position);
}

EXPORT void settleNormalizedScalarDecay(float *S, float *z, float *keys, float *values, const float *decay, int H,
                                        int K, int V, int C, int position) {
  settle(S, z, keys, values, decay, H, K, V, C, position);
}
