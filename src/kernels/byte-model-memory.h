/**
 * What the byte model works on: registers, the sizes of everything (`plan`), constant tables, and its state's arrays.
 * Their contents are described where they are used; `byte-model-memory.ts` lays out the same.
 */
#pragma once

#include <stddef.h>

#include "byte-model-coder.h"
#include "math.h"

_Static_assert(W == 4, "the order of a dot product's sums is part of the format: vectors have four lanes");

enum { CONTEXTS_MOST = 64, MATCHES_MOST = 3, SETS_MOST = 16, FINALS = 6, APMS_MOST = 10, SSMS_MOST = 2, FIELDS = 64 };
enum { DIRECT = 4, INPUTS_MOST = 4 * CONTEXTS_MOST + 32, LOGITS = 16, STEP_WORDS = 8 };

/** A match model: where the predicted byte lies, how many bytes before it agree, and where its heads begin. */
typedef struct {
  uint32_t position, length;
} Match;

/** Small numbers that change with every byte; all unsigned, so that they are one array. */
typedef struct {
  Coder coder;
  /** 1 once the model has been started. */
  uint32_t started;
  /** Bytes so far, modulo 2^32. */
  uint32_t position;
  /** The last 4, 8 and 12 bytes, the newest lowest. */
  uint32_t last4, last8, last12;
  /** Hashes of the open word (0 between words), of the three words before it, and of what separates them. */
  uint32_t word, word1, word2, word3, separator, separator1, between;
  /** The first letters of the open word and of the two before it; the last letters of the open one and the last one. */
  uint32_t stem, stem1, stem2, suffix, suffix1;
  uint32_t wordLength, wordLength1, capitalized, lastCapitalized, firstWord;
  /** The last 4 and 8 bytes with letters in lower case and all digits as 0; classes of bytes, 3 bits each. */
  uint32_t folded4, folded8, classes;
  /** Where this line and the one above began, and a hash of the first three bytes. */
  uint32_t line, lineAbove, lineBeginning;
  /** CSV and the like: the field's number, what it holds so far, where it began. */
  uint32_t field, fieldText, fieldBegan;
  /** What is open in wiki, XML or JSON text, the text since, the tags' names, the brackets of this line. */
  uint32_t markup, markupText, tag, openTag, inTag, brackets;
  Match matches[MATCHES_MOST];
  /** Where the fields of this line and of the one above began; 0 where there are none. */
  uint32_t fields[FIELDS], fieldsAbove[FIELDS];
} Registers;

/** A state space model's sizes. */
typedef struct {
  int32_t width1, width2, chunk, tables, rowBits;
} SsmPlan;

/** The sizes of a level, in the order of `byte-model-memory.ts`. */
typedef struct {
  int32_t ngrams, ssms, contexts, matches, sets, apms;
  int32_t slotBits, runBits, counterBits, historyBits, indirectBits, headBits, setBits, finalBits, apmBits;
  /** Inputs of the first layer, padded to a multiple of 8. */
  int32_t inputs;
  SsmPlan ssm[SSMS_MOST];
  int32_t context[CONTEXTS_MOST], set[SETS_MOST], apm[APMS_MOST];
} Plan;

/** The rates of a level, in the order of `byte-model-memory.ts`. */
typedef struct {
  float mixLeast, mixSpan, mixDecay, mixIgnored, finalRate;
  float weightState, weightOther, apmFirst, apmStep, apmMost, ssmHead, ssmBody;
} Rates;

enum { STRETCH_ENTRIES = 4096, SIGMOID_STEPS = 4096, RECIPROCALS = 1024, NEVER = RECIPROCALS - 1, STATES = 256 };

/** Tables that no option changes. */
typedef struct {
  /** log(p / (1 - p)) at p = i / 4095, and half a step within at both ends. */
  float stretch[STRETCH_ENTRIES];
  /** 1 / (1 + e^-x) at x = (i - 2048) / 170. */
  float sigmoid[SIGMOID_STEPS + 4];
  /** 1 / (i + 3/2), and 0 at the end: what never changes. */
  float reciprocal[RECIPROCALS];
  /** What a bit history says before anything is known of it, and how much more it counts when it is all zeros or ones. */
  float prior[STATES], certainty[STATES];
} Tables;

/** Bit histories: the state after a 0 and a 1, and how many bits it stands for. */
typedef struct {
  uint8_t next[STATES][2], total[STATES];
} Histories;

typedef struct {
  Registers *registers;
  uint8_t *history, *slots, *runs;
  uint32_t *counters, *indirect, *heads;
  float *maps, *weights;
  uint32_t *weightCounts;
  float *finals, *apms, *ssm, *embeddings;
  uint32_t *steps;
  const Plan *plan;
  const Rates *rates;
  const Tables *tables;
  const Histories *histories;
} Model;

/** The arrays that every kernel begins with. */
#define ARRAYS                                                                                                     \
  uint32_t *registers, uint8_t *history, uint8_t *slots, uint8_t *runs, uint32_t *counters, uint32_t *indirect,    \
      uint32_t *heads, float *maps, float *weights, uint32_t *weightCounts, float *finals, float *apms, float *ssm, \
      float *embeddings, uint32_t *steps, const int32_t *plan, const float *rates, const float *tables,             \
      const uint8_t *histories
#define MODEL                                                                                                       \
  (Model){(Registers *)registers, history, slots, runs, counters, indirect, heads, maps, weights, weightCounts,     \
          finals, apms, ssm, embeddings, steps, (const Plan *)plan, (const Rates *)rates, (const Tables *)tables,   \
          (const Histories *)histories}

INLINE uint32_t mixHash(uint32_t a, uint32_t b) {
  uint32_t h = a * 0x2c1b3c6du ^ (b + 0x9e3779b9u) * 0x297a2d39u;
  h ^= h >> 15;
  h *= 0x85ebca6bu;
  return h ^ h >> 13;
}

/** The `bits` highest bits of a product: an index into a table of 2^bits entries. */
INLINE uint32_t tableIndex(uint32_t hash, int bits) { return hash * 0x9e3779b1u >> (32 - bits); }

INLINE float clampTo(float x, float limit) { return x > limit ? limit : x < -limit ? -limit : x; }

/** No logit is larger: e^12 to 1. */
#define LOGIT_MOST 12.0f

#define ROUNDER_BITS 0x4b400000

/** The integer nearest to x, |x| < 2^22: a conversion that truncates would have to look for NaN and overflow. */
INLINE int nearest(float x) {
  const union {
    float number;
    int32_t bits;
  } shifted = {x + ROUNDER};
  return shifted.bits - ROUNDER_BITS;
}

INLINE float stretch(const Tables *t, float p) { return t->stretch[nearest(p * 4095)]; }
/** From a table; for |x| <= 12. */
INLINE float roughSigmoid(const Tables *t, float x) { return t->sigmoid[nearest(x * 170 + 2048)]; }

INLINE float acrossLanes(Vec x) { return (x[0] + x[1]) + (x[2] + x[3]); }

/** a [n] . b [n]; n is a multiple of 8. */
INLINE float dotProduct(const float *a, const float *b, int n) {
  Vec even = {0}, odd = {0};
  ROLLED for (int i = 0; i < n; i += 2 * W) {
    even += load(a + i) * load(b + i);
    odd += load(a + i + W) * load(b + i + W);
  }
  return acrossLanes(even + odd);
}

/** y [n] += factor x [n]; n is a multiple of 4. */
INLINE void addScaled(float *y, const float *x, float factor, int n) {
  ROLLED for (int i = 0; i < n; i += W) store(y + i, load(y + i) + splat(factor) * load(x + i));
}
