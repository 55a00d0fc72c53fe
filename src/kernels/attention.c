/**
 * Exact softmax attention: given queries over keys that stream past, each row over the rows before it, and queries
 * over ragged keys of their own. The running softmax and what a block is are in `attention.h`.
 */
#include "attention.h"
#include "columns.h"

/** Where a head's blocks lie in the rings. */
INLINE Block blockOf(Block rings, const Shape *shape, int head, int slot) {
  const int K = shape->K, V = shape->V, R = shape->R;
  const int kvSlot = head / (shape->H / shape->kvHeads) * shape->ringBlocks + slot;
  const int ownSlot = head * shape->ringBlocks + slot;
  return (Block){
      rings.keys + kvSlot * K * BLOCK_KEYS,
      rings.values + kvSlot * V * BLOCK_KEYS,
      rings.phi + ownSlot * R * BLOCK_KEYS,
      shape->decays ? rings.decay + ownSlot * BLOCK_KEYS : 0,
  };
}

/**
 * Appends `count` rows to blocks of keys, behind their first `first` rows. keys [kvHeads, blocks, K, 64],
 * values [kvHeads, blocks, 64, V], phi [H, blocks, R, 64]; k [count, kvHeads K], v [count, kvHeads V],
 * phiK [count, H R]. Gives the rows that it appended: all of them, or 0 where a number among them is not finite.
 */
EXPORT int keepBlockKeys(float *keys, float *values, float *phi, const float *k, const float *v, const float *phiK,
                         const Shape *shape, int first, int count) {
  const int K = shape->K, V = shape->V, R = shape->R, kvHeads = shape->kvHeads;
  if (firstNonFinite(k, count * kvHeads * K) >= 0 || firstNonFinite(v, count * kvHeads * V) >= 0) return 0;
  for (int t = 0; t < count;) {
    const int slot = (first + t) / BLOCK_KEYS, row = (first + t) % BLOCK_KEYS;
    const int rows = rowsOfPart(row, count - t, BLOCK_KEYS);
    for (int head = 0; head < shape->H; head++) {
      const Block block = blockOf((Block){keys, values, phi, 0}, shape, head, slot);
      if (R > 0) keepPhi(block.phi, R, phiK + (t * shape->H + head) * R, shape->H * R, row, rows);
    }
    for (int head = 0; head < kvHeads; head++) {
      const Block block = blockOf((Block){keys, values, 0, 0}, shape, head * (shape->H / kvHeads), slot);
      keepKeys(block, shape, k + (t * kvHeads + head) * K, kvHeads * K, v + (t * kvHeads + head) * V, kvHeads * V,
               row, rows);
    }
    t += rows;
  }
  return count;
}

/** Takes a block's first `count` keys into the running softmax of a head's rows `row` to below `to`, four at most. */
INLINE int attendQueries(Queries all, Block block, const Shape *shape, int row, int to, int count, float *scratch) {
  const int width = shape->K + shape->R;
  Spans spans;
  for (int i = 0; i < TILE_ROWS; i++) {
    spans.from[i] = 0;
    spans.to[i] = count;
  }
  if (row + TILE_ROWS <= to) return attendFour(queriesFrom(all, row, width), block, shape, &spans, scratch);
  int kept = 0;
  for (; row < to; row++) kept += attendOne(queriesFrom(all, row, width), block, shape, &spans, scratch);
  return kept;
}

/**
 * Takes the first `count` keys of blocks into the running softmax of every query, block by block. keys, values and phi
 * as in `keepBlockKeys`; queries [H, N, K + R] packed, m, l [N, H], o [N, H, V]; the tiles of four queries `from` to
 * below `to`, counted through all heads. Gives how many rows of how many blocks were not rescaled. scratch [4, 64].
 */
EXPORT int attendBlocks(const float *queries, float *keys, float *values, float *phi, float *m, float *l, float *o,
                        float *scratch, const Shape *shape, int N, int count, int from, int to) {
  const int H = shape->H, V = shape->V, width = shape->K + shape->R;
  const int tiles = (N + TILE_ROWS - 1) / TILE_ROWS;
  int kept = 0;
  for (int first = 0; first < count; first += BLOCK_KEYS) {
    for (int tile = from; tile < to; tile++) {
      const int head = tile / tiles, row = tile % tiles * TILE_ROWS;
      const Block block = blockOf((Block){keys, values, phi, 0}, shape, head, first / BLOCK_KEYS);
      const Queries all = {queries + head * N * width, 0, m + head, l + head, o + head * V, H, H * V};
      kept += attendQueries(all, block, shape, row, N, least(count - first, BLOCK_KEYS), scratch);
    }
  }
  return kept;
}

