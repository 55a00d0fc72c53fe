/**
 * A selective state space model that predicts bits and learns as it goes.
 *
 *   u_t  = E[byte] + sum over tables of R[hash]             sparse embeddings of the last bytes and words
 *   h_t  = a h_(t-1) + (1 - a) u_t,  a = sigmoid(A[byte])    width1 states, each with its own memory for each byte
 *   y_t  = h_t G[byte],  f_t = y_t / rms(y_t)
 *   s_t  = b s_(t-1) + (1 - b) (P f_t) sigmoid(Q f_t)        width2 states, b learned
 *   logit of the next bit = head[node] . [f_t, s_t / rms(s_t), 1]
 *
 * The head learns at every bit, everything else whenever a chunk is full (`byte-model-ssm-learning.h`). Shapes: E, A, G [256, width1], R [tables, 2^rowBits, width1], P and Q together [2 width2,
 * width1], head [256, width1 + width2 + 8].
 */
#pragma once

#include "byte-model-memory.h"

#define NORM_LEAST 1e-4f

enum { BIAS_FLOATS = 8, TABLES_MOST = STEP_WORDS - 1, WIDTH_MOST = 128 };

/** A parameter array with the gradients that are still to be applied, and the mean square of those that were. */
typedef struct {
  float *value, *gradient, *moment;
} Parameter;

typedef struct {
  SsmPlan size;
  int features;
  Parameter embedding, decayLogit, gate, projection, decay2Logit;
  /** The sigmoids of the decay logits. */
  float *decay, *decay2;
  float *head;
  /** The states before each byte of the chunk [chunk + 1, width]; and what its steps went through [chunk, …]. */
  float *state1, *state2, *input, *inputGradient, *feature, *featureGradient, *candidate, *openness, *scale;
  float *rows, *rowMoments;
  /** How many bytes the chunk has; for each the byte and its row in each table. */
  uint32_t *steps;
} Ssm;

INLINE float *carve(float **from, int floats) {
  float *array = *from;
  *from += floats;
  return array;
}

INLINE Parameter carveParameter(float **from, int floats) {
  return (Parameter){carve(from, floats), carve(from, floats), carve(from, floats)};
}

/** The arrays of the model's `which`-th state space model; `byte-model-memory.ts` knows how many floats they are. */
ONCE void layOutSsm(const Model *m, int which, Ssm *s) {
  float *floats = m->ssm, *embeddings = m->embeddings;
  uint32_t *steps = m->steps;
  for (int i = 0; i <= which; i++) {
    const SsmPlan size = m->plan->ssm[i];
    const int K = size.width1, V = size.width2, C = size.chunk, F = K + V + BIAS_FLOATS;
    s->size = size;
    s->features = F;
    s->embedding = carveParameter(&floats, BYTES * K);
    s->decayLogit = carveParameter(&floats, BYTES * K);
    s->gate = carveParameter(&floats, BYTES * K);
    s->projection = carveParameter(&floats, 2 * V * K);
    s->decay2Logit = carveParameter(&floats, V);
    s->decay = carve(&floats, BYTES * K);
    s->decay2 = carve(&floats, V);
    s->head = carve(&floats, BYTES * F);
    s->state1 = carve(&floats, (C + 1) * K);
    s->state2 = carve(&floats, (C + 1) * V);
    s->input = carve(&floats, C * K);
    s->inputGradient = carve(&floats, C * K);
    s->feature = carve(&floats, C * F);
    s->featureGradient = carve(&floats, C * F);
    s->candidate = carve(&floats, C * V);
    s->openness = carve(&floats, C * V);
    s->scale = carve(&floats, C * 4);
    s->rows = carve(&embeddings, size.tables * K << size.rowBits);
    s->rowMoments = carve(&embeddings, size.tables << size.rowBits);
    s->steps = steps;
    steps += (C + 1) * STEP_WORDS;
  }
}

/** Between -1 and 1, from a number. */
INLINE float noise(uint32_t seed) { return (float)(int32_t)mixHash(seed, seed ^ 0x5bd1e995u) * 0x1p-31f; }

/** The logit of a decay whose memory lasts from 0 to e^longest bytes, in `steps` logarithmic steps. */
INLINE float spacedDecay(int i, int steps, float longest) {
  const int step = i % steps;
  const float bytes = expLanes(splat(longest * step / (steps - 1)))[0] + 0.05f;
  const float decay = step == 0 ? 0.02f : 1 - 1 / bytes;
  return logLanes(splat(decay / (1 - decay)))[0];
}

