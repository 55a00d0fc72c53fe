/**
 * Mixing: every set picks the row of weights that suits the moment, each row adds up all inputs to a logit of its own,
 * and a last layer adds up those logits in six ways, whose mean is the mix. All weights learn at every bit.
 *
 * Shapes: weights [sets, 2^setBits, inputs], their counts [sets, 2^setBits], finals [6, 2^finalBits, 16].
 */
#pragma once

#include "byte-model-inputs.h"
#include "byte-model-text.h"

/** What the choice of rows depends on, at one bit. */
typedef struct {
  uint32_t node;
  int place;
  /** 0 without a match; else 1 more than the class of its length when the byte began. */
  uint32_t match, expected;
  /** How many of the long contexts have been seen before. */
  uint32_t longSeen;
  /** The state space model's probability in 8 parts, and its logit in 16. */
  uint32_t eighth, sixteenth;
} Moment;

typedef struct {
  float *row[SETS_MOST];
  uint32_t *count[SETS_MOST];
  float *final[FINALS];
  float logits[LOGITS] __attribute__((aligned(16)));
  float probability[SETS_MOST], finalProbability[FINALS];
} Mix;

INLINE uint32_t rowOfSet(const Registers *r, const Moment *now, int set) {
  const uint32_t last4 = r->last4, place = now->place;
  switch (set) {
    case 0: return now->node;
    case 1: return now->match << 8 | (last4 & 0xff);
    case 2: return now->longSeen << 3 | place | now->match << 6;
    case 3: return (r->word != 0) | place << 1 | (r->field < 15 ? r->field : 15) << 4 | now->eighth << 8;
    case 4: return last4 >> 8 & 0xff;
    case 5: return now->eighth << 8 | now->node;
    case 6: return now->expected | (now->match > 0) << 8;
    case 7: return r->markup << 8 | now->node;
    case 8: return (r->wordLength < 15 ? r->wordLength : 15) << 3 | place | classOf(last4 >> 8 & 0xff) << 7;
    case 9: return r->classes & 0xfff;
    case 10: return last4 >> 16 & 0xff;
    default: return now->sixteenth << 3 | place | now->longSeen << 7;
  }
}

INLINE uint32_t rowOfFinal(const Registers *r, const Moment *now, int set) {
  switch (set) {
    case 0: return (now->match ? now->match - 1 : 0) << 8 | now->node;
    case 1: return r->last4 & 0xff;
    case 2: return now->sixteenth << 3 | now->place;
    case 3: return r->markup << 3 | now->place | now->longSeen << 7;
    case 4: return r->classes & 0x1ff;
    default: return r->last4 >> 8 & 0xff;
  }
}

ONCE void startMixer(const Model *m) {
  const Plan *plan = m->plan;
  const size_t rows = (size_t)plan->sets << plan->setBits;
  for (size_t row = 0; row < rows; row++) {
    float *w = m->weights + row * plan->inputs;
    for (int i = 0; i < plan->inputs; i++) {
      const int ofRecord = i < plan->contexts * W ? i % W : 3;
      w[i] = ofRecord == 0 ? m->rates->weightState : ofRecord == 3 ? m->rates->weightOther : 0;
    }
  }
  const size_t finals = (size_t)FINALS << plan->finalBits;
  for (size_t i = 0; i < finals * LOGITS; i++) {
    m->finals[i] = i % LOGITS < (size_t)plan->sets ? 1.0f / plan->sets : 0;
  }
}

/** The dot products of two rows with the same inputs, each as `dotProduct` has it: the inputs are read once. */
INLINE void twoDotProducts(const float *a, const float *b, const float *x, int n, float *products) {
  Vec aEven = {0}, aOdd = {0}, bEven = {0}, bOdd = {0};
  ROLLED for (int i = 0; i < n; i += 2 * W) {
    const Vec even = load(x + i), odd = load(x + i + W);
    aEven += load(a + i) * even;
    aOdd += load(a + i + W) * odd;
    bEven += load(b + i) * even;
    bOdd += load(b + i + W) * odd;
  }
  products[0] = acrossLanes(aEven + aOdd);
  products[1] = acrossLanes(bEven + bOdd);
}

/** What enters the last layer: the sets' logits, the state space models', and those of the direct counters. */
INLINE void gatherLogits(const Plan *plan, const float *input, const float *ssmLogits, float *logits) {
  const float *counters = input + plan->contexts * W;
  for (int i = plan->sets; i < LOGITS; i++) {
    const int ssm = i - plan->sets, counter = ssm - plan->ssms;
    logits[i] = ssm < plan->ssms ? ssmLogits[ssm] : counter < DIRECT ? counters[2 * counter] : 0;
  }
}

/** The mix's logit. */
INLINE float mixInputs(const Model *m, const Moment *now, const float *input, const float *ssmLogits, Mix *mix) {
  const Plan *plan = m->plan;
  for (int k = 0; k < plan->sets; k++) {
    const uint32_t row = rowOfSet(m->registers, now, plan->set[k]) & ((1u << plan->setBits) - 1);
    const size_t at = ((size_t)k << plan->setBits) + row;
    mix->row[k] = m->weights + at * plan->inputs;
    mix->count[k] = m->weightCounts + at;
    touch(mix->row[k]);
    touch(mix->row[k] + 16);
  }
  int pair = 0;
  for (; pair + 2 <= plan->sets; pair += 2)
    twoDotProducts(mix->row[pair], mix->row[pair + 1], input, plan->inputs, mix->logits + pair);
  if (pair < plan->sets) mix->logits[pair] = dotProduct(mix->row[pair], input, plan->inputs);
  for (int k = 0; k < plan->sets; k++) {
    mix->logits[k] = clampTo(mix->logits[k], LOGIT_MOST);
    mix->probability[k] = roughSigmoid(m->tables, mix->logits[k]);
  }
  gatherLogits(plan, input, ssmLogits, mix->logits);
  float sum = 0;
  for (int k = 0; k < FINALS; k++) {
    const uint32_t row = rowOfFinal(m->registers, now, k) & ((1u << plan->finalBits) - 1);
    mix->final[k] = m->finals + (((size_t)k << plan->finalBits) + row) * LOGITS;
    const float logit = clampTo(dotProduct(mix->final[k], mix->logits, LOGITS), LOGIT_MOST);
    mix->finalProbability[k] = roughSigmoid(m->tables, logit);
    sum += logit;
  }
  return sum / FINALS;
}

/** A row learns the slower the more it has learned; errors that hardly matter are left out. */
INLINE void learnMix(const Model *m, const float *input, Mix *mix, int bit) {
  const Rates *rates = m->rates;
  for (int k = 0; k < FINALS; k++) {
    addScaled(mix->final[k], mix->logits, ((float)bit - mix->finalProbability[k]) * rates->finalRate, LOGITS);
  }
  for (int k = 0; k < m->plan->sets; k++) {
    const float error = (float)bit - mix->probability[k];
    if (__builtin_fabsf(error) < rates->mixIgnored) continue;
    const float rate = rates->mixLeast + rates->mixSpan / (1 + (float)*mix->count[k] * rates->mixDecay);
    addScaled(mix->row[k], input, error * rate, m->plan->inputs);
    *mix->count[k] += *mix->count[k] < 65535;
  }
}
