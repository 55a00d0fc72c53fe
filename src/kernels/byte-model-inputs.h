/**
 * The first layer's inputs: what each context, run, counter and match says of the next bit, and what is learned from it.
 *
 * Maps, one after another in the slot `maps`:
 *   records [contexts, 256, 4]: for a bit history: logit, 2 p - 1, logit again if it is certain, p
 *   counts [contexts, 256]: how often each came
 *   run maps [contexts, 32]: hits, logits, counts of the expected bit, for each class of counts in the first and
 *     second half of a byte
 *   match maps [matches]
 *   the trust map
 */
#pragma once

#include "byte-model-match.h"
#include "byte-model-slots.h"

enum { RUN_CELLS = 2 * RUN_CLASSES, FIRST_COUNT = 4, STATE_COUNT_MOST = 255, RUN_COUNT_MOST = 500 };
enum { MATCH_COUNT_MOST = 500, MISSED = -1 };

typedef struct {
  float hits[RUN_CELLS], logits[RUN_CELLS], counts[RUN_CELLS];
} RunMap;

typedef struct {
  Vec *records;
  float *counts;
  RunMap *runs;
  MatchMap *matches;
  TrustMap *trust;
} Maps;

INLINE Maps mapsOf(const Model *m) {
  const int contexts = m->plan->contexts;
  float *counts = m->maps + contexts * STATES * W;
  float *runs = counts + contexts * STATES;
  MatchMap *matches = (MatchMap *)(runs + contexts * (sizeof(RunMap) / 4));
  return (Maps){(Vec *)m->maps, counts, (RunMap *)runs, matches, (TrustMap *)(matches + m->plan->matches)};
}

/** What the next bit's inputs were made from. */
typedef struct {
  Maps maps;
  uint8_t state[CONTEXTS_MOST];
  /** The cell of the run map with the expected bit below it; cell 0 stands for no run or another byte. */
  int run[CONTEXTS_MOST];
  int match[MATCHES_MOST];
  float input[INPUTS_MOST] __attribute__((aligned(16)));
} Inputs;

INLINE Vec recordOf(const Tables *t, float p, int state) {
  const float logit = stretch(t, p);
  return (Vec){logit, (p - 0.5f) * 2, logit * t->certainty[state], p};
}

ONCE void startMaps(const Model *m) {
  const Maps maps = mapsOf(m);
  const Tables *t = m->tables;
  for (int k = 0; k < m->plan->contexts; k++) {
    for (int s = 0; s < STATES; s++) {
      maps.records[k * STATES + s] = s ? recordOf(t, t->prior[s], s) : (Vec){0, 0, 0, 0.5f};
      maps.counts[k * STATES + s] = s ? FIRST_COUNT : NEVER;
    }
    for (int i = 0; i < RUN_CELLS; i++) {
      const float p = 0.5f + 0.9f / RUN_CELLS * i / 2;
      maps.runs[k].hits[i] = p;
      maps.runs[k].logits[i] = stretch(t, p);
      maps.runs[k].counts[i] = 0;
    }
  }
  startMatches(t, maps.matches, m->plan->matches);
  startTrust(maps.trust);
}

/** The node within half a byte, 1 to 15. */
INLINE uint32_t nodeInHalf(uint32_t node, int place) {
  return place >= 4 ? node : 1u << (3 - place) | (node & ((1u << (3 - place)) - 1));
}

/** The expected bit of a run or match with its cell above it, if all bits before it were as expected. */
INLINE int expectedBit(uint32_t expected, uint32_t node, int place, int cell) {
  return expected >> (place + 1) == node ? (int)(cell * 2 + (expected >> place & 1)) : MISSED;
}

INLINE void readContexts(const Model *m, const Places *places, Inputs *in, uint32_t node, int place) {
  const uint32_t inHalf = nodeInHalf(node, place);
  for (int k = 0; k < m->plan->contexts; k++) {
    const int state = in->state[k] = places->slot[k][inHalf];
    const uint32_t expected = places->expected[k];
    const int isExpected = (expected & 511) >> (place + 1) == node, bit = expected >> place & 1;
    const int cell = (expected >> RUN_SHIFT) + (place >= 4 ? RUN_CLASSES : 0);
    const float sign = bit ? 1 : -1;
    Vec record = in->maps.records[k * STATES + state];
    record[3] = in->maps.runs[k].logits[cell] * (isExpected ? sign : 0);
    in->run[k] = isExpected ? cell << 1 | bit : 0;
    store(in->input + k * W, record);
  }
}

INLINE float *readCounters(const Model *m, const Places *places, float *input, uint32_t inHalf) {
  for (int order = 0; order < DIRECT; order++) {
    const uint32_t p = places->counters[order][inHalf] >> COUNT_BITS;
    *input++ = m->tables->stretch[p >> 10];
    *input++ = (float)p * 0x1p-21f - 1;
  }
  return input;
}

INLINE float *readMatches(const Model *m, Inputs *in, float *input, uint32_t node, int place) {
  for (int k = 0; k < m->plan->matches; k++) {
    const int expected = expectedByte(m, k);
    const int cell = lengthClass(m->registers->matches[k].length);
    const int match = in->match[k] = expected < 0 ? MISSED : expectedBit(expected | 256, node, place, cell);
    const float logit = in->maps.matches[k].logits[cell], p = (in->maps.matches[k].hits[cell] - 0.5f) * 2;
    *input++ = match == MISSED ? 0 : match & 1 ? logit : -logit;
    *input++ = match == MISSED ? 0 : match & 1 ? p : -p;
  }
  return input;
}

INLINE void learnContexts(const Model *m, const Places *places, Inputs *in, uint32_t inHalf, int bit) {
  const Tables *t = m->tables;
  for (int k = 0; k < m->plan->contexts; k++) {
    const int state = in->state[k], at = k * STATES + state;
    places->slot[k][inHalf] = m->histories->next[state][bit];
    const float count = in->maps.counts[at], p = in->maps.records[at][3];
    in->maps.records[at] = recordOf(t, p + ((float)bit - p) * t->reciprocal[nearest(count)], state);
    in->maps.counts[at] = count < STATE_COUNT_MOST ? count + 1 : count;
    RunMap *run = in->maps.runs + k;
    const int cell = in->run[k] >> 1;
    const float hit = (in->run[k] & 1) == bit, runs = run->counts[cell];
    run->hits[cell] += (hit - run->hits[cell]) * t->reciprocal[nearest(runs)];
    run->logits[cell] = stretch(t, run->hits[cell]);
    run->counts[cell] = runs < RUN_COUNT_MOST ? runs + 1 : runs;
  }
}

INLINE void learnCounters(const Model *m, const Places *places, uint32_t inHalf, int bit) {
  for (int order = 0; order < DIRECT; order++)
    learnCounter(m->tables, places->counters[order] + inHalf, bit, countLimit(order));
}

/** A match that expected the other bit is over. */
INLINE void learnMatches(const Model *m, Inputs *in, int bit) {
  for (int k = 0; k < m->plan->matches; k++) {
    if (in->match[k] == MISSED) continue;
    MatchMap *map = in->maps.matches + k;
    const int cell = in->match[k] >> 1;
    const float hit = (in->match[k] & 1) == bit, count = map->counts[cell];
    map->hits[cell] += (hit - map->hits[cell]) * m->tables->reciprocal[nearest(count)];
    map->logits[cell] = stretch(m->tables, map->hits[cell]);
    map->counts[cell] = count < MATCH_COUNT_MOST ? count + 1 : count;
    if (!hit) m->registers->matches[k].length = 0;
  }
}
