/**
 * A binary arithmetic coder: a range of 32 bits, probabilities of 20.
 *
 * The range is kept at 2^24 or more by handing out the top byte of its lower end, with carries (as in LZMA), so that a
 * symbol costs what its probability says however the range lies: a carry-less coder can get stuck in a tiny range, and
 * then every predictable bit costs too much.
 */
#pragma once

#include "lanes.h"

#define PROBABILITY_BITS 20
#define RANGE_LEAST (1u << 24)

typedef struct {
  /** The lower end of the range, and what it has overflowed by since the last byte. */
  uint32_t low, carry;
  uint32_t range;
  /** The byte before the range, held back until no carry can reach it, and how many bytes of 255 follow it. */
  uint32_t held, holds, pending;
  /** Decoding: how far above the lower end the code is. */
  uint32_t code;
} Coder;

typedef struct {
  uint8_t *bytes;
  uint32_t at, end;
} Output;

typedef struct {
  const uint8_t *bytes;
  uint32_t at, end;
} Input;

/** Bytes behind the end are counted and not written. */
INLINE void putByte(Output *output, uint32_t byte) {
  if (output->at < output->end) output->bytes[output->at] = byte;
  output->at++;
}

/** Behind its end, an input goes on with zeros. */
INLINE uint32_t nextByte(Input *input) { return input->at < input->end ? input->bytes[input->at++] : 0; }

INLINE void startCoder(Coder *coder) { *coder = (Coder){.range = 0xffffffffu}; }

INLINE void startDecoder(Coder *coder, Input *input) {
  startCoder(coder);
  for (int i = 0; i < 4; i++) coder->code = coder->code << 8 | nextByte(input);
}

/** Moves the top byte of the lower end out. */
INLINE void shiftLow(Coder *coder, Output *output) {
  if (coder->low >= 0xff000000u && !coder->carry) {
    coder->pending++;
  } else {
    if (coder->holds) putByte(output, coder->held + coder->carry);
    for (; coder->pending > 0; coder->pending--) putByte(output, 255 + coder->carry);
    coder->held = coder->low >> 24;
    coder->holds = 1;
    coder->carry = 0;
  }
  coder->low <<= 8;
}

/** The part of the range that stands for a 1 of the given probability, 0 < probability < 2^20. */
INLINE uint32_t partOfOne(uint32_t range, uint32_t probability) {
  return (uint64_t)range * probability >> PROBABILITY_BITS;
}

INLINE void encodeBit(Coder *coder, Output *output, int bit, uint32_t probability) {
  const uint32_t part = partOfOne(coder->range, probability);
  if (bit) {
    coder->range = part;
  } else {
    coder->low += part;
    coder->carry |= coder->low < part;
    coder->range -= part;
  }
  for (; coder->range < RANGE_LEAST; coder->range <<= 8) shiftLow(coder, output);
}

INLINE int decodeBit(Coder *coder, Input *input, uint32_t probability) {
  const uint32_t part = partOfOne(coder->range, probability);
  const int bit = coder->code < part;
  if (bit) {
    coder->range = part;
  } else {
    coder->code -= part;
    coder->range -= part;
  }
  for (; coder->range < RANGE_LEAST; coder->range <<= 8) coder->code = coder->code << 8 | nextByte(input);
  return bit;
}

/** Hands out the fewest bytes that, with zeros behind them, lie in the range. */
INLINE void finishCoder(Coder *coder, Output *output) {
  const uint32_t rounded = coder->low + (RANGE_LEAST - 1);
  coder->carry |= rounded < coder->low;
  coder->low = rounded & ~(RANGE_LEAST - 1);
  shiftLow(coder, output);
  shiftLow(coder, output);
  startCoder(coder);
}
