/**
 * One binary decision of the table model: predicted from its contexts, coded or decoded, and learned from.
 *
 * Shapes: cells [2^cellBits, 2], maps and mapCounts [models, CONTEXTS, MAP], weights [rows, INPUTS], finals [rows, 4],
 * apms [APMS, 2^apmBits, 33], constants: stretch [4096], squash [4097], mapStart [MAP], apmStart [33],
 * reciprocals [1024], count classes [1024]; histories [512]: next states,
 * [256]: whether only one kind of bit was seen; request [REQUEST], extras [16], inputs [INPUTS], slots [4, CONTEXTS],
 * coder [6], bytes [capacity].
 */
#include "lanes.h"

enum { CONTEXTS = 56, INPUTS = 192, SETS = 4, APMS = 3, APM_STEPS = 33 };
enum { CONFIDENCE = 512, MAP = CONFIDENCE + 256 };
enum { STRETCH = 4096, SQUASH = 4096 };
enum { COUNT_MOST = 1023, RECIPROCALS = STRETCH + SQUASH + 1 + MAP + APM_STEPS, COUNT_CLASSES = RECIPROCALS + COUNT_MOST + 1 };
/** What a request says, by place. */
enum { COUNT, WITH_NODE, EXTRAS, NODE, ROWS, CONFIDENT = ROWS + SETS, APM_CONTEXTS = CONFIDENT + 4, MODEL = APM_CONTEXTS + APMS };
enum { HASHES = 16, PARENTS = HASHES + CONTEXTS };
/** What the coder remembers, by place. */
enum { LOW, HIGH, CODE, POSITION, END, DECISIONS };

#define LOGIT_MOST 11.99f
#define MAP_COUNT_MOST 500
#define BIAS 0.3f
#define WEIGHT_START 0.035f

/** Four floats, whatever W is: the sums below are of four lanes each. */
typedef float Quad __attribute__((vector_size(16)));
typedef float UnalignedQuad __attribute__((vector_size(16), aligned(4), may_alias));

typedef struct {
  uint32_t check_p, state_count;
} Cell;

typedef struct {
  Cell *cells;
  float *maps;
  uint16_t *mapCounts;
  float *weights, *finals, *apms;
  const float *constants;
  const uint8_t *histories;
  const int32_t *request;
  const float *extras;
  float *inputs;
  int32_t *slots;
  uint32_t *coder;
  uint8_t *bytes;
  int cellBits, apmBits, count;
} Model;

/** What the prediction leaves for the update. */
typedef struct {
  int rows[SETS], apmRows[APMS], inputs, finalRow;
  float dots[SETS], mixed, mixedP, between, p;
} Prediction;

INLINE uint32_t mix(uint32_t h) {
  h = (h ^ h >> 15) * 0x2c1b3c6du;
  h = (h ^ h >> 12) * 0x297a2d39u;
  return h ^ h >> 15;
}

INLINE float within(float x, float most) { return x > most ? most : x < -most ? -most : x; }

INLINE float stretch(const Model *m, float p) { return m->constants[(int)(p * 4095.99f)]; }

INLINE float squash(const Model *m, float x) {
  const float at = (x + 12.0f) * (SQUASH / 24.0f);
  const int i = (int)at;
  const float *table = m->constants + STRETCH + i;
  return table[0] + (table[1] - table[0]) * (at - (float)i);
}

INLINE uint32_t bucketOf(const Model *m, uint32_t context, uint32_t node) {
  return mix(context + node * 0x9e3779b1u) >> (34 - m->cellBits) << 2;
}

/** The cell of a context at a node: found by its check bits in a bucket of four, or made in place of the least seen. */
INLINE int32_t findCell(const Model *m, uint32_t bucket, uint32_t context, uint32_t node) {
  const uint32_t check = (context ^ node * 0x85ebca6bu) * 0xc2b2ae35u >> 16 | 1;
  uint32_t least = bucket, leastCount = 0xffffffff;
  for (uint32_t at = bucket; at < bucket + 4; at++) {
    const uint32_t found = m->cells[at].check_p >> 16;
    if (found == check) return (int32_t)at;
    const uint32_t count = found ? 1 + (m->cells[at].state_count & 0xffff) : 0;
    if (count < leastCount) least = at, leastCount = count;
  }
  m->cells[least] = (Cell){check << 16 | 32768, 0};
  return (int32_t)least;
}