/** m = m + log l, l = 1, o = o / l of n running softmaxes, o [n, V]; where l is 0, m is -infinity and o is 0. */
EXPORT void settleSoftmax(float *m, float *l, float *o, int n, int V) {
  for (int i = 0; i < n; i++) {
    m[i] = normalize(o + i * V, m[i], l[i], V);
    l[i] = l[i] == 0 ? 0 : 1;
  }
}

/** (m, l, o) += (m2, l2, o2) for n running softmaxes, o [n, V]. */
EXPORT void mergeSoftmax(float *m, float *l, float *o, const float *m2, const float *l2, const float *o2, int n, int V) {
  for (int i = 0; i < n; i++) {
    const float highest = m[i] > m2[i] ? m[i] : m2[i];
    float factors[TILE_ROWS] = {m[i] == highest ? 0 : m[i] - highest, m2[i] == highest ? 0 : m2[i] - highest};
    expOfRows(factors);
    m[i] = highest;
    l[i] = l[i] * factors[0] + l2[i] * factors[1];
    float *row = o + i * V;
    const float *row2 = o2 + i * V;
    int c = 0;
    ROLLED for (; c + W <= V; c += W) {
      store(row + c, flushLanes(load(row + c) * splat(factors[0]) + load(row2 + c) * splat(factors[1])));
    }
    if (c < V) {
      const Vec sum = loadLanes(row + c, V - c) * splat(factors[0]) + loadLanes(row2 + c, V - c) * splat(factors[1]);
      storeLanes(row + c, flushLanes(sum), V - c);
    }
  }
}

/** The ring's slot of a block: blocks of sinks stay where they are, the others take turns. */
INLINE int slotOf(const Shape *shape, int block) {
  const int sinks = shape->sinkBlocks;
  return block < sinks ? block : sinks + (block - sinks) % (shape->ringBlocks - sinks);
}

/** Sums up log decays g [count], a stride apart, behind the ring's row `first`; `total` is the sum so far. */
INLINE void keepDecays(double *decay, double *total, const float *g, int stride, int first, int count) {
  for (int i = 0; i < count; i++) {
    *total += g[i * stride];
    decay[first + i] = *total;
  }
}

/** Sums of decays are only ever subtracted from each other: before they grow too large, all become less by the last. */
#define LOWEST_TOTAL -1048576.0

INLINE void rebase(double *decay, double *total, int count) {
  if (*total > LOWEST_TOTAL) return;
  for (int i = 0; i < count; i++) decay[i] -= *total;
  *total = 0;
}

/** Rows of a call inside of one block, and where the running softmax of theirs is kept. */
typedef struct {
  int block, first, count;
  Queries queries;
  float *scores;
} Rows64;

INLINE int clampToBlock(int x) { return x < 0 ? 0 : x > BLOCK_KEYS ? BLOCK_KEYS : x; }

/**
 * The keys that rows `row` to `row + rows` of the call take from a block. `asSinks`: the sinks in it that have left
 * the window. Otherwise the window: as many rows as it has, the row itself among them.
 */
INLINE Spans spansOf(const Shape *shape, const Rows64 *own, int row, int rows, int block, int asSinks) {
  Spans spans;
  for (int i = 0; i < TILE_ROWS; i++) {
    const int self = (own->block - block) * BLOCK_KEYS + own->first + row + (i < rows ? i : 0);
    const int start = self - shape->windowRows + 1;
    const int sinks = shape->sinkRows - block * BLOCK_KEYS;
    spans.from[i] = asSinks ? 0 : clampToBlock(start);
    spans.to[i] = clampToBlock(asSinks ? least(sinks, start) : self + 1);
  }
  return spans;
}

