/**
 * What is known in each context: slots, runs and counters. The twin of `byte-model-slots.h`.
 *
 *   slots [contexts, 2^slotBits] bytes: 16 bytes stand for half a byte in a context: a check of the hash, then a bit
 *     history for each of the 15 nodes of the half byte's tree
 *   runs [contexts, 2^runBits, 2] bytes: the last byte in the context, and how often it came in a row
 *   counters [4, 2^counterBits] words: orders 0 to 3 directly: a probability of 22 bits, a count of 10
 */
import { type Model, reciprocal, tableIndex } from './byte-model-arithmetic.js';
import { DIRECT, Register as R, RUN_CLASSES } from './byte-model-memory.js';
import { Histories } from './byte-model-tables.js';

const { fround, imul } = Math;

const SLOT_BYTES = 16;
const WAYS = 3;
export const COUNT_BITS = 10;
export const EVEN_COUNTER = 2 ** 31;
/** The least rate of each order is 1 / (limit + 3/2). */
const COUNT_LIMITS = [60, 30, 16, 10];

/** Where things lie during a byte, one entry for each context, or for each order. */
export interface Places {
  readonly hash: Uint32Array;
  readonly slot: Uint32Array;
  readonly run: Uint32Array;
  /** Of a run: the byte with a 1 before it, and above it the class of its count; 0 where there is none. */
  readonly expected: Uint32Array;
  readonly counters: Uint32Array;
}

export const newPlaces = (contexts: number): Places => ({
  hash: new Uint32Array(contexts),
  slot: new Uint32Array(contexts),
  run: new Uint32Array(contexts),
  expected: new Uint32Array(contexts),
  counters: new Uint32Array(DIRECT),
});

/** The slot with the hash's check among three neighbours of a cache line, or the least used of them, emptied. */
function slotFor(
  { slots, histories }: Model,
  table: number,
  at: number,
  mask: number,
  check: number,
): number {
  let least = 0;
  let leastTotal = 256;
  for (let way = 0; way < WAYS; way++) {
    const slot = table + ((at ^ way) & mask) * SLOT_BYTES;
    if (slots[slot] === check) return slot;
    const total = histories[Histories.total + slots[slot + 1]!]!;
    if (total < leastTotal) {
      leastTotal = total;
      least = slot;
    }
  }
  slots.fill(0, least, least + SLOT_BYTES);
  slots[least] = check;
  return least;
}

/** Finds the slots for the byte's first half, `node` 1, or for its second half below the node of the first. */
export function findSlots(m: Model, places: Places, node: number): void {
  const bits = m.plan.slotBits - 4;
  for (let k = 0; k < m.plan.contexts.length; k++) {
    const first = places.hash[k]!;
    const hash = node === 1 ? first : imul(first + imul(node, 0x2f0b4c47), 0x9e3779b1);
    const table = k * 2 ** m.plan.slotBits;
    places.slot[k] = slotFor(m, table, tableIndex(hash, bits), 2 ** bits - 1, hash >>> 24);
  }
}

export const RUN_SEEN = 256;
export const RUN_SHIFT = 16;

export function findRuns({ runs, plan }: Model, places: Places): void {
  for (let k = 0; k < plan.contexts.length; k++) {
    const at = imul(places.hash[k]!, 0x85ebca6b) >>> (32 - plan.runBits);
    const run = (k * 2 ** plan.runBits + at) * 2;
    const count = Math.min(runs[run + 1]!, RUN_CLASSES - 1);
    places.run[k] = run;
    places.expected[k] = count > 0 ? runs[run]! | RUN_SEEN | (count << RUN_SHIFT) : 0;
  }
}

export function learnRuns({ runs, plan }: Model, places: Places, byte: number): void {
  for (let k = 0; k < plan.contexts.length; k++) {
    const run = places.run[k]!;
    if (runs[run + 1] !== 0 && runs[run] === byte) {
      runs[run + 1] = Math.min(runs[run + 1]! + 1, 255);
    } else {
      runs[run] = byte;
      runs[run + 1] = 1;
    }
  }
}

/** Finds the counters of orders 0 to 3 for half a byte: 16 of them, a cache line. */
export function findCounters({ registers, plan }: Model, places: Places, node: number): void {
  const last4 = registers[R.last4]!;
  const salt = node === 1 ? 0 : imul(node, 0x3a2c9);
  const hashes = [0, last4 & 0xff, last4 & 0xffff, last4 & 0xffffff];
  hashes.forEach((hash, order) => {
    const line = tableIndex(imul(hash, 0x2c1b3c6d) + salt, plan.counterBits - 4);
    places.counters[order] = order * 2 ** plan.counterBits + line * 16;
  });
}

export function learnCounter({ counters, tables }: Model, counter: number, bit: number, order: number): void {
  const count = counters[counter]! & (2 ** COUNT_BITS - 1);
  const p = counters[counter]! >>> COUNT_BITS;
  const target = bit === 1 ? 2 ** 22 - 1 : 0;
  const moved = p + Math.trunc(fround((target - p) * reciprocal(tables, count)));
  counters[counter] = (moved << COUNT_BITS) | Math.min(count + 1, COUNT_LIMITS[order]!);
}