/** Finds the cells of all contexts. The first loop asks for their memory all at once, the second waits for it. */
INLINE void findCells(const Model *m) {
  const int32_t *request = m->request;
  const uint32_t node = (uint32_t)request[NODE];
  for (int i = 0; i < m->count; i++) {
    const uint32_t bucket = bucketOf(m, (uint32_t)request[HASHES + i], i < request[WITH_NODE] ? node : 0);
    m->slots[i] = (int32_t)bucket;
    m->slots[CONTEXTS + i] = (int32_t)m->cells[bucket].check_p;
  }
  for (int i = 0; i < m->count; i++) {
    const uint32_t bucket = (uint32_t)m->slots[i];
    m->slots[i] = findCell(m, bucket, (uint32_t)request[HASHES + i], i < request[WITH_NODE] ? node : 0);
  }
}

/** 16 classes of how often a context was seen: the constants' tables are by count. */
INLINE int countClass(const Model *m, int n) { return (int)m->constants[COUNT_CLASSES + n]; }

INLINE float mapped(const Model *m, int map, int place) {
  return m->maps[map + place] + m->constants[STRETCH + SQUASH + 1 + place];
}

/** Three inputs of context i: its probability backed off to its parent's, and what such counts and histories meant. */
INLINE void contextInputs(const Model *m, int i, float *backedOff) {
  const int parent = m->request[PARENTS + i];
  const Cell cell = m->cells[m->slots[i]];
  const int n = (int)(cell.state_count & 0xffff), state = (int)(cell.state_count >> 16);
  const float p = (float)(cell.check_p & 0xffff) * (1.0f / 65536);
  const float before = parent < 0 ? 0.5f : backedOff[parent];
  const float own = ((float)n * p + before) * m->constants[RECIPROCALS + n];
  backedOff[i] = own;
  float *in = m->inputs + 3 * i;
  in[0] = stretch(m, own);
  in[1] = in[2] = 0;
  m->slots[CONTEXTS + i] = -1;
  if (n == 0) return;
  int bucket = (int)(stretch(m, p) * 2.0f + 16.0f);
  bucket = bucket < 0 ? 0 : bucket > 31 ? 31 : bucket;
  const int map = (m->request[MODEL] * CONTEXTS + i) * MAP, confidence = countClass(m, n) * 32 + bucket;
  in[1] = stretch(m, mapped(m, map, confidence));
  in[2] = stretch(m, mapped(m, map, CONFIDENCE + state));
  m->slots[CONTEXTS + i] = map + confidence;
  m->slots[2 * CONTEXTS + i] = map + CONFIDENCE + state;
}

/** Two bits of how sure a context can be. */
INLINE int sureness(const Model *m, int context) {
  if (context < 0 || context >= m->count) return 0;
  const Cell cell = m->cells[m->slots[context]];
  const int n = (int)(cell.state_count & 0xffff);
  if (n < 3) return n > 0;
  if (m->histories[512 + (cell.state_count >> 16)]) return n < 12 ? 2 : 3;
  return n < 30 ? 1 : 2;
}

INLINE void dotProducts(const Model *m, Prediction *at) {
  const float *in = m->inputs;
  Quad sums[SETS] = {0}, plain = {0};
  for (int i = 0; i < at->inputs; i += 4) {
    const Quad x = *(const UnalignedQuad *)(in + i);
    plain += x;
    UNROLLED for (int s = 0; s < SETS; s++) sums[s] += *(const UnalignedQuad *)(m->weights + at->rows[s] * INPUTS + i) * x;
  }
  const float start = ((plain[0] + plain[1]) + (plain[2] + plain[3])) * WEIGHT_START;
  UNROLLED for (int s = 0; s < SETS; s++) {
    at->dots[s] = within(((sums[s][0] + sums[s][1]) + (sums[s][2] + sums[s][3])) + start, LOGIT_MOST);
  }
}