INLINE int attendRows(const Shape *shape, const Rows64 *own, Block rings, int head, int block, int asSinks) {
  const Block keys = blockOf(rings, shape, head, slotOf(shape, block));
  const int width = shape->K + shape->R;
  int kept = 0, row = 0;
  for (; row + TILE_ROWS <= own->count; row += TILE_ROWS) {
    const Spans spans = spansOf(shape, own, row, TILE_ROWS, block, asSinks);
    kept += attendFour(queriesFrom(own->queries, row, width), keys, shape, &spans, own->scores);
  }
  for (; row < own->count; row++) {
    const Spans spans = spansOf(shape, own, row, 1, block, asSinks);
    kept += attendOne(queriesFrom(own->queries, row, width), keys, shape, &spans, own->scores);
  }
  return kept;
}

/** From the rows' own block back to the oldest one in the window, then the sinks that have left it. */
INLINE int attendRing(const Shape *shape, const Rows64 *own, Block rings, int head) {
  const int oldest = own->block * BLOCK_KEYS + own->first - shape->windowRows + 1;
  const int oldestBlock = oldest > 0 ? oldest / BLOCK_KEYS : 0;
  int kept = 0;
  for (int block = own->block; block >= oldestBlock; block--) kept += attendRows(shape, own, rings, head, block, 0);
  for (int block = 0; block < least(shape->sinkBlocks, own->block + 1); block++) {
    kept += attendRows(shape, own, rings, head, block, 1);
  }
  return kept;
}

/** What a call of causalAttention works on. */
typedef struct {
  const float *q, *k, *v, *g, *phiQ, *phiK, *sinkBias;
  float *o;
} CausalRows;

INLINE int runCausalHead(const Shape *shape, Block rings, CausalRows rows, Rows64 own, int head, int t) {
  const int H = shape->H, K = shape->K, V = shape->V, R = shape->R, width = K + R;
  float *packed = (float *)own.queries.query;
  for (int i = 0; i < own.count; i++) {
    const int at = (t + i) * H + head;
    packQuery(rows.q + at * K, rows.phiQ + at * R, shape, packed + i * width);
    own.queries.m[i] = rows.sinkBias ? rows.sinkBias[head] : -__builtin_inff();
    own.queries.l[i] = rows.sinkBias ? 1 : 0;
    fill(own.queries.o + i * V, 0, V);
  }
  if (shape->decays) {
    own.queries.decay = blockOf(rings, shape, head, slotOf(shape, own.block)).decay + own.first;
  }
  const int kept = attendRing(shape, &own, rings, head);
  for (int i = 0; i < own.count; i++) {
    float *o = own.queries.o + i * V;
    normalize(o, own.queries.m[i], own.queries.l[i], V);
    map(same, o, rows.o + ((t + i) * H + head) * V, V);
  }
  return kept;
}

INLINE int runCausalGroup(const Shape *shape, Block rings, double *total, CausalRows rows, Rows64 own, int kvHead,
                          int t) {
  const int H = shape->H, kvHeads = shape->kvHeads, K = shape->K, V = shape->V, R = shape->R;
  const int group = H / kvHeads, slot = slotOf(shape, own.block);
  int kept = 0;
  for (int head = kvHead * group; head < (kvHead + 1) * group; head++) {
    const Block block = blockOf(rings, shape, head, slot);
    if (head == kvHead * group) {
      keepKeys(block, shape, rows.k + (t * kvHeads + kvHead) * K, kvHeads * K, rows.v + (t * kvHeads + kvHead) * V,
               kvHeads * V, own.first, own.count);
    }
    if (R > 0) keepPhi(block.phi, R, rows.phiK + (t * H + head) * R, H * R, own.first, own.count);
    if (shape->decays) keepDecays(block.decay, total + head, rows.g + t * H + head, H, own.first, own.count);
    kept += runCausalHead(shape, rings, rows, own, head, t);
    if (shape->decays && own.first + own.count == BLOCK_KEYS) {
      rebase(rings.decay + head * shape->ringBlocks * BLOCK_KEYS, total + head, shape->ringBlocks * BLOCK_KEYS);
    }
  }
  return kept;
}

