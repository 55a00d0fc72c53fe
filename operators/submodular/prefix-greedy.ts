/**
 * Sticky prefix greedy: the answer is kept in the order in which greedy chose it, and an update repairs only what lies behind
 * the place that it touches.
 *
 *   S = (s_0, s_1, …), at each place  (1 + delta) f(s_q | s_0 … s_(q-1)) >= f(e | s_0 … s_(q-1))  for every live e
 *
 * Bounds found at shallower prefixes (prefix-bounds.ts) tell for most elements that nothing changes, without a call. A chosen
 * element stays as long as no other gains more than 1 + delta times as much: few changes, few calls. A budget of calls an
 * update ends a repair early; the places behind are then uncertified, and the next updates go on with them, on what is saved up
 * of a smaller allowance.
 */
import { nextBelow, seedRandom } from '../../src/random.js';
import type { Algorithm, Numbering } from './algorithm.js';
import type { World } from './oracle.js';
import { PrefixBounds } from './prefix-bounds.js';
import { PrefixStates } from './prefix-states.js';

export interface PrefixGreedyOptions {
  /** How much more another element must gain to take a place. */
  readonly delta: number;
  /** Calls that a repair may make before it takes what it has; Infinity certifies every answer. */
  readonly budgetCalls: number;
  /** Random elements that are tried once where the budget runs out. */
  readonly randomRefill: number;
  readonly seed: number;
}

/** Evaluations of the best bounds that a place is still given when the budget has run out. */
const RESERVE = 16;
/** How many elements may fall back to older bounds in one update that has a budget. */
const MOST_FALLEN = 1024;
/** What an update adds to the allowance of repairs that go on, and how much of it can be saved up: parts of the budget. */
const ALLOWED = 1 / 6;
const ALLOWED_MOST = 64;
const CERTIFIED = Number.MAX_SAFE_INTEGER;

/** A repair under way: what is left of its budget, and the elements that would like their places back. */
interface Repair {
  calls: number;
  /** Calls that may go to elements which had their places before: at most half, so that others are always tried. */
  callsForOld: number;
  reserve: number;
  triedRandom: boolean;
  readonly old: number[];
  /** The answer before it and what each element added, for as long as the new one begins in the same way. */
  before: Before | undefined;
}

interface Before {
  readonly answer: readonly number[];
  readonly gains: readonly number[];
}

/** An element and its exact gain at the place in question; slot −1 where there is none. */
interface Gain {
  readonly slot: number;
  readonly gain: number;
}

const NOBODY: Gain = { slot: -1, gain: -1 };

export class PrefixGreedy implements Algorithm {
  readonly gains: number[] = [];
  readonly #world: World;
  readonly #options: PrefixGreedyOptions;
  readonly #states: PrefixStates;
  readonly #bounds: PrefixBounds;
  readonly #random = new Uint32Array(4);
  readonly #factor: number;
  /** The first place that is not certified. */
  #uncertified = CERTIFIED;
  /** Calls that repairs may still make which no update of the answer's elements began. */
  #allowed: number;

