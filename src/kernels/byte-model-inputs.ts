/**
 * The first layer's inputs: what each context, run, counter and match says of the next bit, and what is learned from
 * it. The twin of `byte-model-inputs.h`.
 *
 * Maps, one after another in the slot `maps`:
 *   records [contexts, 256, 4]: for a bit history: logit, 2 p - 1, logit again if it is certain, p
 *   counts [contexts, 256]: how often each came
 *   run maps [contexts, 3, 32]: hits, logits, counts of the expected bit, for each class of counts in the first and
 *     second half of a byte
 *   match maps [matches, 3, 32]
 *   the trust map [2, 8]
 */
import { type Model, reciprocal, stretch } from './byte-model-arithmetic.js';
import {
  expectedByte,
  learnMatch,
  lengthClass,
  MATCH_FLOATS,
  matchInputs,
  matchLength,
  startMatches,
  startTrust,
} from './byte-model-match.js';
import { DIRECT, inputsOf, LANES, MATCHES_MOST, RUN_CELLS, RUN_CLASSES } from './byte-model-memory.js';
import { COUNT_BITS, learnCounter, type Places, RUN_SHIFT } from './byte-model-slots.js';
import { Histories, NEVER, STATES, Tables } from './byte-model-tables.js';

const { fround } = Math;

const FIRST_COUNT = 4;
const STATE_COUNT_MOST = 255;
const RUN_COUNT_MOST = 500;
export const MISSED = -1;

/** Where the parts of the maps begin. */
export function mapsOf({ plan }: Model) {
  const counts = plan.contexts.length * STATES * LANES;
  const runs = counts + plan.contexts.length * STATES;
  const matches = runs + plan.contexts.length * 3 * RUN_CELLS;
  return { counts, runs, matches, trust: matches + plan.matches * MATCH_FLOATS };
}

/** What the next bit's inputs were made from. */
export interface Inputs {
  readonly at: ReturnType<typeof mapsOf>;
  readonly state: Uint8Array;
  /** The cell of the run map with the expected bit below it; cell 0 stands for no run or another byte. */
  readonly run: Int32Array;
  readonly match: Int32Array;
  readonly input: Float32Array;
}

export const newInputs = (m: Model): Inputs => ({
  at: mapsOf(m),
  state: new Uint8Array(m.plan.contexts.length),
  run: new Int32Array(m.plan.contexts.length),
  match: new Int32Array(MATCHES_MOST),
  input: new Float32Array(inputsOf(m.plan)),
});

function keepRecord({ maps, tables }: Model, record: number, p: number, state: number): void {
  const logit = stretch(tables, p);
  maps[record] = logit;
  maps[record + 1] = fround(p - 0.5) * 2;
  maps[record + 2] = logit * tables[Tables.certainty + state]!;
  maps[record + 3] = p;
}

export function startMaps(m: Model): void {
  const { maps, tables, plan } = m;
  const at = mapsOf(m);
  for (let k = 0; k < plan.contexts.length; k++) {
    for (let s = 0; s < STATES; s++) {
      const record = (k * STATES + s) * LANES;
      if (s > 0) keepRecord(m, record, tables[Tables.prior + s]!, s);
      else maps.set([0, 0, 0, 0.5], record);
      maps[at.counts + k * STATES + s] = s > 0 ? FIRST_COUNT : NEVER;
    }
    for (let i = 0; i < RUN_CELLS; i++) {
      const cell = at.runs + k * 3 * RUN_CELLS + i;
      const p = 0.5 + fround(fround(fround(fround(0.9) / RUN_CELLS) * i) / 2);
      maps[cell] = p;
      maps[cell + RUN_CELLS] = stretch(tables, maps[cell]!);
      maps[cell + 2 * RUN_CELLS] = 0;
    }
  }
  startMatches(m, at.matches);
  startTrust(m, at.trust);
}

/** The node within half a byte, 1 to 15. */
export const nodeInHalf = (node: number, place: number): number =>
  place >= 4 ? node : (1 << (3 - place)) | (node & ((1 << (3 - place)) - 1));

/** The expected bit of a run or match with its cell above it, if all bits before it were as expected. */
const expectedBit = (expected: number, node: number, place: number, cell: number): number =>
  expected >> (place + 1) === node ? cell * 2 + ((expected >> place) & 1) : MISSED;