/**
 * Appends T rows to the rings and writes their outputs, for heads of keys `from` to below `to`.
 *
 * keys [kvHeads, blocks, K, 64], values [kvHeads, blocks, 64, V], phi [H, blocks, R, 64], decay [H, blocks, 64],
 * total [H]; q [T, H K], k [T, kvHeads K], v [T, kvHeads V], g [T, H], phiQ, phiK [T, H R], sinkBias [H] or null,
 * o [T, H V]; scratch [4 64 + 64 (K + R + V + 2)]. `position` counts the rows before; see `ringPosition`.
 */
EXPORT int causalAttention(float *keys, float *values, float *phi, double *decay, double *total, const float *q,
                           const float *k, const float *v, const float *g, const float *phiQ, const float *phiK,
                           const float *sinkBias, float *o, float *scratch, const Shape *shape, int T, int position,
                           int from, int to) {
  const Block rings = {keys, values, phi, decay};
  const CausalRows rows = {q, k, v, g, phiQ, phiK, sinkBias, o};
  float *m = scratch + TILE_ROWS * BLOCK_KEYS, *l = m + BLOCK_KEYS, *sums = l + BLOCK_KEYS;
  const Queries queries = {sums + BLOCK_KEYS * shape->V, 0, m, l, sums, 1, shape->V};
  int kept = 0;
  for (int kvHead = from; kvHead < to; kvHead++) {
    for (int t = 0; t < T;) {
      const int first = (position + t) % BLOCK_KEYS;
      const int count = rowsOfPart(first, T - t, BLOCK_KEYS);
      const Rows64 own = {(position + t) / BLOCK_KEYS, first, count, queries, scratch};
      kept += runCausalGroup(shape, rings, total, rows, own, kvHead, t);
      t += count;
    }
  }
  return kept;
}

/** Takes a block's first `count` keys into the running softmax of one query a head: m, l [H], o [H, V]. */
INLINE void attendHeads(const float *queries, Block rings, float *m, float *l, float *o, const Shape *shape, int count,
                        float *scores) {
  const int group = shape->R > 0 ? 1 : shape->H / shape->kvHeads;
  const Queries all = {queries, 0, m, l, o, 1, shape->V};
  for (int head = 0; head < shape->H; head += group) {
    const Block block = blockOf(rings, shape, head, 0);
    for (int row = 0; row < group; row += TILE_ROWS) {
      attendQueries(all, block, shape, head + row, head + group, count, scores);
    }
  }
}

/**
 * The running softmax of one query a head over at most 64 keys, for every `stride`th of `units` from `first` on:
 * q [units, H K], k [units, 64, kvHeads K], v [units, 64, kvHeads V], phiQ [units, H R], phiK [units, 64, H R],
 * counts [units] of keys; m, l [units, H], o [units, H, V] start anew.
 * Gives the units that it took: it stops at one with a number that is not finite.
 * scratch [4 64 + H (K + R) + 64 (kvHeads (K + V) + H R)].
 */
EXPORT int attendUnits(const float *q, const float *k, const float *v, const float *phiQ, const float *phiK, float *m,
                       float *l, float *o, float *scratch, const Shape *shape, const int32_t *counts, int units,
                       int first, int stride) {
  const int H = shape->H, kvHeads = shape->kvHeads, K = shape->K, V = shape->V, R = shape->R;
  float *queries = scratch + TILE_ROWS * BLOCK_KEYS, *keys = queries + H * (K + R);
  float *values = keys + kvHeads * K * BLOCK_KEYS, *phi = values + kvHeads * V * BLOCK_KEYS;
  int taken = 0;
  for (int unit = first; unit < units; unit += stride) {
    for (int head = 0; head < H; head++) {
      const int at = unit * H + head;
      packQuery(q + at * K, phiQ + at * R, shape, queries + head * (K + R));
      m[at] = -__builtin_inff();
      l[at] = 0;
    }
    fill(o + unit * H * V, 0, H * V);
    const int row = unit * BLOCK_KEYS;
    const int rows = keepBlockKeys(keys, values, phi, k + row * kvHeads * K, v + row * kvHeads * V, phiK + row * H * R,
                                   shape, 0, counts[unit]);
    if (rows < counts[unit]) break;
    attendHeads(queries, (Block){keys, values, phi, 0}, m + unit * H, l + unit * H, o + unit * H * V, shape, rows,
                scratch);
    taken++;
  }
  return taken;
}
