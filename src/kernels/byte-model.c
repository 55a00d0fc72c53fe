/** A model of bytes that codes them, bit by bit. */
#include "byte-model-coder.h"
#include "columns.h"

typedef struct {
  Coder coder;
  /** 1 once the model has been started. */
  uint32_t started;
  uint32_t last4;
} Registers;

typedef struct {
  Registers *registers;
  uint32_t *counters;
  const int32_t *plan;
} Model;

#define ARRAYS uint32_t *registers, uint32_t *counters, const int32_t *plan
#define MODEL ((Model){(Registers *)registers, counters, plan})

INLINE uint32_t *counterOf(Model m, uint32_t node) {
  return m.counters + (((m.registers->last4 & 0xffff) << 8 | node) & ((1u << m.plan[0]) - 1));
}

INLINE void learnBit(uint32_t *counter, int bit) {
  if (bit) *counter += ((1 << 20) - 32 - *counter) >> 4;
  else *counter -= (*counter - 32) >> 4;
}

EXPORT void startModel(ARRAYS) {
  Model m = MODEL;
  *m.registers = (Registers){.started = 1};
  for (int i = 0; i < 1 << plan[0]; i++) counters[i] = 1 << 19;
}

EXPORT void startFrame(ARRAYS) { startCoder(&MODEL.registers->coder); }

EXPORT int encodeBytes(ARRAYS, const uint8_t *input, int from, int to, uint8_t *output, int outputAt, int outputEnd) {
  Model m = MODEL;
  Output out = {output, outputAt, outputEnd};
  for (int i = from; i < to; i++) {
    uint32_t node = 1;
    for (int place = 7; place >= 0; place--) {
      const int bit = input[i] >> place & 1;
      uint32_t *counter = counterOf(m, node);
      encodeBit(&m.registers->coder, &out, bit, *counter);
      learnBit(counter, bit);
      node = node * 2 + bit;
    }
    m.registers->last4 = m.registers->last4 << 8 | input[i];
  }
  return out.at;
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
  Model m = MODEL;
  Input in = {input, from, to};
  for (int i = outputFrom; i < outputTo; i++) {
    uint32_t node = 1;
    for (int place = 7; place >= 0; place--) {
      uint32_t *counter = counterOf(m, node);
      const int bit = decodeBit(&m.registers->coder, &in, *counter);
      learnBit(counter, bit);
      node = node * 2 + bit;
    }
    output[i] = node;
    m.registers->last4 = m.registers->last4 << 8 | output[i];
  }
  return in.at;
}

EXPORT double learnBytes(ARRAYS, const uint8_t *input, int from, int to) {
  Model m = MODEL;
  for (int i = from; i < to; i++) {
    uint32_t node = 1;
    for (int place = 7; place >= 0; place--) {
      const int bit = input[i] >> place & 1;
      learnBit(counterOf(m, node), bit);
      node = node * 2 + bit;
    }
    m.registers->last4 = m.registers->last4 << 8 | input[i];
  }
  return 0;
}
