/**
 * The 32-bit arithmetic coder with carry bits pending (E3), most significant bit first, over cumulative frequencies.
 *
 * A symbol takes the part [low + range · from / total, low + range · to / total) of the interval [low, high], all in
 * integers below 2^53. Bits that both ends share go out; where the ends straddle the middle, a bit waits.
 *
 * A coder is an array of numbers, so that it can be state: its first elements are named by the constants below.
 *
 * Source  Witten, Neal, Cleary, Arithmetic Coding for Data Compression, 1987
 */

/** The most that the frequencies of all symbols may add up to. */
export const MOST_TOTAL = 2 ** 20;

const HALF = 2 ** 31;
const QUARTER = 2 ** 30;
const TOP = 2 ** 32 - 1;

/** Where things are in an encoder: the interval, bits that wait, and the byte that is being filled. */
const LOW = 0;
const HIGH = 1;
const WAITING = 2;
const BYTE = 3;
const BITS = 4;
export const ENCODER_NUMBERS = 5;

/** Takes each byte of the code once it is full. */
export type Put = (byte: number) => void;

export function startEncoder(coder: Float64Array): void {
  coder.fill(0);
  coder[HIGH] = TOP;
}

/** Codes a symbol whose part of the frequencies is [from, to) of total. */
export function encodeSymbol(coder: Float64Array, from: number, to: number, total: number, put: Put): void {
  narrow(coder, from, to, total);
  for (;;) {
    const low = coder[LOW]!;
    const high = coder[HIGH]!;
    if (high < HALF) putBit(coder, 0, put);
    else if (low >= HALF) putBit(coder, 1, put);
    else if (low >= QUARTER && high < 3 * QUARTER) coder[WAITING]!++;
    else return;
    widen(coder);
  }
}

/** Writes enough bits to tell the interval from its neighbours, and zeros up to a whole byte. */
export function finishEncoder(coder: Float64Array, put: Put): void {
  coder[WAITING]!++;
  putBit(coder, coder[LOW]! < QUARTER ? 0 : 1, put);
  if (coder[BITS]! > 0) put(coder[BYTE]! * 2 ** (8 - coder[BITS]!));
}

/** Where things are in a decoder: the interval, and the 32 bits of the code that lie in it. */
const VALUE = 2;
const NEXT_BIT = 3;
export const DECODER_NUMBERS = 4;

/** Bits that a decoder looks ahead of what the symbols so far needed. */
export const WINDOW_BITS = 32;

/** The bits of a code by their place; behind its end they are 0. */
export type BitAt = (place: number) => number;

export function startDecoder(coder: Float64Array, bitAt: BitAt): void {
  coder.fill(0);
  coder[HIGH] = TOP;
  for (let i = 0; i < WINDOW_BITS; i++) takeBit(coder, bitAt);
}

/** Bits of the code that the decoder has read. */
export const bitsRead = (coder: Float64Array): number => coder[NEXT_BIT]!;

/** Where the code points to among the frequencies: the next symbol is the one whose part holds it. */
export function decodeTarget(coder: Float64Array, total: number): number {
  const range = coder[HIGH]! - coder[LOW]! + 1;
  return Math.floor(((coder[VALUE]! - coder[LOW]! + 1) * total - 1) / range);
}

/** Goes on behind the symbol whose part is [from, to) of total. */
export function decodeSymbol(
  coder: Float64Array,
  from: number,
  to: number,
  total: number,
  bitAt: BitAt,
): void {
  narrow(coder, from, to, total);
  for (;;) {
    const low = coder[LOW]!;
    const high = coder[HIGH]!;
    const isSplit = low < HALF && high >= HALF;
    if (isSplit && (low < QUARTER || high >= 3 * QUARTER)) return;
    if (isSplit) coder[VALUE]! -= QUARTER;
    else if (low >= HALF) coder[VALUE]! -= HALF;
    widen(coder);
    takeBit(coder, bitAt);
  }
}

function narrow(coder: Float64Array, from: number, to: number, total: number): void {
  const low = coder[LOW]!;
  const range = coder[HIGH]! - low + 1;
  coder[HIGH] = low + Math.floor((range * to) / total) - 1;
  coder[LOW] = low + Math.floor((range * from) / total);
}

/** Doubles an interval that lies in the lower half, the upper half, or the middle. */
function widen(coder: Float64Array): void {
  const low = coder[LOW]!;
  const base = low >= HALF ? HALF : coder[HIGH]! >= HALF ? QUARTER : 0;
  coder[LOW] = (low - base) * 2;
  coder[HIGH] = (coder[HIGH]! - base) * 2 + 1;
}

function putBit(coder: Float64Array, bit: number, put: Put): void {
  put1(coder, bit, put);
  for (; coder[WAITING]! > 0; coder[WAITING]!--) put1(coder, 1 - bit, put);
}

function put1(coder: Float64Array, bit: number, put: Put): void {
  coder[BYTE] = coder[BYTE]! * 2 + bit;
  if (++coder[BITS]! < 8) return;
  put(coder[BYTE]!);
  coder[BYTE] = 0;
  coder[BITS] = 0;
}

function takeBit(coder: Float64Array, bitAt: BitAt): void {
  coder[VALUE] = coder[VALUE]! * 2 + bitAt(coder[NEXT_BIT]!++);
}
