/** Match models: where the last bytes stood before, and the byte that came then. The twin of `byte-model-match.h`. */
import { type Model, reciprocal, stretch } from './byte-model-arithmetic.js';
import { LENGTH_CLASSES, MATCHES_AT, Register as R, TRUST_CLASSES } from './byte-model-memory.js';

const { fround, imul } = Math;

const VERIFIED_MOST = 400;
const LENGTH_MOST = 65535;
const COUNT_MOST = 500;
export const NOTHING_EXPECTED = -1;
/** The fewest bytes that have to agree. */
const LEAST_LENGTHS = [6, 12, 24];

/** Where the registers of a match lie. */
const positionAt = (model: number): number => MATCHES_AT + 2 * model;
const lengthAt = (model: number): number => MATCHES_AT + 2 * model + 1;

export const matchLength = ({ registers }: Model, model: number): number => registers[lengthAt(model)]!;

export function lengthClass(length: number): number {
  if (length < 16) return length;
  if (length < 32) return 16 + ((length - 16) >> 2);
  if (length < 64) return 20 + ((length - 32) >> 3);
  return length < 512 ? 24 + Math.floor((length - 64) / 64) : 31;
}

export const historyMask = ({ plan }: Model): number => 2 ** plan.historyBits - 1;

export function expectedByte(m: Model, model: number): number {
  if (matchLength(m, model) === 0) return NOTHING_EXPECTED;
  return m.history[m.registers[positionAt(model)]! & historyMask(m)]!;
}

/** A match model's map: for each class of lengths how often the expected bit came, its logit, how many were seen. */
export const MATCH_FLOATS = 3 * LENGTH_CLASSES;
const LOGITS_AT = LENGTH_CLASSES;
const COUNTS_AT = 2 * LENGTH_CLASSES;

export function startMatches({ maps, tables, plan }: Model, first: number): void {
  for (let k = 0; k < plan.matches; k++) {
    for (let i = 0; i < LENGTH_CLASSES; i++) {
      const cell = first + k * MATCH_FLOATS + i;
      maps[cell] = i >= 16 ? 0.99 : 0.745;
      maps[cell + LOGITS_AT] = stretch(tables, maps[cell]!);
      maps[cell + COUNTS_AT] = 0;
    }
  }
}

/** The expected bit came, or it did not: then the match is over. */
export function learnMatch(m: Model, first: number, model: number, cell: number, hit: boolean): void {
  const { maps, tables, registers } = m;
  const at = first + model * MATCH_FLOATS + cell;
  const count = maps[at + COUNTS_AT]!;
  const error = fround((hit ? 1 : 0) - maps[at]!);
  maps[at] = maps[at]! + fround(error * reciprocal(tables, count));
  maps[at + LOGITS_AT] = stretch(tables, maps[at]!);
  maps[at + COUNTS_AT] = Math.min(count + 1, COUNT_MOST);
  if (!hit) registers[lengthAt(model)] = 0;
}

/** The logit and the doubled half of the probability that a class of lengths gives the expected bit. */
export function matchInputs({ maps }: Model, first: number, model: number, cell: number): [number, number] {
  const at = first + model * MATCH_FLOATS + cell;
  return [maps[at + LOGITS_AT]!, fround(fround(maps[at]! - 0.5) * 2)];
}

/** From this length on, a match is trusted: see `isTrusted`. Classes of such lengths are powers of two. */
const TRUSTED_LENGTH = 512;
const TRUST_COUNT_MOST = 1000;

/**
 * Whether the first match is so long that one decision codes the next byte: it is the expected one, or it is not. Such
 * a byte is taken in, but nothing is learned from it: long repeats cost next to nothing, and little time.
 */
export const isTrusted = (m: Model): boolean => m.plan.matches > 0 && matchLength(m, 0) >= TRUSTED_LENGTH;

/** The trust map: how often trusted matches of each class have ended, and how many bytes they have been asked for. */
export function startTrust({ maps }: Model, first: number): void {
  maps.fill(0.01, first, first + TRUST_CLASSES);
  maps.fill(10, first + TRUST_CLASSES, first + 2 * TRUST_CLASSES);
}

/** Where the trust map keeps matches of the first one's length. */
export function trustCell(m: Model, first: number): number {
  const doublings = Math.clz32(TRUSTED_LENGTH) - Math.clz32(matchLength(m, 0));
  return first + Math.min(doublings, TRUST_CLASSES - 1);
}

export function learnTrust(m: Model, cell: number, ended: boolean): void {
  const { maps, tables, registers } = m;
  const count = maps[cell + TRUST_CLASSES]!;
  const error = fround((ended ? 1 : 0) - maps[cell]!);
  maps[cell] = maps[cell]! + fround(error * reciprocal(tables, count));
  maps[cell + TRUST_CLASSES] = Math.min(count + 1, TRUST_COUNT_MOST);
  if (ended) registers[lengthAt(0)] = 0;
}

/** How many of the bytes before `there` and before the present position agree, up to a limit. */
function agreeing(m: Model, there: number): number {
  const here = m.registers[R.position]!;
  const mask = historyMask(m);
  let length = 0;
  while (
    length < VERIFIED_MOST &&
    m.history[(there - 1 - length) & mask] === m.history[(here - 1 - length) & mask]
  ) {
    length++;
  }
  return length;
}

/** Moves each match on behind a byte, and looks for a new one where there is none. */
export function advanceMatches(m: Model): void {
  const { registers: r, history, heads, plan } = m;
  const here = r[R.position]!;
  for (let k = 0; k < plan.matches; k++) {
    if (matchLength(m, k) > 0) {
      r[positionAt(k)]!++;
      r[lengthAt(k)] = Math.min(matchLength(m, k) + 1, LENGTH_MOST);
    }
    let hash = 0;
    for (let j = 0; j < LEAST_LENGTHS[k]!; j++) {
      hash = imul(hash + history[(here - 1 - j) & historyMask(m)]! + 1, 0x2f0b4c47);
      hash ^= hash >>> 15;
    }
    const head = k * 2 ** plan.headBits + (hash >>> (32 - plan.headBits));
    if (matchLength(m, k) === 0 && heads[head] !== 0) {
      const length = agreeing(m, heads[head]!);
      if (length >= LEAST_LENGTHS[k]! - 2) {
        r[positionAt(k)] = heads[head]!;
        r[lengthAt(k)] = length;
      }
    }
    heads[head] = here;
  }
}
