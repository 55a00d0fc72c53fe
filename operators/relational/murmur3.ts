/**
 * MurmurHash3, x86, 32 bits: Austin Appleby's hash of some bytes, with a seed.
 */

const C1 = 0xcc9e2d51;
const C2 = 0x1b873593;

/** The hash of bytes[from] … bytes[to - 1], as an integer in 0 … 2^32 - 1. */
export function murmur3(bytes: Uint8Array, from: number, to: number, seed: number): number {
  let hash = seed | 0;
  const tail = from + ((to - from) & ~3);
  for (let i = from; i < tail; i += 4) {
    const block = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    hash ^= mixed(block);
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  let rest = 0;
  for (let i = to - 1; i >= tail; i--) rest = (rest << 8) | bytes[i]!;
  if (tail < to) hash ^= mixed(rest);
  return finished(hash ^ (to - from));
}

function mixed(block: number): number {
  const k = Math.imul(block, C1);
  return Math.imul((k << 15) | (k >>> 17), C2);
}

function finished(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