INLINE void refine(const Model *m, Prediction *at) {
  const float scaled = (within(at->mixed, 7.999f) + 8.0f) * 2.0f;
  const int step = (int)scaled;
  at->between = scaled - (float)step;
  float p = at->mixedP * 2.0f;
  for (int a = 0; a < APMS; a++) {
    const int context = m->request[APM_CONTEXTS + a];
    const uint32_t hash = context < 0 || context >= m->count ? 0 : (uint32_t)m->request[HASHES + context];
    const uint32_t row = mix(hash + (uint32_t)m->request[NODE] * 0x9e3779b1u + (uint32_t)m->request[MODEL]) >> (32 - m->apmBits);
    at->apmRows[a] = (a << m->apmBits | (int)row) * APM_STEPS + step;
    const float *apm = m->apms + at->apmRows[a];
    const float *start = m->constants + STRETCH + SQUASH + 1 + MAP + step;
    p += (apm[0] + start[0]) * (1.0f - at->between) + (apm[1] + start[1]) * at->between;
  }
  p = p / (2.0f + APMS);
  at->p = p < 1.0f / 65536 ? 1.0f / 65536 : p > 65535.0f / 65536 ? 65535.0f / 65536 : p;
}

ONCE void predict(const Model *m, Prediction *at) {
  const int32_t *request = m->request;
  findCells(m);
  float backedOff[CONTEXTS];
  for (int i = 0; i < m->count; i++) contextInputs(m, i, backedOff);
  int n = 3 * m->count;
  for (int i = 0; i < request[EXTRAS]; i++) m->inputs[n++] = m->extras[i];
  m->inputs[n++] = BIAS;
  while (n & 3) m->inputs[n++] = 0;
  at->inputs = n;
  int sure = 0;
  for (int i = 0; i < 4; i++) if (request[CONFIDENT + i] >= 0) sure = sure * 4 + sureness(m, request[CONFIDENT + i]);
  for (int s = 0; s < SETS; s++) at->rows[s] = request[ROWS + s];
  at->rows[2] += sure;
  dotProducts(m, at);
  at->finalRow = at->rows[0] * SETS;
  float mixed = 0;
  for (int s = 0; s < SETS; s++) mixed += (m->finals[at->finalRow + s] + 1.0f / SETS) * at->dots[s];
  at->mixed = within(mixed, LOGIT_MOST);
  at->mixedP = squash(m, at->mixed);
  refine(m, at);
}

INLINE void learnContext(const Model *m, int i, int bit) {
  Cell *cell = m->cells + m->slots[i];
  const int n = (int)(cell->state_count & 0xffff), state = (int)(cell->state_count >> 16);
  UNROLLED for (int k = 1; k <= 2; k++) {
    if (m->slots[CONTEXTS + i] < 0) break;
    const int place = m->slots[k * CONTEXTS + i];
    const int seen = m->mapCounts[place];
    const float start = m->constants[STRETCH + SQUASH + 1 + place % MAP];
    m->maps[place] += ((float)bit - (m->maps[place] + start)) / ((float)seen + 3.5f);
    if (seen < (k == 1 ? MAP_COUNT_MOST : 252)) m->mapCounts[place] = (uint16_t)(seen + 1);
  }
  int p = (int)(cell->check_p & 0xffff);
  p += (int)((float)((bit ? 65535 : 0) - p) / ((float)n + 1.6f));
  p = p < 16 ? 16 : p > 65519 ? 65519 : p;
  cell->check_p = (cell->check_p & 0xffff0000u) | (uint32_t)p;
  cell->state_count = (uint32_t)m->histories[2 * state + bit] << 16 | (uint32_t)(n < COUNT_MOST ? n + 1 : n);
}

