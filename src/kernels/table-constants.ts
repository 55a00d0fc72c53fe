/**
 * The tables that the table model looks up: logistic functions, what an unseen map means, and histories of bits.
 *
 * They are computed from exact operations alone, so that they are the same on every machine.
 */
import { bitHistories } from './bit-history.js';

/** The most contexts of one decision. */
export const CONTEXTS = 56;
/** Places of a context's map: 16 classes of counts × 32 of probability, then 256 histories. */
export const MAP_PLACES = 768;
export const STATES = 256;
/** A context counts up to 1023. */
const COUNTS = 1024;

/** Where each table begins among the constants. */
export const START = {
  stretch: 0,
  squash: 4096,
  maps: 8193,
  apm: 8193 + MAP_PLACES,
  reciprocals: 8226 + MAP_PLACES,
  classes: 9250 + MAP_PLACES,
  length: 10_274 + MAP_PLACES,
} as const;

const once = <T>(make: () => T): (() => T) => {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
};

/**
 * stretch [4096], squash [4097] over −12 … 12, the maps' start [MAP_PLACES], the start of refining maps [33], and by a
 * context's count: 1 / (n + 1) [1024] and its class [1024].
 */
export const tableConstants = once((): Float32Array => {
  const constants = new Float32Array(START.length);
  for (let i = 0; i < 4096; i++) constants[i] = logit((i + 0.5) / 4096);
  for (let i = 0; i <= 4096; i++) constants[START.squash + i] = logistic(-12 + (i * 24) / 4096);
  for (let place = 0; place < 512; place++) {
    const x = ((place & 31) - 16) / 2;
    constants[START.maps + place] = logistic(x * (0.4 + 0.04 * (place >> 5)));
  }
  const { zeros, ones } = bitHistories();
  for (let state = 0; state < STATES; state++) {
    constants[START.maps + 512 + state] = (ones[state]! + 0.4) / (zeros[state]! + ones[state]! + 0.8);
  }
  for (let step = 0; step < 33; step++) constants[START.apm + step] = logistic((step - 16) / 2);
  for (let n = 0; n < COUNTS; n++) {
    constants[START.reciprocals + n] = 1 / (n + 1);
    constants[START.classes + n] = countClass(n);
  }
  return constants;
});

/** Counts from which on a class begins, behind those that are classes of their own. */
const CLASS_BORDERS = [6, 9, 13, 20, 32, 56, 100, 200, 400, 900] as const;

function countClass(n: number): number {
  return n < 6 ? n : 5 + CLASS_BORDERS.filter((border) => border <= n).length;
}

/** [2 · 256]: the state behind each state and bit; [256]: 1 where a state has seen bits of one kind only. */
export const tableHistories = once((): Uint8Array => {
  const { next, zeros, ones } = bitHistories();
  const histories = new Uint8Array(3 * STATES);
  histories.set(next);
  for (let state = 0; state < STATES; state++) {
    histories[2 * STATES + state] = zeros[state] === 0 || ones[state] === 0 ? 1 : 0;
  }
  return histories;
});

export const logistic = (x: number): number => 1 / (1 + exponential(-x));

/** ln p − ln (1 − p). */
export const logit = (p: number): number => logarithm(p / (1 - p));

/** e^x for |x| < 700: a power series of x / 1024, squared ten times. */
function exponential(x: number): number {
  const small = x / 1024;
  let power = 1 + small * (1 + (small / 2) * (1 + (small / 3) * (1 + (small / 4) * (1 + small / 5))));
  for (let i = 0; i < 10; i++) power *= power;
  return power;
}

/** ln x of positive x: powers of two taken out, then 2 artanh((m − 1) / (m + 1)). */
export function logarithm(x: number): number {
  let m = x;
  let twos = 0;
  for (; m > Math.SQRT2; m /= 2) twos++;
  for (; m < Math.SQRT1_2; m *= 2) twos--;
  const t = (m - 1) / (m + 1);
  const z = t * t;
  let series = 0;
  for (let odd = 21; odd > 0; odd -= 2) series = series * z + 1 / odd;
  return 2 * t * series + twos * Math.LN2;
}
