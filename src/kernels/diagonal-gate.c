/**
 * Linear attention with one gate for each key, head and row, given as its logarithm.
 *
 * How much of an older key a row still sees is a product of gates, another one for each element: queries and keys must
 * each bear a part of it. No part may exceed 1, so that nothing overflows. So a chunk is cut into groups of 4 rows. The
 * keys of whole groups are kept as decayed to the end of the last whole group, those of the open group as decayed to
 * the newest row; groupDecay is the product of gates since the last whole group, chunkDecay that of the whole groups. A
 * row reads S with q groupDecay chunkDecay, the whole groups with q groupDecay, and its own group with q.
 *
 * Shapes: S [H, K, V], keys [H, K, C], values [H, C, V], groupKeys [H, 4, K], groupDecay, chunkDecay, decay [H, K];
 * q, k, g [T, H K], v, o [T, H V], bonus [H, K]; scratch [C (2 K + C)].
 */
#include "chunk.h"
#include "columns.h"
#include "gates.h"

enum { GROUP_ROWS = 4 };

/** Decayed keys smaller than this count as 0. */
#define SMALLEST_KEY 0x1p-70f

/** Which state a row reads: the one that it has written to, or the one before it, with a bonus for its own key. */
typedef enum { AFTER, BEFORE } Reads;

/** One call of a kernel, all but its arrays. */
typedef struct {
  int T, H, K, V, C, position;
  float scale;
} Call;

/** One head's keys in the open group [4, K], and decays [K]: of that group, of the groups before, of the chunks before. */
typedef struct {
  float *groupKeys, *groupDecay, *chunkDecay, *decay;
} Decays;

/** A head's gates in packed columns, and its bonus [K]. */
typedef struct {
  const float *g, *bonus;
} Gates;

/** Queries [C, K] as they read S and the chunk's whole groups, scores [C, C]. */
typedef struct {
  float *stateQueries, *groupQueries, *scores;
} Scratch;

/** One row of one head, and where its queries and the scores in its own group go. */
typedef struct {
  const float *q, *k, *g, *bonus;
  float *stateQuery, *groupQuery, *scores;
  float scale;
} Row;

INLINE Decays decaysOfHead(Decays all, int head, int K) {
  const int at = head * K;
  return (Decays){all.groupKeys + GROUP_ROWS * at, all.groupDecay + at, all.chunkDecay + at, all.decay + at};
}

INLINE Vec decayedKeyLanes(Vec key) { return zeroWhere(absolute(key) < SMALLEST_KEY, key); }

/** Passes some keys of a row that has `before` rows before it in its group. */
INLINE void passLanes(Decays decays, const Row *row, int at, int lanes, int K, int before, Reads reads, Quad *scores) {
  const Vec gate = gateLanes(loadLanes(row->g + at, lanes));
  const Vec q = loadLanes(row->q + at, lanes) * row->scale;
  const Vec k = loadLanes(row->k + at, lanes);
  const Vec earlier = loadLanes(decays.groupDecay + at, lanes);
  const Vec newest = decayLanes(earlier * gate);
  const Vec groupQuery = q * (reads == BEFORE ? earlier : newest);
  storeLanes(decays.groupDecay + at, newest, lanes);
  storeLanes(row->groupQuery + at, groupQuery, lanes);
  storeLanes(row->stateQuery + at, groupQuery * loadLanes(decays.chunkDecay + at, lanes), lanes);
  float *keys = decays.groupKeys + at;
  for (int j = 0; j < before; j++) {
    const Vec kept = loadLanes(keys + j * K, lanes);
    const Vec decayed = decayedKeyLanes(kept * gate);
    storeLanes(keys + j * K, decayed, lanes);
    scores[j] = addByQuads(scores[j], q * (reads == BEFORE ? kept : decayed));
  }
  storeLanes(keys + before * K, k, lanes);
  const Vec own = reads == BEFORE ? q * loadLanes(row->bonus + at, lanes) : q;
  scores[before] = addByQuads(scores[before], own * k);
}

ONCE void passTail(Decays decays, const Row *row, int at, int K, int before, Reads reads, Quad *scores) {
  passLanes(decays, row, at, K - at, K, before, reads, scores);
}

INLINE void passRow(Decays decays, const Row *row, int K, int before, Reads reads) {
  Quad scores[GROUP_ROWS] = {0};
  int at = 0;
  ROLLED for (; at + W <= K; at += W) passLanes(decays, row, at, W, K, before, reads, scores);
  if (at < K) passTail(decays, row, at, K, before, reads, scores);
  UNROLLED for (int j = 0; j <= before; j++) row->scores[j] = sumOfQuad(scores[j]);
}

/** Passes row `i` of a part: decays what is older, keeps its key, makes its queries and the scores in its own group. */
INLINE void pass(Chunk chunk, Decays decays, Rows rows, Gates gates, Part part, Scratch scratch, int i, Reads reads) {
  const int K = chunk.K, at = i * rows.keyStride;
  const int before = (part.first + i) % GROUP_ROWS;
  float *scores = scratch.scores + i * chunk.C + part.first + i - before;
  const Row row = {rows.q + at, rows.k + at, gates.g + at, gates.bonus, scratch.stateQueries + i * K,
                   scratch.groupQueries + i * K, scores, part.scale};
  switch (before) {
    case 0: passRow(decays, &row, K, 0, reads); break;
    case 1: passRow(decays, &row, K, 1, reads); break;
    case 2: passRow(decays, &row, K, 2, reads); break;
    default: passRow(decays, &row, K, 3, reads);
  }
}