ONCE void learn(const Model *m, const Prediction *at, int bit, float rate) {
  const float missed = (float)bit - at->mixedP;
  for (int a = 0; a < APMS; a++) {
    float *apm = m->apms + at->apmRows[a];
    const int step = at->apmRows[a] % APM_STEPS;
    const float *start = m->constants + STRETCH + SQUASH + 1 + MAP + step;
    apm[0] += ((float)bit - (apm[0] + start[0])) * 0.02f * (1.0f - at->between);
    apm[1] += ((float)bit - (apm[1] + start[1])) * 0.02f * at->between;
  }
  float steps[SETS];
  for (int s = 0; s < SETS; s++) {
    m->finals[at->finalRow + s] += missed * at->dots[s] * 0.002f;
    steps[s] = ((float)bit - squash(m, at->dots[s])) * rate;
  }
  for (int i = 0; i < at->inputs; i += 4) {
    const Quad x = *(const UnalignedQuad *)(m->inputs + i);
    UNROLLED for (int s = 0; s < SETS; s++) *(UnalignedQuad *)(m->weights + at->rows[s] * INPUTS + i) += x * steps[s];
  }
  for (int i = 0; i < m->count; i++) learnContext(m, i, bit);
}

/** Narrows the coder's range by a decision; the bytes that are settled go out. */
INLINE int encode(uint32_t *coder, uint8_t *bytes, uint32_t p, int bit) {
  const uint32_t range = coder[HIGH] - coder[LOW];
  const uint32_t middle = coder[LOW] + (range >> 16) * p + ((range & 0xffff) * p >> 16);
  if (bit) coder[HIGH] = middle;
  else coder[LOW] = middle + 1;
  for (; ((coder[LOW] ^ coder[HIGH]) >> 24) == 0; coder[LOW] <<= 8, coder[HIGH] = coder[HIGH] << 8 | 255) {
    if (coder[POSITION] < coder[END]) bytes[coder[POSITION]] = (uint8_t)(coder[HIGH] >> 24);
    coder[POSITION]++;
  }
  return bit;
}

INLINE int decode(uint32_t *coder, const uint8_t *bytes, uint32_t p) {
  const uint32_t range = coder[HIGH] - coder[LOW];
  const uint32_t middle = coder[LOW] + (range >> 16) * p + ((range & 0xffff) * p >> 16);
  const int bit = coder[CODE] <= middle;
  if (bit) coder[HIGH] = middle;
  else coder[LOW] = middle + 1;
  for (; ((coder[LOW] ^ coder[HIGH]) >> 24) == 0; coder[LOW] <<= 8, coder[HIGH] = coder[HIGH] << 8 | 255) {
    coder[CODE] = coder[CODE] << 8 | (coder[POSITION] < coder[END] ? bytes[coder[POSITION]] : 0);
    coder[POSITION]++;
  }
  return bit;
}

EXPORT int tableBit(uint32_t *cells, float *maps, uint16_t *mapCounts, float *weights, float *finals, float *apms,
                    const float *constants, const uint8_t *histories, const int32_t *request, const float *extras,
                    float *inputs, int32_t *slots, uint32_t *coder, uint8_t *bytes, int cellBits, int apmBits, float rate,
                    float rateLeast, int given) {
  const Model model = {(Cell *)cells, maps, mapCounts, weights, finals, apms, constants, histories, request, extras,
                       inputs, slots, coder, bytes, cellBits, apmBits, request[COUNT]};
  Prediction at;
  predict(&model, &at);
  const uint32_t p = (uint32_t)(at.p * 65536.0f);
  const int bit = given < 0 ? decode(coder, bytes, p) : encode(coder, bytes, p, given);
  const float slowed = rate / (1.0f + (float)coder[DECISIONS] * 0.00001f);
  coder[DECISIONS]++;
  learn(&model, &at, bit, slowed < rateLeast ? rateLeast : slowed);
  return bit;
}
