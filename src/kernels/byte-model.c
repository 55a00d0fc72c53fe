/**
 * A model of bytes that codes them bit by bit: contexts and a state space model, mixed; see `byte-model.ts`.
 *
 * The headers are its parts: coder, text (what is remembered), contexts, slots (what is known in each), match, inputs,
 * ssm, mixer, apm.
 */
#include "byte-model-apm.h"
#include "byte-model-contexts.h"
#include "byte-model-ssm-learning.h"
#include "columns.h"

/** Everything between two bits. */
typedef struct {
  Ssm ssm[SSMS_MOST];
  float logits[SSMS_MOST], probabilities[SSMS_MOST];
  /** The class of the first match's length when the byte began. */
  uint32_t matchClass;
  Places places;
  Inputs inputs;
  Moment now;
  Mix mix;
  Apms apms;
} Work;

ONCE void openWork(const Model *m, Work *w) {
  for (int i = 0; i < m->plan->ssms; i++) layOutSsm(m, i, w->ssm + i);
  if (m->plan->ngrams) w->inputs.maps = mapsOf(m);
}

INLINE uint32_t classOfMatch(uint32_t length) {
  return length == 0 ? 0 : length < 16 ? 1 + length / 6 : length < 32 ? 4 : 5;
}

ONCE void beginByte(const Model *m, Work *w) {
  for (int i = 0; i < m->plan->ssms; i++) {
    closeFullChunk(w->ssm + i, m->rates->ssmBody);
    stepSsm(w->ssm + i, m->registers);
  }
  if (!m->plan->ngrams) return;
  w->matchClass = classOfMatch(m->registers->matches[0].length);
  hashContexts(m, w->places.hash);
  findRuns(m, &w->places);
}

/** How many of orders 3 to 8 know the context; a level's contexts are in ascending order. */
INLINE uint32_t countLongSeen(const Model *m, const Inputs *in) {
  uint32_t seen = 0;
  for (int k = 0; k < m->plan->contexts && m->plan->context[k] <= 6; k++) {
    seen += m->plan->context[k] >= 2 && in->state[k] != 0;
  }
  return seen;
}

INLINE float *readSsms(const Model *m, const Work *w, float *input) {
  for (int i = 0; i < m->plan->ssms; i++) {
    *input++ = w->logits[i];
    *input++ = (w->probabilities[i] - 0.5f) * 2;
  }
  return input;
}

INLINE void readInputs(const Model *m, Work *w) {
  const uint32_t node = w->now.node;
  const int place = w->now.place;
  readContexts(m, &w->places, &w->inputs, node, place);
  float *input = w->inputs.input + m->plan->contexts * W;
  input = readCounters(m, &w->places, input, nodeInHalf(node, place));
  input = readMatches(m, &w->inputs, input, node, place);
  input = readSsms(m, w, input);
  *input++ = 0.3f;
  for (const float *end = w->inputs.input + m->plan->inputs; input < end;) *input++ = 0;
}

INLINE void lookAround(const Model *m, Work *w) {
  Moment *now = &w->now;
  const float logit = m->plan->ssms ? w->logits[0] : 0, p = m->plan->ssms ? w->probabilities[0] : 0.5f;
  now->match = m->plan->matches && w->inputs.match[0] != MISSED ? w->matchClass + 1 : 0;
  now->expected = now->match ? expectedByte(m, 0) : 0;
  now->longSeen = countLongSeen(m, &w->inputs);
  now->eighth = nearest(p * 7);
  now->sixteenth = nearest(clampTo(logit * 1.25f, 7.5f) + 7.5f);
}

enum { PROBABILITIES = 1 << PROBABILITY_BITS };

/** A probability as the coder takes it. */
INLINE uint32_t codedProbability(float p) {
  const int scaled = nearest(p * PROBABILITIES);
  return scaled < 1 ? 1 : scaled > PROBABILITIES - 1 ? PROBABILITIES - 1 : scaled;
}

INLINE float sigmoid(float x) { return sigmoidLanes(splat(x))[0]; }

/** The probability that the next bit is 1. */
ONCE float predictBit(const Model *m, Work *w, uint32_t node, int place) {
  for (int i = 0; i < m->plan->ssms; i++) {
    w->logits[i] = ssmLogit(w->ssm + i, node);
    w->probabilities[i] = sigmoid(w->logits[i]);
  }
  if (!m->plan->ngrams) return w->probabilities[0];
  w->now.node = node;
  w->now.place = place;
  if (place == 7 || place == 3) {
    findSlots(m, &w->places, node);
    findCounters(m, &w->places, node);
  }
  readInputs(m, w);
  lookAround(m, w);
  findApms(m, &w->now, &w->apms);
  const float logit = mixInputs(m, &w->now, w->inputs.input, w->logits, &w->mix);
  return refine(m, logit, sigmoid(logit), &w->apms);
}