/** The open group's `count` keys join the chunk's before `first`, which decay along. */
ONCE void closeGroup(Chunk chunk, Decays decays, int first, int count) {
  const int K = chunk.K;
  for (int key = 0; key < K; key++) {
    const Vec decay = splat(decays.groupDecay[key]);
    float *column = chunk.keys + key * chunk.C;
    ROLLED for (int j = 0; j < first; j += W) store(column + j, decayedKeyLanes(load(column + j) * decay));
  }
  storeKeys(chunk, (Rows){.k = decays.groupKeys, .keyStride = K}, (Part){.first = first, .count = count});
  takeDecays(decays.chunkDecay, decays.groupDecay, SMALLEST_DECAY, K);
}

/** Scores of `count` rows of the group that begins at the chunk's row `group`, with all the groups before. */
ONCE void scoreGroups(Chunk chunk, const float *queries, float *scores, int group, int count) {
  const Attention attention = {
      chunk, {.q = queries, .keyStride = chunk.K}, {.first = group, .count = count}, scores};
  eachTile(scoreTile, &attention, count, group);
}

/** A part's queries and scores: in its own group row by row, with the groups before in tiles. */
INLINE void scorePart(Chunk chunk, Decays decays, Rows rows, Gates gates, Part part, Scratch scratch, Reads reads) {
  const int end = part.first + part.count;
  for (int at = part.first; at < end;) {
    const int group = at - at % GROUP_ROWS;
    const int groupEnd = group + GROUP_ROWS < end ? group + GROUP_ROWS : end;
    const int row = at - part.first, count = groupEnd - at;
    for (int i = row; i < row + count; i++) pass(chunk, decays, rows, gates, part, scratch, i, reads);
    scoreGroups(chunk, scratch.groupQueries + row * chunk.K, scratch.scores + row * chunk.C, group, count);
    if (groupEnd == group + GROUP_ROWS) closeGroup(chunk, decays, group, GROUP_ROWS);
    at = groupEnd;
  }
}

ONCE void writeOutputs(Chunk chunk, Part part, Scratch scratch, float *o, int stride) {
  const Rows rows = {.q = scratch.stateQueries, .o = o, .keyStride = chunk.K, .valueStride = stride};
  eachTile(outputTile, &(Attention){chunk, rows, part, scratch.scores}, part.count, chunk.V);
}

/** Folds the chunk's first `count` rows, all in whole groups, into S; the next chunk begins. */
ONCE void fold(Chunk chunk, Decays decays, int count) {
  foldChunkByKey(chunk, count, decays.chunkDecay);
  takeDecays(decays.decay, decays.chunkDecay, NEGLIGIBLE, chunk.K);
}

INLINE void runHead(Chunk chunk, Decays decays, Rows rows, Gates gates, Scratch scratch, Call call, Reads reads) {
  const int C = chunk.C;
  for (int t = 0, count; t < call.T; t += count) {
    const int first = (call.position + t) % C;
    count = rowsOfPart(first, call.T - t, C);
    const Part part = {.first = first, .count = count, .scale = call.scale};
    const Rows own = rowsFrom(rows, t);
    storeValues(chunk, own, part);
    scorePart(chunk, decays, own, (Gates){gates.g + t * rows.keyStride, gates.bonus}, part, scratch, reads);
    writeOutputs(chunk, part, scratch, own.o, own.valueStride);
    if (first + count == C) fold(chunk, decays, C);
  }
}

INLINE void run(float *S, float *keys, float *values, Decays decays, Rows rows, Gates gates, float *scratch, Call call,
                Reads reads) {
  const int K = call.K, V = call.V, C = call.C;
  const Scratch parts = {scratch, scratch + C * K, scratch + 2 * C * K};
  for (int head = 0; head < call.H; head++) {
    const Chunk chunk = chunkOfHead(S, keys, values, head, K, V, C);
    const Gates own = {gates.g + head * K, gates.bonus + head * K};
    runHead(chunk, decaysOfHead(decays, head, K), rowsOfHead(rows, head, call.H, K, V), own, parts, call, reads);
  }
}

EXPORT void diagonalGate(float *S, float *keys, float *values, float *groupKeys, float *groupDecay, float *chunkDecay,
                         float *decay, const float *q, const float *k, const float *v, const float *g, float *o,
                         float *scratch, int T, int H, int K, int V, int C, int position, float scale) {
  run(S, keys, values, (Decays){groupKeys, groupDecay, chunkDecay, decay}, (Rows){q, k, v, o, 0, 0}, (Gates){g, g},
      scratch, (Call){T, H, K, V, C, position, scale}, AFTER);
}

EXPORT void bonusDiagonalGate(float *S, float *keys, float *values, float *groupKeys, float *groupDecay,
                              float *chunkDecay, float *decay, const float *bonus, const float *q, const float *k,
                              const float *v, const float *g, float *o, float *scratch, int T, int H, int K, int V,
                              int C, int position, float scale) {
  run(S, keys, values, (Decays){groupKeys, groupDecay, chunkDecay, decay}, (Rows){q, k, v, o, 0, 0},
      (Gates){g, bonus}, scratch, (Call){T, H, K, V, C, position, scale}, BEFORE);
}

EXPORT void settleDiagonalGate(float *S, float *keys, float *values, float *groupKeys, float *groupDecay,
                               float *chunkDecay, float *decay, int H, int K, int V, int C, int position) {
  const int count = position % C;
  for (int head = 0; head < H && count > 0; head++) {
    const Chunk chunk = chunkOfHead(S, keys, values, head, K, V, C);
    const Decays decays = decaysOfHead((Decays){groupKeys, groupDecay, chunkDecay, decay}, head, K);
    const int open = count % GROUP_ROWS;
    if (open > 0) closeGroup(chunk, decays, count - open, open);
    fold(chunk, decays, count);
  }
}
