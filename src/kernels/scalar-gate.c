/**
 * Linear attention with one gate a head and row, given as its logarithm.
 *
 * Shapes: S [H, K, V], keys [H, K, C], values [H, C, V], fades [H, C], carry [H], decay [H]; q, k [T, H K],
 * v, o [T, H V], g [T, H]; scratch [2 C C + C].
 */
#include "chunk.h"
#include "columns.h"
#include "gates.h"

/** One call of a kernel, all but its arrays. */
typedef struct {
  int T, H, K, V, C, position;
  float scale;
} Call;

/** One head's decays to the newest row: fades [C] from each row of the open chunk, carry from before its first. */
typedef struct {
  float *fades, *carry;
  /** From before the first row of all to before the open chunk's first. */
  float *decay;
} Decays;

/** Where a part's decays and scores are put: among, scores [C, C], carries [C]. */
typedef struct {
  float *among, *scores, *carries;
} Scratch;

INLINE Decays decaysOfHead(Decays all, int head, int C) {
  return (Decays){all.fades + head * C, all.carry + head, all.decay + head};
}

/** y = `gate` times x for the decays to one row more, which is the chunk's `row`: its own is 1. */
INLINE void fadeBy(float gate, const float *x, float *y, int row, int C) {
  ROLLED for (int j = 0; j < C; j += W) {
    store(y + j, select(laneIndices(j) == row, splat(1), decayLanes(load(x + j) * gate)));
  }
}

/** Writes the decays of each of the part's rows, and keeps the last ones for the rows to come. */
INLINE void decayPart(Decays decays, const float *gates, int gateStride, int first, int count, int C, Scratch scratch) {
  const float *newest = decays.fades;
  float carry = *decays.carry;
  for (int i = 0; i < count; i++) {
    const float gate = gates[i * gateStride];
    float *fades = scratch.among + i * C;
    fadeBy(gate, newest, fades, first + i, C);
    newest = fades;
    carry = decayOf(carry * gate);
    scratch.carries[i] = carry;
  }
  map(same, newest, decays.fades, C);
  *decays.carry = carry;
}

/** Folds the chunk's first `count` rows into S; the next chunk begins. */
ONCE void fold(Chunk chunk, Decays decays, int count) {
  decayKeys(chunk, decays.fades);
  foldChunk(chunk, count, *decays.carry);
  takeDecays(decays.decay, decays.carry, NEGLIGIBLE, 1);
  fill(decays.fades, 0, chunk.C);
}

INLINE void runHead(Chunk chunk, Decays decays, Rows rows, const float *gates, Scratch scratch, Call call) {
  const int C = chunk.C;
  for (int t = 0, count; t < call.T; t += count) {
    const int first = (call.position + t) % C;
    count = rowsOfPart(first, call.T - t, C);
    decayPart(decays, gates + t * call.H, call.H, first, count, C, scratch);
    const Part part = {first, count, scratch.among, scratch.carries, call.scale};
    attend(&(Attention){chunk, rowsFrom(rows, t), part, scratch.scores});
    if (first + count == C) fold(chunk, decays, C);
  }
}

/** The gates are made in place of their logarithms. */
EXPORT void scalarGate(float *S, float *keys, float *values, float *fades, float *carry, float *decay, const float *q,
                       const float *k, const float *v, float *g, float *o, float *scratch, int T, int H, int K, int V,
                       int C, int position, float scale) {
  const Rows rows = {q, k, v, o, 0, 0};
  const Call call = {T, H, K, V, C, position, scale};
  const Scratch parts = {scratch, scratch + C * C, scratch + 2 * C * C};
  map(gateLanes, g, g, T * H);
  for (int head = 0; head < H; head++) {
    const Chunk chunk = chunkOfHead(S, keys, values, head, K, V, C);
    const Decays decays = decaysOfHead((Decays){fades, carry, decay}, head, C);
    runHead(chunk, decays, rowsOfHead(rows, head, H, K, V), g + head, parts, call);
  }
}

EXPORT void settleScalarGate(float *S, float *keys, float *values, float *fades, float *carry, float *decay, int H,
                             int K, int V, int C, int position) {
  const int count = position % C;
  for (int head = 0; head < H && count > 0; head++) {
    const Decays decays = decaysOfHead((Decays){fades, carry, decay}, head, C);
    fold(chunkOfHead(S, keys, values, head, K, V, C), decays, count);
  }
}
