/**
 * The decay of element-wise recurrences: the twins of `scan.h`.
 */
import { expMinusOneOfSmall, multiplyAdd, powerOfTwo, ROUNDER } from './math.js';

const { fround } = Math;

const LN2 = fround(Math.LN2);
/** Decays below 2^-50 count as 0, and growth above 2^127 a row as 2^127. */
const LOWEST_POWER = -50;
const HIGHEST_POWER = 127;

const inRange = (e: number) => Math.max(LOWEST_POWER, Math.min(HIGHEST_POWER, e));
const nearest = (e: number) => fround(fround(e + ROUNDER) - ROUNDER);

/** 2^f - 1, where f is e less the nearest integer. */
export const smallOf = (e: number): number =>
  expMinusOneOfSmall(fround(fround(inRange(e) - nearest(inRange(e))) * LN2));

/** 2^n, where n is the integer nearest to e; 0 where it counts as 0. */
export const powerOf = (e: number): number => (e < LOWEST_POWER ? 0 : powerOfTwo(nearest(inRange(e))));

/** 2^e x as 2^n (x + x small): a decay near 1 is never itself rounded to a float. */
export function fade(x: number, e: number): number {
  const power = powerOf(e);
  return power === 0 ? 0 : fround(multiplyAdd(x, smallOf(e), x) * power);
}
