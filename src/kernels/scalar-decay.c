/**
 * Linear attention with one constant decay a head.
 *
 * Shapes: S [H, K, V], keys [H, K, C], values [H, C, V], z [H, K]; decay [H, C C + C]: the decays from row to row
 * [C, C], then those from the chunk's start to each row [C]; q, k [T, H K], v, o [T, H V].
 */
#include "chunk.h"
#include "columns.h"
#include "features.h"

/** One call of a kernel, all but its arrays. */
typedef struct {
  int T, H, K, V, C, position;
  float scale, epsilon;
} Call;

typedef struct {
  Attention attention;
  const float *z;
  float epsilon;
} Normalization;

/** o_i /= scale q_i . z_i + epsilon: z is a matrix of one column, and the chunk's part is the sum of the scores. */
INLINE void normalizeTile(const void *context, Extent extent) {
  const Normalization *normalization = context;
  const Attention *a = &normalization->attention;
  const float *qRow = a->rows.q + extent.row * a->rows.keyStride;
  Tile sums = {0};
  addProduct(sums, extent, qRow, a->rows.keyStride, normalization->z, 1, a->chunk.K);
  EACH_ROW(m, extent) {
    const int i = extent.row + m;
    float weight = sums[m][0][0] * (a->part.carry[i] * a->part.scale);
    for (int j = 0; j <= a->part.first + i; j++) weight += a->scores[i * a->chunk.C + j];
    divide(a->rows.o + i * a->rows.valueStride, weight + normalization->epsilon, a->chunk.V);
  }
}

/** z_k = carry z_k + the sum of the decayed keys; what is negligible becomes 0. */
INLINE void foldKeySums(float *z, Chunk chunk, int count, float carry) {
  for (int key = 0; key < chunk.K; key++) {
    float sum = z[key] * carry;
    for (int j = 0; j < count; j++) sum += chunk.keys[key * chunk.C + j];
    z[key] = __builtin_fabsf(sum) < NEGLIGIBLE ? 0 : sum;
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

INLINE void runHead(Chunk chunk, float *z, const float *decay, Rows rows, float *scores, Call call) {
  const int C = chunk.C;
  for (int t = 0, count; t < call.T; t += count) {
    const int first = (call.position + t) % C;
    count = rowsOfPart(first, call.T - t, C);
    const Part part = {first, count, decay + first * C, decay + C * C + first, call.scale};
    const Attention attention = {chunk, rowsFrom(rows, t), part, scores};
    attend(&attention);
    if (z) eachTile(normalizeTile, &(Normalization){attention, z, call.epsilon}, count, 1);
    if (first + count == C) fold(chunk, z, decay, C);
  }
}

/** z is null where nothing is normalized. */
static void run(float *S, float *z, float *keys, float *values, const float *decay, Rows rows, float *scores,
                Call call) {
  const int H = call.H, K = call.K, V = call.V, C = call.C;
  for (int head = 0; head < H; head++) {
    const Chunk chunk = chunkOfHead(S, keys, values, head, K, V, C);
    const float *table = decay + head * (C * C + C);
    runHead(chunk, z ? z + head * K : 0, table, rowsOfHead(rows, head, H, K, V), scores, call);
  }
}

EXPORT void scalarDecay(float *S, float *keys, float *values, const float *decay, const float *q, const float *k,
                        const float *v, float *o, float *scratch, int T, int H, int K, int V, int C, int position,
                        float scale) {
  run(S, 0, keys, values, decay, (Rows){q, k, v, o, 0, 0}, scratch, (Call){T, H, K, V, C, position, scale, 0});
}

EXPORT void normalizedScalarDecay(float *S, float *z, float *keys, float *values, const float *decay, const float *q,
                                  const float *k, const float *v, float *o, float *scratch, int T, int H, int K, int V,
                                  int C, int position, float scale, float epsilon) {
  run(S, z, keys, values, decay, (Rows){q, k, v, o, 0, 0}, scratch, (Call){T, H, K, V, C, position, scale, epsilon});
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
