/** How the state space model learns: back-propagation through the last chunk, then RMSprop. */
#pragma once

#include "byte-model-ssm.h"

#define MOMENT_KEPT 0.99f
#define MOMENT_ADDED 0.01f
#define MOMENT_LEAST 1e-3f

/** w += rate g / (sqrt(moment) + least), element by element; the gradient is used up. */
INLINE void descend(Parameter p, size_t from, int n, float rate) {
  float *value = p.value + from, *gradient = p.gradient + from, *moment = p.moment + from;
  ROLLED for (int i = 0; i < n; i += W) {
    const Vec g = load(gradient + i);
    const Vec v = splat(MOMENT_KEPT) * load(moment + i) + splat(MOMENT_ADDED) * g * g;
    store(moment + i, v);
    store(value + i, load(value + i) + splat(rate) * g / (squareRoots(v) + splat(MOMENT_LEAST)));
    store(gradient + i, (Vec){0});
  }
}

/** The same with one moment for a whole row. */
INLINE void descendRow(float *row, float *moment, const float *gradient, int n, float rate) {
  *moment = MOMENT_KEPT * *moment + MOMENT_ADDED * dotProduct(gradient, gradient, n) / n;
  addScaled(row, gradient, rate / (__builtin_sqrtf(*moment) + MOMENT_LEAST), n);
}

/** What flows back through the second layer of step t: into its features, and on into `later`, the state's gradient. */
INLINE void backLayer2(const Ssm *s, int t, float *later) {
  const int K = s->size.width1, V = s->size.width2;
  float *df = s->featureGradient + t * s->features, forCandidate[WIDTH_MOST], forGate[WIDTH_MOST];
  const float *f = s->feature + t * s->features, *before = s->state2 + t * V;
  const float mean = dotProduct(df + K, f + K, V) / V;
  for (int j = 0; j < V; j += W) {
    const Vec b = load(s->decay2 + j), c = load(s->candidate + t * V + j), open = load(s->openness + t * V + j);
    const Vec d = (load(df + K + j) - load(f + K + j) * splat(mean)) * splat(s->scale[t * 4 + 1]) + load(later + j);
    float *gradient = s->decay2Logit.gradient + j;
    store(gradient, load(gradient) + d * (load(before + j) - c * open) * b * (1 - b));
    const Vec dx = d * (1 - b);
    store(later + j, d * b);
    store(forCandidate + j, dx * open);
    store(forGate + j, dx * c * open * (1 - open));
  }
  const float *P = s->projection.value, *Q = P + V * K;
  float *dP = s->projection.gradient, *dQ = dP + V * K;
  for (int j = 0; j < V; j++) {
    const Vec dc = splat(forCandidate[j]), dg = splat(forGate[j]);
    ROLLED for (int i = j * K, k = 0; k < K; i += W, k += W) {
      const Vec x = load(f + k);
      store(df + k, load(df + k) + (dc * load(P + i) + dg * load(Q + i)));
      store(dP + i, load(dP + i) + dc * x);
      store(dQ + i, load(dQ + i) + dg * x);
    }
  }
}

INLINE void backLayer1(const Ssm *s, int t, float *later) {
  const int K = s->size.width1;
  const size_t row = (size_t)s->steps[(1 + t) * STEP_WORDS] * K;
  const float *df = s->featureGradient + t * s->features, *f = s->feature + t * s->features;
  const float *before = s->state1 + t * K, *after = before + K, *input = s->input + t * K;
  const float mean = dotProduct(df, f, K) / K;
  for (int i = 0; i < K; i += W) {
    const Vec dy = (load(df + i) - load(f + i) * splat(mean)) * splat(s->scale[t * 4]);
    const Vec a = load(s->decay + row + i);
    const Vec d = dy * load(s->gate.value + row + i) + load(later + i);
    float *gate = s->gate.gradient + row + i, *decay = s->decayLogit.gradient + row + i;
    float *embedding = s->embedding.gradient + row + i;
    const Vec du = d * (1 - a);
    store(gate, load(gate) + dy * load(after + i));
    store(decay, load(decay) + d * (load(before + i) - load(input + i)) * a * (1 - a));
    store(embedding, load(embedding) + du);
    store(s->inputGradient + t * K + i, du);
    store(later + i, d * a);
  }
}

/** Learns from a full chunk: each byte that occurs in it moves once. */
INLINE void learnChunk(const Ssm *s, float rate) {
  const int K = s->size.width1, V = s->size.width2;
  uint32_t seen[BYTES / 32] = {0};
  for (int t = 0; t < s->size.chunk; t++) {
    const uint32_t *step = s->steps + (1 + t) * STEP_WORDS;
    const size_t row = (size_t)step[0] * K;
    if (!(seen[step[0] / 32] >> step[0] % 32 & 1)) {
      seen[step[0] / 32] |= 1u << step[0] % 32;
      descend(s->embedding, row, K, rate);
      descend(s->decayLogit, row, K, rate);
      descend(s->gate, row, K, rate);
      map(sigmoidLanes, s->decayLogit.value + row, s->decay + row, K);
    }
    for (int e = 0; e < s->size.tables; e++) {
      float *moment = s->rowMoments + ((size_t)e << s->size.rowBits) + step[1 + e];
      descendRow(rowOf(s, e, step[1 + e]), moment, s->inputGradient + t * K, K, rate);
    }
  }
  descend(s->projection, 0, 2 * V * K, rate * 0.5f);
  descend(s->decay2Logit, 0, V, rate);
  map(sigmoidLanes, s->decay2Logit.value, s->decay2, V);
}

/** Where the chunk is full, learns from it and begins a new one. */
ONCE void closeFullChunk(const Ssm *s, float rate) {
  const int K = s->size.width1, V = s->size.width2, C = s->size.chunk;
  float later1[WIDTH_MOST], later2[WIDTH_MOST];
  if (s->steps[0] < (uint32_t)C) return;
  fill(later1, 0, K);
  fill(later2, 0, V);
  for (int t = C - 1; t >= 0; t--) {
    backLayer2(s, t, later2);
    backLayer1(s, t, later1);
  }
  learnChunk(s, rate);
  for (int i = 0; i < K; i++) s->state1[i] = s->state1[C * K + i];
  for (int j = 0; j < V; j++) s->state2[j] = s->state2[C * V + j];
  s->steps[0] = 0;
}