ONCE void startSsm(const Ssm *s, float longest) {
  const int K = s->size.width1, V = s->size.width2;
  for (int i = 0; i < BYTES * K; i++) {
    s->embedding.value[i] = noise(i) * 0.52f;
    s->decayLogit.value[i] = spacedDecay(i % K, 32, longest);
    s->gate.value[i] = 1 + noise(i ^ 0x10000000) * 0.17f;
  }
  map(sigmoidLanes, s->decayLogit.value, s->decay, BYTES * K);
  for (int i = 0; i < 2 * V * K; i++) s->projection.value[i] = noise(i ^ 0x20000000) * 0.157f;
  for (int j = 0; j < V; j++) s->decay2Logit.value[j] = spacedDecay(j, 16, longest);
  map(sigmoidLanes, s->decay2Logit.value, s->decay2, V);
}

/** The rows of the tables that stand for the last bytes and words. */
INLINE void findRows(const Ssm *s, const Registers *r, uint32_t *rows) {
  const uint32_t last4 = r->last4;
  const uint32_t hash[TABLES_MOST] = {
      last4 & 0xffff, last4 & 0xffffff, last4, r->word, mixHash(r->word, r->word1), mixHash(last4, r->word),
  };
  for (int e = 0; e < s->size.tables; e++) rows[e] = mixHash(hash[e], e) >> (32 - s->size.rowBits);
}

INLINE float *rowOf(const Ssm *s, int table, uint32_t row) {
  return s->rows + (((size_t)table << s->size.rowBits) + row) * s->size.width1;
}

/** f = y / rms(y) and its factor; y [n]. */
INLINE float normalize(const float *y, float *f, int n) {
  const float factor = 1 / __builtin_sqrtf(dotProduct(y, y, n) / n + NORM_LEAST);
  for (int i = 0; i < n; i += W) store(f + i, load(y + i) * splat(factor));
  return factor;
}

INLINE void stepLayer1(const Ssm *s, int t, const uint32_t *step, float *feature) {
  const int K = s->size.width1;
  const uint32_t byte = step[0];
  const float *decay = s->decay + byte * K, *gate = s->gate.value + byte * K;
  const float *before = s->state1 + t * K;
  float *state = s->state1 + (t + 1) * K, *input = s->input + t * K, y[WIDTH_MOST];
  for (int i = 0; i < K; i += W) store(input + i, load(s->embedding.value + byte * K + i));
  for (int e = 0; e < s->size.tables; e++) addScaled(input, rowOf(s, e, step[1 + e]), 1, K);
  for (int i = 0; i < K; i += W) {
    const Vec a = load(decay + i);
    const Vec h = a * load(before + i) + (1 - a) * load(input + i);
    store(state + i, h);
    store(y + i, h * load(gate + i));
  }
  s->scale[t * 4] = normalize(y, feature, K);
}

INLINE void stepLayer2(const Ssm *s, int t, float *feature) {
  const int K = s->size.width1, V = s->size.width2;
  float *candidate = s->candidate + t * V, *openness = s->openness + t * V;
  const float *before = s->state2 + t * V, *P = s->projection.value, *Q = P + V * K;
  float *state = s->state2 + (t + 1) * V;
  for (int j = 0; j < V; j++) {
    candidate[j] = dotProduct(P + j * K, feature, K);
    openness[j] = dotProduct(Q + j * K, feature, K);
  }
  for (int j = 0; j < V; j += W) {
    const Vec b = load(s->decay2 + j), open = sigmoidLanes(load(openness + j));
    store(openness + j, open);
    store(state + j, b * load(before + j) + (1 - b) * load(candidate + j) * open);
  }
  s->scale[t * 4 + 1] = normalize(state, feature + K, V);
}

/** Takes in the last byte in a chunk that is not full: afterwards the newest features predict the next one. */
ONCE void stepSsm(const Ssm *s, const Registers *r) {
  const int t = s->steps[0]++;
  uint32_t *step = s->steps + (1 + t) * STEP_WORDS;
  float *feature = s->feature + t * s->features;
  step[0] = r->last4 & 255;
  findRows(s, r, step + 1);
  stepLayer1(s, t, step, feature);
  stepLayer2(s, t, feature);
  const int width = s->size.width1 + s->size.width2;
  for (int i = 0; i < BIAS_FLOATS; i++) feature[width + i] = i == 0;
  fill(s->featureGradient + t * s->features, 0, s->features);
}

/** The logit of the next bit. */
INLINE float ssmLogit(const Ssm *s, uint32_t node) {
  const float *feature = s->feature + (s->steps[0] - 1) * s->features;
  return clampTo(dotProduct(s->head + node * s->features, feature, s->features), LOGIT_MOST);
}

/** Moves the head, and keeps what flows back from it; `error` is the bit less its probability. */
INLINE void learnHead(const Ssm *s, uint32_t node, float error, float rate) {
  const float *feature = s->feature + (s->steps[0] - 1) * s->features;
  float *gradient = s->featureGradient + (s->steps[0] - 1) * s->features, *head = s->head + node * s->features;
  const Vec e = splat(error), step = splat(error * rate);
  ROLLED for (int i = 0; i < s->features; i += W) {
    const Vec w = load(head + i);
    store(gradient + i, load(gradient + i) + e * w);
    store(head + i, w + step * load(feature + i));
  }
}
