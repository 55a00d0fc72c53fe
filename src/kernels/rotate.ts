/**
 * Complex numbers that fade and turn: the twins of `rotate.h`.
 */
import { powerOf, smallOf } from './fade.js';
import { multiplyAdd, ROUNDER_64 } from './math.js';

const { fround } = Math;

export interface Complex {
  re: number;
  im: number;
}

const HALF_PI = fround(Math.PI / 2);

const SIN_3 = fround(-1.6666654611e-1);
const SIN_5 = fround(8.3321608736e-3);
const SIN_7 = fround(-1.9515295891e-4);
const COS_4 = fround(4.166664568298827e-2);
const COS_6 = fround(-1.388731625493765e-3);
const COS_8 = fround(2.443315711809948e-5);

/** sin b, |b| <= pi / 4. */
function sinOfSmall(b: number): number {
  const square = fround(b * b);
  const p = multiplyAdd(multiplyAdd(SIN_7, square, SIN_5), square, SIN_3);
  return multiplyAdd(p, fround(square * b), b);
}

/** cos b - 1, |b| <= pi / 4. */
function cosMinusOneOfSmall(b: number): number {
  const square = fround(b * b);
  const p = multiplyAdd(multiplyAdd(COS_8, square, COS_6), square, COS_4);
  return multiplyAdd(p, fround(square * square), fround(square * -0.5));
}

/** x = 2^e i^quarters x, in place; quarters of a turn in float64. */
export function fadeAndRotate(x: Complex, e: number, quarters: number): void {
  const whole = quarters + ROUNDER_64 - ROUNDER_64;
  const b = fround(fround(quarters - whole) * HALF_PI);
  const small = smallOf(e);
  const power = powerOf(e);
  const sine = sinOfSmall(b);
  const cosine = cosMinusOneOfSmall(b);
  const re = fround(fround(small + cosine) + fround(small * cosine));
  const im = fround(sine + fround(small * sine));
  const turnedRe = fround(fround(x.re + fround(fround(re * x.re) - fround(im * x.im))) * power);
  const turnedIm = fround(fround(x.im + fround(fround(re * x.im) + fround(im * x.re))) * power);
  quarterTurns(x, power === 0 ? 0 : turnedRe, power === 0 ? 0 : turnedIm, whole);
}

/** x = (re + i im) i^q. */
function quarterTurns(x: Complex, re: number, im: number, q: number): void {
  const odd = (q & 1) === 1;
  const [first, second] = odd ? [im, re] : [re, im];
  x.re = (q + 1) & 2 ? -first : first;
  x.im = q & 2 ? -second : second;
}