/** A logit for the bit that was expected, its negative against it, 0 without an expectation. */
const signed = (expected: number, logit: number): number => {
  if (expected === MISSED) return 0;
  return (expected & 1) === 1 ? logit : -logit;
};

export function readContexts(m: Model, places: Places, { at, ...to }: Inputs, node: number, place: number) {
  const { slots, maps, plan } = m;
  for (let k = 0; k < plan.contexts.length; k++) {
    const state = slots[places.slot[k]! + nodeInHalf(node, place)]!;
    const expected = places.expected[k]!;
    const cell = (expected >>> RUN_SHIFT) + (place >= 4 ? RUN_CLASSES : 0);
    const record = (k * STATES + state) * LANES;
    to.state[k] = state;
    const run = expectedBit(expected & 511, node, place, cell);
    to.run[k] = Math.max(run, 0);
    for (let i = 0; i < 3; i++) to.input[k * LANES + i] = maps[record + i]!;
    to.input[k * LANES + 3] = signed(run, maps[at.runs + k * 3 * RUN_CELLS + RUN_CELLS + cell]!);
  }
}

/** The inputs of the counters and matches go where `at` says; what follows goes behind them. */
export function readCounters(m: Model, places: Places, to: Inputs, inHalf: number, at: number): number {
  for (let order = 0; order < DIRECT; order++) {
    const p = m.counters[places.counters[order]! + inHalf]! >>> COUNT_BITS;
    to.input[at + 2 * order] = m.tables[Tables.stretch + (p >> 10)]!;
    to.input[at + 2 * order + 1] = p * 2 ** -21 - 1;
  }
  return at + 2 * DIRECT;
}

export function readMatches(m: Model, to: Inputs, node: number, place: number, at: number): number {
  for (let k = 0; k < m.plan.matches; k++) {
    const expected = expectedByte(m, k);
    const cell = lengthClass(matchLength(m, k));
    const match = expected < 0 ? MISSED : expectedBit(expected | 256, node, place, cell);
    const [logit, p] = matchInputs(m, to.at.matches, k, cell);
    to.match[k] = match;
    to.input[at + 2 * k] = signed(match, logit);
    to.input[at + 2 * k + 1] = signed(match, p);
  }
  return at + 2 * m.plan.matches;
}

/** p moves towards 1 or 0 by the reciprocal of how often it was seen. */
const movedTo = (tables: Float32Array, p: number, target: number, count: number): number =>
  fround(p + fround(fround(target - p) * reciprocal(tables, count)));

export function learnContexts(m: Model, places: Places, from: Inputs, inHalf: number, bit: number): void {
  const { slots, maps, tables, histories, plan } = m;
  for (let k = 0; k < plan.contexts.length; k++) {
    const state = from.state[k]!;
    slots[places.slot[k]! + inHalf] = histories[Histories.next + 2 * state + bit]!;
    const record = (k * STATES + state) * LANES;
    const countAt = from.at.counts + k * STATES + state;
    keepRecord(m, record, movedTo(tables, maps[record + 3]!, bit, maps[countAt]!), state);
    if (maps[countAt]! < STATE_COUNT_MOST) maps[countAt]!++;
    learnRunMap(m, from, k, bit);
  }
}

function learnRunMap({ maps, tables }: Model, from: Inputs, k: number, bit: number): void {
  const cell = from.at.runs + k * 3 * RUN_CELLS + (from.run[k]! >> 1);
  const hit = (from.run[k]! & 1) === bit ? 1 : 0;
  const countAt = cell + 2 * RUN_CELLS;
  maps[cell] = movedTo(tables, maps[cell]!, hit, maps[countAt]!);
  maps[cell + RUN_CELLS] = stretch(tables, maps[cell]!);
  maps[countAt] = Math.min(maps[countAt]! + 1, RUN_COUNT_MOST);
}

export function learnCounters(m: Model, places: Places, inHalf: number, bit: number): void {
  for (let order = 0; order < DIRECT; order++) {
    learnCounter(m, places.counters[order]! + inHalf, bit, order);
  }
}

export function learnMatches(m: Model, from: Inputs, bit: number): void {
  for (let k = 0; k < m.plan.matches; k++) {
    const match = from.match[k]!;
    if (match !== MISSED) learnMatch(m, from.at.matches, k, match >> 1, (match & 1) === bit);
  }
}
