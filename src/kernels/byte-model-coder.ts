/**
 * A binary arithmetic coder: a range of 32 bits, probabilities of 20. The twin of `byte-model-coder.h`.
 *
 * The range is kept at 2^24 or more by handing out the top byte of its lower end, with carries (as in LZMA), so that a
 * symbol costs what its probability says however the range lies: a carry-less coder can get stuck in a tiny range, and
 * then every predictable bit costs too much.
 */

export const PROBABILITY_BITS = 20;
const RANGE_LEAST = 2 ** 24;

/** Where the coder's registers lie in the model's. */
export const Coder = { low: 0, carry: 1, range: 2, held: 3, holds: 4, pending: 5, code: 6 } as const;
export const CODER_REGISTERS = 7;

export interface Output {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;
}

export interface Input {
  readonly bytes: Uint8Array;
  at: number;
  readonly end: number;
}

/** Bytes behind the end are counted and not written. */
function putByte(output: Output, byte: number): void {
  if (output.at < output.end) output.bytes[output.at] = byte;
  output.at++;
}

/** Behind its end, an input goes on with zeros. */
function nextByte(input: Input): number {
  return input.at < input.end ? input.bytes[input.at++]! : 0;
}

export function startCoder(coder: Uint32Array): void {
  coder.fill(0, 0, CODER_REGISTERS);
  coder[Coder.range] = 0xffffffff;
}

export function startDecoder(coder: Uint32Array, input: Input): void {
  startCoder(coder);
  for (let i = 0; i < 4; i++) coder[Coder.code] = (coder[Coder.code]! << 8) | nextByte(input);
}

/** Moves the top byte of the lower end out. */
function shiftLow(coder: Uint32Array, output: Output): void {
  const carry = coder[Coder.carry]!;
  if (coder[Coder.low]! >= 0xff000000 && carry === 0) {
    coder[Coder.pending]!++;
  } else {
    if (coder[Coder.holds] === 1) putByte(output, coder[Coder.held]! + carry);
    for (; coder[Coder.pending]! > 0; coder[Coder.pending]!--) putByte(output, 255 + carry);
    coder[Coder.held] = coder[Coder.low]! >>> 24;
    coder[Coder.holds] = 1;
    coder[Coder.carry] = 0;
  }
  coder[Coder.low]! <<= 8;
}

/** The part of the range that stands for a 1 of the given probability, 0 < probability < 2^20: exact in float64. */
const partOfOne = (range: number, probability: number): number =>
  Math.floor((range * probability) / 2 ** PROBABILITY_BITS);

export function encodeBit(coder: Uint32Array, output: Output, bit: number, probability: number): void {
  const part = partOfOne(coder[Coder.range]!, probability);
  if (bit === 1) {
    coder[Coder.range] = part;
  } else {
    coder[Coder.low]! += part;
    if (coder[Coder.low]! < part) coder[Coder.carry] = 1;
    coder[Coder.range]! -= part;
  }
  for (; coder[Coder.range]! < RANGE_LEAST; coder[Coder.range]! <<= 8) shiftLow(coder, output);
}

export function decodeBit(coder: Uint32Array, input: Input, probability: number): number {
  const part = partOfOne(coder[Coder.range]!, probability);
  const bit = coder[Coder.code]! < part ? 1 : 0;
  if (bit === 1) {
    coder[Coder.range] = part;
  } else {
    coder[Coder.code]! -= part;
    coder[Coder.range]! -= part;
  }
  for (; coder[Coder.range]! < RANGE_LEAST; coder[Coder.range]! <<= 8) {
    coder[Coder.code] = (coder[Coder.code]! << 8) | nextByte(input);
  }
  return bit;
}

/** Hands out the fewest bytes that, with zeros behind them, lie in the range. */
export function finishCoder(coder: Uint32Array, output: Output): void {
  const rounded = coder[Coder.low]! + (RANGE_LEAST - 1);
  if (rounded > 0xffffffff) coder[Coder.carry] = 1;
  coder[Coder.low] = rounded & ~(RANGE_LEAST - 1);
  shiftLow(coder, output);
  shiftLow(coder, output);
  startCoder(coder);
}