  constructor(world: World, options: PrefixGreedyOptions) {
    this.#world = world;
    this.#options = options;
    this.#factor = 1 + options.delta;
    this.#allowed = ALLOWED_MOST * options.budgetCalls;
    this.#states = new PrefixStates(world.oracle);
    this.#bounds = new PrefixBounds(world.live, world.k);
    seedRandom(this.#random, options.seed);
  }

  get answer(): readonly number[] {
    return this.#states.chosen;
  }

  get certified(): boolean {
    return this.#uncertified === CERTIFIED;
  }

  /** One update; its repair has `spent` calls less than its budget. */
  update(removed: readonly number[], inserted: number, spent = 0): void {
    const { budgetCalls } = this.#options;
    let first = CERTIFIED;
    for (const slot of removed) {
      const place = this.answer.indexOf(slot);
      if (place >= 0) first = Math.min(first, place);
      this.#bounds.leave(slot, false);
    }
    if (inserted >= 0) first = Math.min(first, this.#placeFor(inserted, Math.min(first, this.#uncertified)));
    this.#allowed = Math.min(this.#allowed + ALLOWED * budgetCalls, ALLOWED_MOST * budgetCalls);
    const budget = first < CERTIFIED ? budgetCalls : Math.min(budgetCalls, Math.floor(this.#allowed));
    const before = this.#world.oracle.calls;
    this.#repair(Math.min(first, this.#uncertified), Math.max(0, budget - spent));
    this.#allowed = Math.max(0, this.#allowed - (this.#world.oracle.calls - before));
  }

  /** Lets a new element in: the first place that it would take, among those before `end`. */
  #placeFor(slot: number, end: number): number {
    const { oracle, k } = this.#world;
    let bound = oracle.single(slot);
    this.#bounds.enter(slot, bound);
    const places = Math.min(this.answer.length, end);
    for (let q = 0; q < places; q++) {
      const limit = this.#factor * this.gains[q]!;
      if (bound <= limit) continue;
      if (q > 0) {
        bound = oracle.gain(this.#states.at(q), slot);
        this.#bounds.found(slot, q, bound);
      }
      if (bound > limit) return q;
    }
    return this.answer.length < k && bound > 0 ? this.answer.length : CERTIFIED;
  }

  /** Chooses anew from a place on. */
  #repair(from: number, calls: number): void {
    const { k } = this.#world;
    if (from === CERTIFIED || (from >= this.answer.length && this.answer.length === k)) return;
    const repair = this.#begin(Math.min(from, this.answer.length), calls);
    while (this.answer.length < k) {
      const { slot, gain } = this.#choose(repair);
      if (gain <= 0) break;
      if (slot !== repair.before?.answer[this.answer.length]) repair.before = undefined;
      this.#bounds.leave(slot, true);
      this.#states.append(slot);
      this.gains.push(gain);
    }
  }

  /** Cuts the answer at a place. */
  #begin(start: number, calls: number): Repair {
    const { live } = this.#world;
    const hasBudget = calls < Number.POSITIVE_INFINITY;
    const before = { answer: this.answer.slice(), gains: this.gains.slice() };
    const old = this.#states.cut(start).filter((slot) => live.isLive(slot));
    this.gains.length = start;
    this.#bounds.cut(start);
    this.#bounds.settle(start, hasBudget ? MOST_FALLEN : Number.POSITIVE_INFINITY);
    for (const slot of old) this.#bounds.fallBack(slot, start);
    this.#uncertified = this.#bounds.complete ? CERTIFIED : start;
    const callsForOld = Math.floor(calls / 2);
    return { calls, callsForOld, reserve: RESERVE, triedRandom: false, old, before };
  }

  /** The element for the next place, or nobody. */
  #choose(repair: Repair): Gain {
    const place = this.answer.length;
    const kept = this.#keptElement(repair);
    let candidate = NOBODY;
    for (;;) {
      const { prefix, slot, bound } = this.#bounds.top(place);
      if (slot < 0 || bound <= 0) return NOBODY;
      if (kept.gain > 0 && bound <= this.#factor * kept.gain) return kept;
      if (prefix === place) {
        if (this.#bounds.complete || repair.triedRandom) return { slot, gain: bound };
        candidate = this.#tryRandomElements(repair, { slot, gain: bound });
        continue;
      }
      const isClear = candidate.gain > this.#factor * kept.gain || kept.slot < 0;
      if (candidate.slot >= 0 && this.#factor * candidate.gain >= bound && isClear) return candidate;
      if (repair.calls <= 0) {
        const settled = this.#whenBudgetIsSpent(repair, kept, candidate, isClear);
        if (settled !== undefined) return settled;
        if (repair.reserve-- <= RESERVE / 2 && !repair.triedRandom) {
          candidate = this.#tryRandomElements(repair, candidate);
          continue;
        }
      }
      candidate = this.#better(candidate, slot);
      repair.calls--;
    }
  }

  /** The first of the elements that held places before and holds none now, with its gain. */
  #keptElement(repair: Repair): Gain {
    const { oracle } = this.#world;
    const place = this.answer.length;
    while (repair.old.length > 0 && this.answer.includes(repair.old[0]!)) repair.old.shift();
    const [slot] = repair.old;
    if (slot === undefined) return NOBODY;
    const isKnown = repair.before?.answer[place] === slot;
    const gain = isKnown ? repair.before!.gains[place]! : oracle.gain(this.#states.at(place), slot);
    if (!isKnown && repair.callsForOld-- > 0) repair.calls--;
    this.#bounds.found(slot, place, gain);
    return { slot, gain };
  }

  /** Takes the element that was there before, or once the reserve is spent the best that was found; else goes on. */
  #whenBudgetIsSpent(repair: Repair, kept: Gain, candidate: Gain, isClear: boolean): Gain | undefined {
    const keeps = kept.gain > 0 && !(candidate.slot >= 0 && isClear);
    if (!keeps && repair.reserve > 0) return undefined;
    this.#uncertified = Math.min(this.#uncertified, this.answer.length);
    if (keeps) return kept;
    return candidate.gain > 0 ? candidate : NOBODY;
  }

  /** Once a repair: what the bounds do not show, or not soon enough, may be drawn. */
  #tryRandomElements(repair: Repair, candidate: Gain): Gain {
    const { live } = this.#world;
    repair.triedRandom = true;
    let best = candidate;
    for (let i = 0; i < this.#options.randomRefill && live.count > 0; i++) {
      const slot = live.order[nextBelow(this.#random, live.count)]!;
      if (!this.answer.includes(slot)) best = this.#better(best, slot);
    }
    return best;
  }

  /** Evaluates an element at the next place; the better one of it and the candidate, of equal ones the newer. */
  #better(candidate: Gain, slot: number): Gain {
    const { oracle, live } = this.#world;
    const place = this.answer.length;
    const gain = oracle.gain(this.#states.at(place), slot);
    this.#bounds.found(slot, place, gain);
    const isNewer = () => live.arrival[slot]! > live.arrival[candidate.slot]!;
    return gain > candidate.gain || (gain === candidate.gain && isNewer()) ? { slot, gain } : candidate;
  }

  save({ known, numberOf }: Numbering) {
    return {
      answer: Int32Array.from(this.answer, numberOf),
      gains: Float64Array.from(this.gains),
      uncertified: this.#uncertified,
      allowed: this.#allowed,
      random: this.#random.slice(),
      bounds: this.#bounds.save({ known, numberOf }),
    };
  }

  load({ answer, gains, uncertified, allowed, random, bounds }: ReturnType<PrefixGreedy['save']>): void {
    this.#bounds.load(bounds);
    for (const slot of answer) this.#states.append(slot);
    this.gains.push(...gains);
    this.#uncertified = uncertified;
    this.#allowed = allowed;
    this.#random.set(random);
  }
}
