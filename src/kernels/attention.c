/**
 * Exact softmax attention: given queries over keys that stream past, each row over the rows before it, and queries
 * over ragged keys of their own. The running softmax and what a block is are in `attention.h`.
 */
#include "attention.h"
#include "columns.h"
#include "decode-attention.h"

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

/** Rows of a call, which lie inside of one block, and where the running softmax of some of theirs is kept. */
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
INLINE int attendRows64(const Shape *shape, const Rows64 *own, Block rings, int head) {
  const int oldest = own->block * BLOCK_KEYS + own->first - shape->windowRows + 1;
  const int oldestBlock = oldest > 0 ? oldest / BLOCK_KEYS : 0;
  int kept = 0;
  for (int block = own->block; block >= oldestBlock; block--) kept += attendRows(shape, own, rings, head, block, 0);
  for (int block = 0; block < least(shape->sinkBlocks, own->block + 1); block++) {
    kept += attendRows(shape, own, rings, head, block, 1);
  }
  return kept;
}

/**
 * Appends T rows, which lie in one block, to the rings, for heads of keys `from` to below `to`.
 *
 * keys [kvHeads, blocks, K, 64], values [kvHeads, blocks, 64, V], phi [H, blocks, R, 64], decay [H, blocks, 64],
 * total [H]; k [T, kvHeads K], v [T, kvHeads V], g [T, H], phiK [T, H R]. `position` counts the rows before; see
 * `ringPosition`. Gives T.
 */
EXPORT int keepRing(float *keys, float *values, float *phi, double *decay, double *total, const float *k,
                    const float *v, const float *g, const float *phiK, const Shape *shape, int T, int position,
                    int from, int to) {
  const int H = shape->H, kvHeads = shape->kvHeads, K = shape->K, V = shape->V, R = shape->R;
  const Block rings = {keys, values, phi, decay};
  const int group = H / kvHeads, ringKeys = shape->ringBlocks * BLOCK_KEYS;
  const int slot = slotOf(shape, position / BLOCK_KEYS), first = position % BLOCK_KEYS;
  for (int head = from * group; head < to * group; head++) {
    const Block block = blockOf(rings, shape, head, slot);
    const int kvHead = head / group;
    if (head % group == 0) {
      keepKeys(block, shape, k + kvHead * K, kvHeads * K, v + kvHead * V, kvHeads * V, first, T);
    }
    if (R > 0) keepPhi(block.phi, R, phiK + head * R, H * R, first, T);
    if (shape->decays && first == 0) rebase(decay + head * ringKeys, total + head, ringKeys);
    if (shape->decays) keepDecays(block.decay, total + head, g + head, H, first, T);
  }
  return T;
}

/**
 * The outputs of T rows that the rings have, for their tiles of four rows `from` to below `to`, counted through all heads:
 * q [T, H K], phiQ [T, H R], sinkBias [H] or null; o [T, H V]. m, l [H, 64] and packed [H, 64, K + R] are scratch that
 * all tiles have together, scores [4, 64] is this call's own. Gives how often a row was not rescaled.
 */
EXPORT int attendRing(float *keys, float *values, float *phi, double *decay, const float *q, const float *phiQ,
                      const float *sinkBias, float *o, float *m, float *l, float *packed, float *scores,
                      const Shape *shape, int T, int position, int from, int to) {
  const int H = shape->H, K = shape->K, V = shape->V, R = shape->R, width = K + R;
  const Block rings = {keys, values, phi, decay};
  const int tiles = (T + TILE_ROWS - 1) / TILE_ROWS;
  int kept = 0;
  for (int tile = from; tile < to;) {
    const int head = tile / tiles, row = tile % tiles * TILE_ROWS;
    const int here = least(to - tile, tiles - tile % tiles);
    const int rows = least(here * TILE_ROWS, T - row), at = head * BLOCK_KEYS + row;
    const Block own = blockOf(rings, shape, head, slotOf(shape, position / BLOCK_KEYS));
    const int first = position % BLOCK_KEYS + row;
    const double *decays = shape->decays ? own.decay + first : 0;
    float *oRow = o + row * H * V + head * V;
    const Queries queries = {packed + at * width, decays, m + at, l + at, oRow, 1, H * V};
    for (int i = 0; i < rows; i++) {
      packQuery(q + ((row + i) * H + head) * K, phiQ + ((row + i) * H + head) * R, shape, packed + (at + i) * width);
      m[at + i] = sinkBias ? sinkBias[head] : -__builtin_inff();
      l[at + i] = sinkBias ? 1 : 0;
      fill(oRow + i * H * V, 0, V);
    }
    kept += attendRows64(shape, &(Rows64){position / BLOCK_KEYS, first, rows, queries, scores}, rings, head);
    for (int i = 0; i < rows; i++) normalize(oRow + i * H * V, m[at + i], l[at + i], V);
    tile += here;
  }
  return kept;
}

/** A run of keys: which row of queries asks, its first key, how many. */
typedef struct {
  int32_t row, first, count;
} Unit;

INLINE void attendUnit(Asking asking, Column all, Unit unit, const Shape *shape, float *scores) {
  const int K = shape->K, V = shape->V, R = shape->R;
  const int group = R > 0 ? 1 : shape->H / shape->kvHeads;
  for (int head = 0; head < shape->H; head += group) {
    const int kvHead = head / (shape->H / shape->kvHeads);
    const Column column = {all.k + kvHead * K, all.v + kvHead * V, all.phi + head * R,
                           all.kStride, all.vStride, all.phiStride};
    const Asking own = {asking.q + head * K, asking.phiQ + head * R, asking.m + head, asking.l + head,
                        asking.o + head * V};
    attendGroup(own, columnFrom(column, unit.first), group, unit.count, shape, scores);
  }
}

/**
 * The running softmax of one query a head over a run of keys, for the units `from` to below `to`: q [rows, H K],
 * phiQ [rows, H R], k [keys, kvHeads K], v [keys, kvHeads V], phiK [keys, H R], units [units] of row, first key and
 * count; m, l [units, H], o [units, H, V] start anew. scratch [4, 64].
 * Gives the units that it took: it stops at one with a number that is not finite.
 */
EXPORT int attendUnits(const float *q, const float *k, const float *v, const float *phiQ, const float *phiK, float *m,
                       float *l, float *o, float *scratch, const Shape *shape, const int32_t *units, int from, int to) {
  const int H = shape->H, V = shape->V, R = shape->R;
  const Column all = {k, v, phiK, shape->kvHeads * shape->K, shape->kvHeads * V, H * R};
  int at = from;
  for (; at < to; at++) {
    const Unit unit = ((const Unit *)units)[at];
    const Asking asking = {q + unit.row * H * shape->K, phiQ + unit.row * H * R, m + at * H, l + at * H, o + at * H * V};
    if (firstNonFinite(k + unit.first * all.kStride, unit.count * all.kStride) >= 0) break;
    if (firstNonFinite(v + unit.first * all.vStride, unit.count * all.vStride) >= 0) break;
    fill(asking.m, -__builtin_inff(), H);
    fill(asking.l, 0, H);
    fill(asking.o, 0, H * V);
    attendUnit(asking, all, unit, shape, scratch);
  }
  return at - from;
}

/** (m, l, o) [n] += each of `count` others in turn, m2, l2 [count, n], o2 [count, n, V]. */
EXPORT void mergeUnits(float *m, float *l, float *o, const float *m2, const float *l2, const float *o2, int count, int n,
                       int V) {
  for (int i = 0; i < count; i++) mergeSoftmax(m, l, o, m2 + i * n, l2 + i * n, o2 + i * n * V, n, V);
}
