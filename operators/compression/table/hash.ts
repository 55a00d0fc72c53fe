/**
 * 32-bit hashes of what contexts are made of.
 */

const { imul } = Math;

export function hash2(a: number, b: number): number {
  let h = (imul(a, 0x9e3779b1) + b) | 0;
  h = imul(h ^ (h >>> 16), 0x85ebca6b);
  return h ^ (h >>> 13);
}

export const hash3 = (a: number, b: number, c: number): number => hash2(hash2(a, b), c);

/** Of an integer within ±2^53. */
export const hashNumber = (x: number): number =>
  x === (x | 0) ? imul(x, 0x2c1b3c6d) : hash2(x | 0, Math.floor(x * 2 ** -32) | 0);

export function hashBytes(bytes: Uint8Array, from: number, to: number): number {
  let h = 5;
  for (let i = from; i < to; i++) h = hash2(h, bytes[i]!);
  return h;
}
