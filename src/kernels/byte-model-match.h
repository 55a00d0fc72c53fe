/** Match models: where the last bytes stood before, and the byte that came then. */
#pragma once

#include "byte-model-memory.h"

enum { VERIFIED_MOST = 400, LENGTH_MOST = 65535, LENGTH_CLASSES = 32, NOTHING_EXPECTED = -1 };

/** A match model's maps: for each class of lengths how often the expected bit came, its logit, how many were seen. */
typedef struct {
  float hits[LENGTH_CLASSES], logits[LENGTH_CLASSES], counts[LENGTH_CLASSES];
} MatchMap;

/** From this length on, a match is trusted: see `isTrusted`. Classes of such lengths are powers of two. */
enum { TRUSTED_LENGTH = 512, TRUST_CLASSES = 8, TRUST_COUNT_MOST = 1000 };

/** How often trusted matches of each class have ended, and how many bytes they have been asked for. */
typedef struct {
  float ends[TRUST_CLASSES], counts[TRUST_CLASSES];
} TrustMap;

INLINE uint32_t leastLength(int model) { return model == 0 ? 6 : model == 1 ? 12 : 24; }

INLINE uint32_t lengthClass(uint32_t length) {
  if (length < 16) return length;
  if (length < 32) return 16 + (length - 16) / 4;
  if (length < 64) return 20 + (length - 32) / 8;
  return length < 512 ? 24 + (length - 64) / 64 : 31;
}

INLINE int expectedByte(const Model *m, int model) {
  const Match match = m->registers->matches[model];
  return match.length ? m->history[match.position & ((1u << m->plan->historyBits) - 1)] : NOTHING_EXPECTED;
}

/**
 * Whether the first match is so long that one decision codes the next byte: it is the expected one, or it is not. Such
 * a byte is taken in, but nothing is learned from it: long repeats cost next to nothing, and little time.
 */
INLINE int isTrusted(const Model *m) {
  return m->plan->matches > 0 && m->registers->matches[0].length >= TRUSTED_LENGTH;
}

INLINE uint32_t trustClass(uint32_t length) {
  uint32_t class = 0;
  for (uint32_t most = 2 * TRUSTED_LENGTH; length >= most && class < TRUST_CLASSES - 1; most *= 2) class++;
  return class;
}

INLINE void startTrust(TrustMap *trust) {
  for (int i = 0; i < TRUST_CLASSES; i++) {
    trust->ends[i] = 0.01f;
    trust->counts[i] = 10;
  }
}

INLINE void learnTrust(const Tables *tables, TrustMap *trust, uint32_t class, int ended) {
  const float count = trust->counts[class], p = trust->ends[class];
  trust->ends[class] = p + ((float)ended - p) * tables->reciprocal[nearest(count)];
  trust->counts[class] = count < TRUST_COUNT_MOST ? count + 1 : count;
}

INLINE void startMatches(const Tables *tables, MatchMap *maps, int models) {
  for (int k = 0; k < models; k++) {
    for (int i = 0; i < LENGTH_CLASSES; i++) {
      maps[k].hits[i] = i >= 16 ? 0.99f : 0.745f;
      maps[k].logits[i] = stretch(tables, maps[k].hits[i]);
      maps[k].counts[i] = 0;
    }
  }
}

/** How many of the bytes before `there` and before the present position agree, up to a limit. */
INLINE uint32_t agreeing(const Model *m, uint32_t there) {
  const uint32_t mask = (1u << m->plan->historyBits) - 1, here = m->registers->position;
  uint32_t length = 0;
  while (length < VERIFIED_MOST && m->history[(there - 1 - length) & mask] == m->history[(here - 1 - length) & mask])
    length++;
  return length;
}

/** Moves each match on behind a byte, and looks for a new one where there is none. */
ONCE void advanceMatches(const Model *m) {
  const uint32_t here = m->registers->position, mask = (1u << m->plan->historyBits) - 1;
  for (int k = 0; k < m->plan->matches; k++) {
    Match *match = m->registers->matches + k;
    if (match->length) {
      match->position++;
      match->length += match->length < LENGTH_MOST;
    }
    uint32_t hash = 0;
    for (uint32_t j = 0; j < leastLength(k); j++) {
      hash = (hash + m->history[(here - 1 - j) & mask] + 1) * 0x2f0b4c47u;
      hash ^= hash >> 15;
    }
    uint32_t *head = m->heads + ((size_t)k << m->plan->headBits) + (hash >> (32 - m->plan->headBits));
    if (!match->length && *head) {
      const uint32_t length = agreeing(m, *head);
      if (length >= leastLength(k) - 2) *match = (Match){*head, length};
    }
    *head = here;
  }
}