ONCE void learnBit(const Model *m, Work *w, int bit) {
  for (int i = 0; i < m->plan->ssms; i++) {
    learnHead(w->ssm + i, w->now.node, (float)bit - w->probabilities[i], m->rates->ssmHead);
  }
  if (!m->plan->ngrams) return;
  const uint32_t inHalf = nodeInHalf(w->now.node, w->now.place);
  learnApms(m, &w->apms, bit);
  learnMix(m, w->inputs.input, &w->mix, bit);
  learnContexts(m, &w->places, &w->inputs, inHalf, bit);
  learnCounters(m, &w->places, inHalf, bit);
  learnMatches(m, &w->inputs, bit);
}

ONCE void endByte(const Model *m, Work *w, uint32_t byte) {
  if (m->plan->ngrams) learnRuns(m, &w->places, byte);
  readByte(m, byte);
  if (m->plan->ngrams) advanceMatches(m);
}

/** What becomes of the bits: they are encoded, decoded, or only learned. */
typedef enum { ENCODE, DECODE, LEARN } Purpose;

typedef struct {
  Purpose purpose;
  Input input;
  Output output;
  double bits;
} Task;

/** `bit` is known unless it is decoded. */
INLINE int codeBit(const Model *m, Task *task, int bit, uint32_t probability) {
  if (task->purpose == DECODE) return decodeBit(&m->registers->coder, &task->input, probability);
  if (task->purpose == ENCODE) {
    encodeBit(&m->registers->coder, &task->output, bit, probability);
  } else {
    const float p = (float)(bit ? probability : PROBABILITIES - probability) / PROBABILITIES;
    task->bits -= logLanes(splat(p))[0] * LOG2_E;
  }
  return bit;
}

/** Whether the next byte is the one that a trusted match expects; if so, it is taken in. */
INLINE int codeTrusted(const Model *m, const Work *w, Task *task, uint32_t byte) {
  const uint32_t expected = expectedByte(m, 0), class = trustClass(m->registers->matches[0].length);
  TrustMap *trust = w->inputs.maps.trust;
  const int ended = codeBit(m, task, byte != expected, codedProbability(trust->ends[class]));
  learnTrust(m->tables, trust, class, ended);
  if (ended) {
    m->registers->matches[0].length = 0;
  } else {
    readByte(m, expected);
    advanceMatches(m);
  }
  return !ended;
}

INLINE uint32_t codeByte(const Model *m, Work *w, Task *task, uint32_t byte) {
  uint32_t node = 1;
  if (isTrusted(m)) {
    const uint32_t expected = expectedByte(m, 0);
    if (codeTrusted(m, w, task, byte)) return expected;
  }
  beginByte(m, w);
  for (int place = 7; place >= 0; place--) {
    const float p = predictBit(m, w, node, place);
    const int bit = codeBit(m, task, byte >> place & 1, codedProbability(p));
    w->now.node = node;
    learnBit(m, w, bit);
    node = node * 2 + bit;
  }
  endByte(m, w, node & 255);
  return node & 255;
}

EXPORT void startModel(ARRAYS) {
  const Model m = MODEL;
  Ssm each;
  *m.registers = (Registers){.started = 1};
  for (int i = 0; i < m.plan->ssms; i++) {
    layOutSsm(&m, i, &each);
    startSsm(&each, i == 0 ? 5.0f : 7.0f);
  }
  if (!m.plan->ngrams) return;
  for (int i = 0; i < DIRECT << m.plan->counterBits; i++) counters[i] = EVEN_COUNTER;
  startMaps(&m);
  startMixer(&m);
  startApms(&m);
}

EXPORT void startFrame(ARRAYS) { startCoder(&MODEL.registers->coder); }

EXPORT int encodeBytes(ARRAYS, const uint8_t *input, int from, int to, uint8_t *output, int outputAt, int outputEnd) {
  const Model m = MODEL;
  Work work;
  Task task = {.purpose = ENCODE, .output = {output, outputAt, outputEnd}};
  openWork(&m, &work);
  for (int i = from; i < to; i++) codeByte(&m, &work, &task, input[i]);
  return task.output.at;
}

EXPORT int finishFrame(ARRAYS, uint8_t *output, int outputAt, int outputEnd) {
  Output out = {output, outputAt, outputEnd};
  finishCoder(&MODEL.registers->coder, &out);
  return out.at;
}

EXPORT int startDecoding(ARRAYS, const uint8_t *input, int from, int to) {
  Input in = {input, from, to};
  startDecoder(&MODEL.registers->coder, &in);
  return in.at;
}

EXPORT int decodeBytes(ARRAYS, const uint8_t *input, int from, int to, uint8_t *output, int outputFrom, int outputTo) {
  const Model m = MODEL;
  Work work;
  Task task = {.purpose = DECODE, .input = {input, from, to}};
  openWork(&m, &work);
  for (int i = outputFrom; i < outputTo; i++) output[i] = codeByte(&m, &work, &task, 0);
  return task.input.at;
}

EXPORT double learnBytes(ARRAYS, const uint8_t *input, int from, int to) {
  const Model m = MODEL;
  Work work;
  Task task = {.purpose = LEARN};
  openWork(&m, &work);
  for (int i = from; i < to; i++) codeByte(&m, &work, &task, input[i]);
  return task.bits;
}
