/**
 * Elementary functions with the same bits on every machine and in every engine.
 *
 * The float32 ones are the TypeScript twins of `math.h`, operation by operation: `Math.fround` rounds where the C
 * rounds. `Math.exp` and `Math.log` are left to each JavaScript engine, so nothing here uses them. Errors are the
 * largest ones measured, in units in the last place (ULP): every float32 for exp, every 37th for the others.
 */
import { defineKernels } from './kernel.js';
import { wasm } from './wasm/math.js';

const { fround } = Math;

const EXP_LOWEST = fround(-87.33654);
const EXP_HIGHEST = 89;
/** Added to a small float32, it leaves the nearest integer. */
export const ROUNDER = 12582912;
export const LOG2_E = fround(Math.LOG2E);
const LN2_HIGH = 0.693359375;
const LN2_LOW = fround(-2.1219444e-4);
const EXP_POLYNOMIAL = Float32Array.of(
  1.98756915e-4,
  1.3981999507e-3,
  8.3334519073e-3,
  4.1665795894e-2,
  1.6666665459e-1,
  5.0000001201e-1,
);
const LOG_2_3 = fround(0.66666662693);
const LOG_2_5 = fround(0.40000972152);
const LOG_2_7 = fround(0.28498786688);
const LOG_2_9 = fround(0.24279078841);
const SQRT_HALF_BITS = 0x3f3504f3;
const ONE_BITS = 0x3f800000;
const MANTISSA_BITS = 23;
const MANTISSA_MASK = 0x007fffff;
const SMALLEST_NORMAL = 2 ** -126;
const SUBNORMAL_SHIFT = 25;

const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

function bitsOf(x: number): number {
  float[0] = x;
  return bits[0]!;
}

function ofBits(pattern: number): number {
  bits[0] = pattern;
  return float[0]!;
}

/** 2^n in float32, -126 <= n <= 127. */
export const powerOfTwo = (n: number) => ofBits((n << MANTISSA_BITS) + ONE_BITS);
export const multiplyAdd = (a: number, b: number, sum: number) => fround(fround(a * b) + sum);

/** e^r - 1 in float32, |r| <= ln 2 / 2. */
export function expMinusOneOfSmall(r: number): number {
  let p = EXP_POLYNOMIAL[0]!;
  for (let i = 1; i < EXP_POLYNOMIAL.length; i++) p = multiplyAdd(p, r, EXP_POLYNOMIAL[i]!);
  return multiplyAdd(p, fround(r * r), r);
}

/** e^x in float32, at most 0.991 ULP off. Below -87.33654 it is 0, above 88.72283 infinity. */
export function exp32(x: number): number {
  if (x < EXP_LOWEST) return 0;
  const inRange = Math.min(x, EXP_HIGHEST);
  const n = fround(multiplyAdd(inRange, LOG2_E, ROUNDER) - ROUNDER);
  const r = fround(fround(inRange - fround(n * LN2_HIGH)) - fround(n * LN2_LOW));
  const y = fround(expMinusOneOfSmall(r) + 1);
  const half = n >> 1;
  return fround(fround(y * powerOfTwo(half)) * powerOfTwo(n - half));
}

/** log x in float32, at most 0.81 ULP off. -infinity at 0, NaN below. */
export function log32(x: number): number {
  if (x === 0) return -Infinity;
  if (x < 0) return Number.NaN;
  if (!(x < Infinity)) return x;
  return x < SMALLEST_NORMAL ? logOfNormal(x * 2 ** SUBNORMAL_SHIFT, -SUBNORMAL_SHIFT) : logOfNormal(x, 0);
}

function logOfNormal(x: number, exponentOffset: number): number {
  const above = bitsOf(x) - SQRT_HALF_BITS;
  const n = (above >> MANTISSA_BITS) + exponentOffset;
  const f = fround(ofBits((above & MANTISSA_MASK) + SQRT_HALF_BITS) - 1);
  const s = fround(f / fround(f + 2));
  const z = fround(s * s);
  const w = fround(z * z);
  const even = fround(w * multiplyAdd(w, LOG_2_9, LOG_2_5));
  const odd = fround(z * multiplyAdd(w, LOG_2_7, LOG_2_3));
  const halfSquare = fround(fround(f * f) * 0.5);
  const low = fround(fround(s * fround(halfSquare + fround(odd + even))) + fround(n * LN2_LOW));
  return fround(fround(fround(low - halfSquare) + f) + fround(n * LN2_HIGH));
}

/** 1 / (1 + e^-x) in float32, at most 2.32 ULP off. Below -87.33654 it is 0. */
export function sigmoid32(x: number): number {
  const power = exp32(-Math.abs(x));
  return fround((x < 0 ? power : 1) / fround(power + 1));
}

/** log(1 + e^x) in float32, at most 1.96 ULP off. Below -87.33654 it is 0. */
export function softplus32(x: number): number {
  const power = exp32(-Math.abs(x));
  const sum = fround(power + 1);
  const lost = fround(power - fround(sum - 1));
  return fround(Math.max(x, 0) + fround(logOfNormal(sum, 0) + fround(lost / sum)));
}

