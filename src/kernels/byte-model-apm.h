/**
 * Adaptive probability maps: each corrects the mix by how such predictions turned out in a context of its own.
 *
 * A row is a cache line [16]: probabilities at 15 logits, evenly spaced from -8 to 8, and a count that sets its rate.
 * Shapes: apms [apms, 2^apmBits, 16].
 */
#pragma once

#include "byte-model-mixer.h"

enum { APM_FLOATS = 16, BINS = APM_FLOATS - 1, COUNT = BINS };
#define APM_LIMIT 7.999f
#define BINS_PER_LOGIT 0.875f
/** How much the mix itself counts beside each map. */
#define MIX_WEIGHT 2.0f

typedef struct {
  float *row[APMS_MOST];
  int bin;
  float above;
} Apms;

INLINE uint32_t apmContext(const Registers *r, const Moment *now, int apm) {
  const uint32_t last4 = r->last4;
  switch (apm) {
    case 0: return last4 & 0xff;
    case 1: return last4 & 0xffff;
    case 2: return now->expected | now->match << 8;
    case 3: return last4 & 0xffffff;
    case 4: return r->word;
    case 5: return now->sixteenth;
    case 6: return last4 & 0xffff00;
    default: return mixHash(r->markup, r->classes & 0xfff);
  }
}

ONCE void startApms(const Model *m) {
  const size_t rows = (size_t)m->plan->apms << m->plan->apmBits;
  float fresh[APM_FLOATS] = {[COUNT] = m->rates->apmFirst};
  for (int i = 0; i < BINS; i++) fresh[i] = sigmoidLanes(splat((i - BINS / 2) / BINS_PER_LOGIT))[0];
  for (size_t row = 0; row < rows; row++) {
    for (int i = 0; i < APM_FLOATS; i++) m->apms[row * APM_FLOATS + i] = fresh[i];
  }
}

/** The rows for half a byte in a context are neighbours: a page of memory that is near stays near. */
INLINE void findApms(const Model *m, const Moment *now, Apms *a) {
  const uint32_t half = now->place >= 4 ? 0 : now->node >> (3 - now->place);
  const uint32_t inHalf = nodeInHalf(now->node, now->place);
  for (int k = 0; k < m->plan->apms; k++) {
    const uint32_t hash = mixHash(apmContext(m->registers, now, m->plan->apm[k]), half);
    const uint32_t row = tableIndex(hash, m->plan->apmBits - 4) << 4 | inHalf;
    a->row[k] = m->apms + (((size_t)k << m->plan->apmBits) + row) * APM_FLOATS;
    touch(a->row[k]);
  }
}

/** The mean of the mix's probability and what each map makes of its logit. */
INLINE float refine(const Model *m, float logit, float probability, Apms *a) {
  const float at = (clampTo(logit, APM_LIMIT) + 8) * BINS_PER_LOGIT;
  a->bin = nearest(at - 0.5f);
  a->above = at - (float)a->bin;
  float sum = probability * MIX_WEIGHT;
  for (int k = 0; k < m->plan->apms; k++) {
    const float *bin = a->row[k] + a->bin;
    sum += bin[0] * (1 - a->above) + bin[1] * a->above;
  }
  return sum / (MIX_WEIGHT + (float)m->plan->apms);
}

/** The nearer bin moves by the whole rate, the other by as much of it as it counted. */
INLINE void learnApms(const Model *m, Apms *a, int bit) {
  const Rates *rates = m->rates;
  const int nearer = a->above > 0.5f;
  const float share = nearer ? 1 - a->above : a->above;
  for (int k = 0; k < m->plan->apms; k++) {
    float *near = a->row[k] + a->bin + nearer, *far = a->row[k] + a->bin + 1 - nearer;
    const float count = a->row[k][COUNT], rate = m->tables->reciprocal[nearest(count)];
    *near += ((float)bit - *near) * rate;
    *far += ((float)bit - *far) * (rate * share);
    const float next = count + rates->apmStep;
    a->row[k][COUNT] = next < rates->apmMost ? next : rates->apmMost;
  }
}
