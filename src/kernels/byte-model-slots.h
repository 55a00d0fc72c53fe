/**
 * What is known in each context. Three kinds of memory, each context with tables of its own:
 *
 *   slots [contexts, 2^slotBits] bytes: 16 bytes stand for half a byte in a context: a check of the hash, then a bit
 *     history for each of the 15 nodes of the half byte's tree
 *   runs [contexts, 2^runBits, 2] bytes: the last byte in the context, and how often it came in a row
 *   counters [4, 2^counterBits] words: orders 0 to 3 directly: a probability of 22 bits, a count of 10
 */
#pragma once

#include "byte-model-memory.h"

enum { SLOT_BYTES = 16, WAYS = 3, COUNT_BITS = 10 };

/** What stays the same during a byte. */
typedef struct {
  uint32_t hash[CONTEXTS_MOST];
  uint8_t *slot[CONTEXTS_MOST];
  uint8_t *run[CONTEXTS_MOST];
  /** Of a run: the byte with a 1 before it, and above it the class of its count; 0 where there is none. */
  uint32_t expected[CONTEXTS_MOST];
  uint32_t *counters[DIRECT];
} Places;

/** Keeps loads that only bring memory nearer from being optimized away. */
INLINE void touch(const void *p) { (void)*(const volatile uint8_t *)p; }

/** The slot with the hash's check among three neighbours of a cache line, or the least used of them, emptied. */
INLINE uint8_t *slotFor(const Histories *histories, uint8_t *table, uint32_t at, uint32_t mask, uint8_t check) {
  uint8_t *least = 0;
  int leastTotal = STATES;
  for (uint32_t way = 0; way < WAYS; way++) {
    uint8_t *slot = table + ((at ^ way) & mask) * SLOT_BYTES;
    if (slot[0] == check) return slot;
    const int total = histories->total[slot[1]];
    if (total < leastTotal) {
      leastTotal = total;
      least = slot;
    }
  }
  *(uint64_t *)least = check;
  *(uint64_t *)(least + 8) = 0;
  return least;
}

/** Finds the slots for the byte's first half, `node` 1, or for its second half below the node of the first. */
ONCE void findSlots(const Model *m, Places *places, uint32_t node) {
  const int bits = m->plan->slotBits - 4;
  const uint32_t mask = (1u << bits) - 1, salt = node == 1 ? 0 : node * 0x2f0b4c47u;
  uint32_t at[CONTEXTS_MOST], check[CONTEXTS_MOST];
  const int contexts = m->plan->contexts;
  for (int k = 0; k < contexts; k++) {
    const uint32_t hash = node == 1 ? places->hash[k] : (places->hash[k] + salt) * 0x9e3779b1u;
    check[k] = hash >> 24;
    at[k] = tableIndex(hash, bits);
    touch(m->slots + ((size_t)k << m->plan->slotBits) + at[k] * SLOT_BYTES);
  }
  for (int k = 0; k < contexts; k++) {
    uint8_t *table = m->slots + ((size_t)k << m->plan->slotBits);
    places->slot[k] = slotFor(m->histories, table, at[k], mask, check[k]);
  }
}

enum { RUN_SEEN = 256, RUN_CLASSES = 16, RUN_SHIFT = 16 };

INLINE void findRuns(const Model *m, Places *places) {
  for (int k = 0; k < m->plan->contexts; k++) {
    const uint32_t at = places->hash[k] * 0x85ebca6bu >> (32 - m->plan->runBits);
    const uint8_t *run = places->run[k] = m->runs + ((((size_t)k << m->plan->runBits) + at) << 1);
    const uint32_t count = run[1] < RUN_CLASSES - 1 ? run[1] : RUN_CLASSES - 1;
    places->expected[k] = count ? run[0] | RUN_SEEN | count << RUN_SHIFT : 0;
  }
}

INLINE void learnRuns(const Model *m, Places *places, uint32_t byte) {
  for (int k = 0; k < m->plan->contexts; k++) {
    uint8_t *run = places->run[k];
    if (run[1] && run[0] == byte) {
      run[1] += run[1] < 255;
    } else {
      run[0] = byte;
      run[1] = 1;
    }
  }
}

/** Finds the counters of orders 0 to 3 for half a byte: 16 of them, a cache line. */
INLINE void findCounters(const Model *m, Places *places, uint32_t node) {
  const int bits = m->plan->counterBits;
  const uint32_t last4 = m->registers->last4, salt = node == 1 ? 0 : node * 0x3a2c9u;
  const uint32_t hash[DIRECT] = {0, last4 & 0xff, last4 & 0xffff, last4 & 0xffffff};
  for (int order = 0; order < DIRECT; order++) {
    const uint32_t line = tableIndex(hash[order] * 0x2c1b3c6du + salt, bits - 4);
    places->counters[order] = m->counters + ((size_t)order << bits) + (line << 4);
    touch(places->counters[order]);
  }
}

#define EVEN_COUNTER (1u << 31)

/** The least rate of each order is 1 / (limit + 3/2). */
INLINE uint32_t countLimit(int order) { return order == 0 ? 60 : order == 1 ? 30 : order == 2 ? 16 : 10; }

INLINE void learnCounter(const Tables *tables, uint32_t *counter, int bit, uint32_t limit) {
  const uint32_t count = *counter & ((1 << COUNT_BITS) - 1);
  const int32_t p = *counter >> COUNT_BITS, target = bit ? (1 << 22) - 1 : 0;
  const int32_t moved = p + (int32_t)((float)(target - p) * tables->reciprocal[count]);
  *counter = (uint32_t)moved << COUNT_BITS | (count < limit ? count + 1 : limit);
}