/** y = e^x. Shapes: x [n] in, y [n] out; y may be x. So do the other three. */
export function expF32(x: Float32Array, y: Float32Array, n: number): void {
  for (let i = 0; i < n; i++) y[i] = exp32(x[i]!);
}

export function logF32(x: Float32Array, y: Float32Array, n: number): void {
  for (let i = 0; i < n; i++) y[i] = log32(x[i]!);
}

export function sigmoidF32(x: Float32Array, y: Float32Array, n: number): void {
  for (let i = 0; i < n; i++) y[i] = sigmoid32(x[i]!);
}

export function softplusF32(x: Float32Array, y: Float32Array, n: number): void {
  for (let i = 0; i < n; i++) y[i] = softplus32(x[i]!);
}

/** x = elu(x) + 1, the feature map of linear attention that is never negative. Shape: x [n], in place. */
export function elu1(x: Float32Array, n: number): void {
  for (let i = 0; i < n; i++) x[i] = x[i]! > 0 ? x[i]! + 1 : exp32(x[i]!);
}

/** x = max(x, 0); a NaN stays. Shape: x [n], in place. */
export function relu(x: Float32Array, n: number): void {
  for (let i = 0; i < n; i++) if (x[i]! < 0) x[i] = 0;
}

/** The index of the first NaN or infinity in x [n], -1 when there is none. Every kernel set has it. */
export function firstNonFinite(x: Float32Array, n: number): number {
  for (let i = 0; i < n; i++) if (!Number.isFinite(x[i])) return i;
  return -1;
}

/** The index of the first number above `most` in x [n], -1 when there is none. Every kernel set has it. */
export function firstAbove(x: Float32Array, n: number, most: number): number {
  for (let i = 0; i < n; i++) if (x[i]! > Math.fround(most)) return i;
  return -1;
}

/** The index of the first number below `least` in x [n], -1 when there is none. */
export function firstBelow(x: Float32Array, n: number, least: number): number {
  for (let i = 0; i < n; i++) if (x[i]! < Math.fround(least)) return i;
  return -1;
}

export const mathKernels = defineKernels('math', wasm, {
  firstNonFinite,
  firstAbove,
  expF32,
  elu1,
  relu,
  logF32,
  sigmoidF32,
  softplusF32,
});

/** ln 2 in two parts, and e^r to about 2^-59, as fdlibm has them. */
const LN2_HIGH_64 = 0.6931471803691238;
const LN2_LOW_64 = 1.9082149292705877e-10;
const P1 = 0.16666666666666602;
const P2 = -0.0027777777777015593;
const P3 = 0.00006613756321437934;
const P4 = -0.0000016533902205465252;
const P5 = 4.1381367970572385e-8;
const EXP_LOWEST_64 = -745.1332191019411;
const EXP_HIGHEST_64 = 709.782712893384;
/** 1.5 * 2^52: added to a small number, it leaves the nearest integer in the low bits. */
/** Added to a float64, it leaves the nearest integer. */
export const ROUNDER_64 = 1.5 * 2 ** 52;

/**
 * e^x in float64, at most 1 ULP off, from + - * / alone: constants made with it are the same in every engine.
 *
 *   x = n ln 2 + r      c = r - r^2 P(r^2)      e^r = 1 + r + r c / (2 - c)
 */
export function exp64(x: number): number {
  if (!(x >= EXP_LOWEST_64)) return Math.max(x, 0);
  if (x > EXP_HIGHEST_64) return Infinity;
  const n = x * Math.LOG2E + ROUNDER_64 - ROUNDER_64;
  const high = x - n * LN2_HIGH_64;
  const low = n * LN2_LOW_64;
  const r = high - low;
  const z = r * r;
  const c = r - z * (P1 + z * (P2 + z * (P3 + z * (P4 + z * P5))));
  const y = 1 + (high - (low - (r * c) / (2 - c)));
  const half = Math.trunc(n / 2);
  return y * powerOfTwo64(half) * powerOfTwo64(n - half);
}

/** 1 / (1 + e^-x) in float64. */
export function sigmoid64(x: number): number {
  const power = exp64(-Math.abs(x));
  return (x < 0 ? power : 1) / (power + 1);
}

/** The last term of the series is s^31 / 31, about 2^-54 at its largest, s = 1/3. */
const LAST_ODD = 31;

/**
 * log(1 / (1 + e^-x)) in float64, from p = e^-|x|: min(x, 0) - log(1 + p).
 *
 *   s = p / (2 + p) <= 1/3      log(1 + p) = 2 (s + s^3 / 3 + s^5 / 5 + … + s^31 / 31)
 */
export function logSigmoid64(x: number): number {
  const power = exp64(-Math.abs(x));
  const s = power / (power + 2);
  const z = s * s;
  let series = 1 / LAST_ODD;
  for (let odd = LAST_ODD - 2; odd > 0; odd -= 2) series = series * z + 1 / odd;
  return Math.min(x, 0) - 2 * s * series;
}

/** 2^n by doubling or halving, which are exact; `**` is not bound to be. */
function powerOfTwo64(n: number): number {
  const factor = n < 0 ? 0.5 : 2;
  let power = 1;
  for (let i = Math.abs(n); i > 0; i--) power *= factor;
  return power;
}
