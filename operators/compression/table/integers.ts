/**
 * Integers within ±2^53 taken apart: bits, sizes, decimal digits, and what one expects of a residual's decisions.
 */
import { bitsOf } from './plan.js';

/** x's bits from `shift` on, shifted down; a negative shift shifts up. */
export const shifted = (x: number, shift: number) => Math.floor(x * 2 ** -shift);

/** −bits … bits: how large a number is, with its sign. */
export const magnitude = (x: number): number => (x < 0 ? -bitsOf(-x) : bitsOf(x));

/** A number's size with two bits behind its highest, and its sign. */
export function coarse(x: number): number {
  const size = Math.abs(x);
  const bits = bitsOf(size);
  if (bits <= 3) return x;
  const class_ = bits * 4 + (shifted(size, bits - 3) & 3) + 16;
  return x < 0 ? -class_ : class_;
}

/** What a number that were right would decide at a stage, as a small code. */
export function expected(
  x: number,
  stage: number,
  i: number,
  bits: number,
  sign: number,
  prefix: number,
  b: number,
): number {
  const size = Math.abs(x);
  if (stage === 0) return size === 0 ? 1 : 0;
  if (stage === 1) return size === 0 ? 2 : x < 0 ? 1 : 0;
  const sides = size === 0 ? 2 : (x < 0 ? 1 : 0) === sign ? 0 : 1;
  const length = bitsOf(size);
  if (stage === 2) return 8 + sides * 5 + Math.max(-2, Math.min(2, length - i)) + 2;
  if (sides > 0) return 31;
  if (length !== bits) return length < bits ? 30 : 29;
  const apart = Math.max(-2, Math.min(2, prefix - shifted(size, b + 1)));
  return 32 + (apart + 2) * 4 + (shifted(size, b - 1) & 3);
}

export const countDigits = (x: number): number => {
  let count = 1;
  for (let rest = Math.floor(x / 10); rest >= 1; rest = Math.floor(rest / 10)) count++;
  return count;
};

/** Writes the decimal digits of a number, the highest first; answers how many. */
export function digitsOf(x: number, into: Uint8Array): number {
  const count = countDigits(x);
  let rest = x;
  for (let i = count - 1; i >= 0; i--) {
    const next = Math.floor(rest / 10);
    into[i] = rest - next * 10;
    rest = next;
  }
  return count;
}
