/**
 * Seeded random numbers whose whole state is a slot: PCG32 (M. O'Neill, PCG: A Family of Simple Fast Space-Efficient
 * Statistically Good Algorithms for Random Number Generation, 2014), so that a resumed stream draws what an
 * uninterrupted one would have drawn.
 */
import { log32 } from './kernels/math.js';
import { type ArrayType, u32 } from './layout.js';

/** The slot that holds a generator: `layout: () => ({ random: randomSlot() })`. */
export const randomSlot = (): ArrayType<'u32'> => u32(4);

/** Seeds the generator in `slot` (4 elements); `seed` is any safe integer, and equal seeds draw equal numbers. */
export function seedRandom(slot: Uint32Array, seed: number, stream = 0): void {
  const increment = (BigInt(stream) << 1n) | 1n;
  store(slot, 0n, increment);
  nextUint32(slot);
  store(slot, load(slot) + BigInt.asUintN(64, BigInt(seed)), increment);
  nextUint32(slot);
}

const MULTIPLIER_LOW = 0x4c957f2d;
const MULTIPLIER_HIGH = 0x5851f42d;

/** The next number, uniform in 0 … 2^32 − 1. */
export function nextUint32(slot: Uint32Array): number {
  const low = slot[0]!;
  const high = slot[1]!;
  advance(slot, low, high);
  const shiftedLow = ((low >>> 18) | (high << 14)) ^ low;
  const shiftedHigh = (high >>> 18) ^ high;
  const xorShifted = (shiftedLow >>> 27) | (shiftedHigh << 5);
  const rotation = high >>> 27;
  return ((xorShifted >>> rotation) | (xorShifted << (-rotation & 31))) >>> 0;
}

/** The next number, uniform in [0, 1), a multiple of 2^-32. */
export const nextUnit = (slot: Uint32Array): number => nextUint32(slot) / 4294967296;

/** The next integer, uniform in 0 … bound − 1 (bound 1 … 2^32), without bias: draws from the uneven rest are drawn again. */
export function nextBelow(slot: Uint32Array, bound: number): number {
  const uneven = 4294967296 % bound;
  for (;;) {
    const drawn = nextUint32(slot);
    if (drawn >= uneven) return drawn % bound;
  }
}

/** The next normal number, mean 0 and variance 1, from points in the unit disk (G. Marsaglia, 1964); the same bits in every engine. */
export function nextNormal(slot: Uint32Array): number {
  for (;;) {
    const x = 2 * nextUnit(slot) - 1;
    const y = 2 * nextUnit(slot) - 1;
    const square = x * x + y * y;
    if (square > 0 && square < 1) return x * Math.sqrt((-2 * log32(Math.fround(square))) / square);
  }
}

/** state ← state · multiplier + increment, modulo 2^64, in 32-bit halves. */
function advance(slot: Uint32Array, low: number, high: number): void {
  const product =
    multiplyHigh(low, MULTIPLIER_LOW) + Math.imul(low, MULTIPLIER_HIGH) + Math.imul(high, MULTIPLIER_LOW);
  const sumLow = (Math.imul(low, MULTIPLIER_LOW) >>> 0) + slot[2]!;
  slot[0] = sumLow;
  slot[1] = product + slot[3]! + (sumLow > 0xffffffff ? 1 : 0);
}

/** The upper 32 bits of the 64-bit product of two unsigned 32-bit integers. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const cross = aLow * bHigh + (middle & 0xffff);
  return aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(cross / 65536);
}

const load = (slot: Uint32Array): bigint => (BigInt(slot[1]!) << 32n) | BigInt(slot[0]!);

function store(slot: Uint32Array, state: bigint, increment: bigint): void {
  slot[0] = Number(state & 0xffffffffn);
  slot[1] = Number((state >> 32n) & 0xffffffffn);
  slot[2] = Number(increment & 0xffffffffn);
  slot[3] = Number((increment >> 32n) & 0xffffffffn);
}
