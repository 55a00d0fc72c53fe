/**
 * Guesses of the optimum side by side, on a ladder around the best value; the answer is that of the best one.
 *
 * Only guesses between v / 1.3 and 4.5 v are kept, v the best value: the answer of a right guess is worth at least
 * (1/2 − epsilon) of it, so that the optimum is not above 2 · 1.3 / (1 − 2 epsilon) v. An element concerns the guesses
 * between its own value and 2k times that, so that the largest one must have a guess above it too.
 */
import { seedRandom } from '../../src/random.js';
import type { Algorithm, Numbering } from './algorithm.js';
import { Guess } from './guess.js';
import { Ladder } from './ladder.js';
import { MaxHeap } from './max-heap.js';
import type { World } from './oracle.js';
import { Rolls } from './rolls.js';

export interface LevelOptions {
  readonly epsilon: number;
  readonly bucket: 'largest' | 'highest';
  readonly atOnce: boolean;
  readonly seed: number;
}

const RATIO = 1.3;
const LOWEST = 1 / RATIO;
const HIGHEST = 4.5;
/** How far outside of these a guess must be before it is dropped. */
const HYSTERESIS = 1.35;

export class LevelLadder implements Algorithm {
  readonly #world: World;
  readonly #options: LevelOptions;
  readonly #ladder = new Ladder(RATIO);
  readonly #single: Float64Array;
  /** All live elements by what they are worth alone. */
  readonly #heap: MaxHeap;
  readonly #random = new Uint32Array(4);
  /** By rung, in ascending order. */
  #guesses = new Map<number, Guess>();
  #best: Guess | undefined;
  /** Rolls of guesses that were dropped, for new ones. */
  readonly #spare: Rolls[] = [];
  /** The row behind the newest element's. */
  #now = 0;

  constructor(world: World, options: LevelOptions) {
    this.#world = world;
    this.#options = options;
    const { capacity, arrival } = world.live;
    this.#single = new Float64Array(capacity);
    this.#heap = new MaxHeap({ bound: this.#single, arrival, place: new Int32Array(capacity) });
    seedRandom(this.#random, options.seed);
  }

  get answer(): readonly number[] {
    return this.#best?.answer ?? [];
  }

  get gains(): readonly number[] {
    return this.#best?.gains ?? [];
  }

  /** As long as nothing is being built, all levels are as the guarantee wants them. */
  get certified(): boolean {
    for (const guess of this.#guesses.values()) if (guess.isBuilding) return false;
    return true;
  }

  update(removed: readonly number[], inserted: number): void {
    const { oracle, live, k } = this.#world;
    const guesses = [...this.#guesses.values()];
    for (const slot of removed) {
      this.#heap.remove(slot);
      for (const guess of guesses) guess.delete(slot, this.#now);
    }
    if (live.count === 0) {
      this.#best = undefined;
      this.#keep(() => false);
    }
    if (inserted >= 0) {
      const single = oracle.single(inserted);
      this.#single[inserted] = single;
      this.#heap.push(inserted);
      this.#now = live.arrival[inserted]! + 1;
      for (const guess of guesses) guess.insert(inserted, this.#now);
    }
    const largest = this.#single[this.#heap.top()] ?? 0;
    this.#findBest();
    if (this.#best === undefined && largest > 0) {
      this.#openBetween(largest, 2 * k * largest);
      this.#findBest();
    }
    const value = this.#best?.value ?? 0;
    if (value <= 0) return;
    const [low, high] = [value * LOWEST, Math.max(value * HIGHEST, largest * RATIO)];
    this.#keep((guess) => guess >= low / HYSTERESIS && guess <= high * HYSTERESIS);
    this.#openBetween(low, high);
  }

  #findBest(): void {
    this.#best = undefined;
    for (const guess of this.#guesses.values()) {
      guess.tick(this.#now);
      if (guess.value > (this.#best?.value ?? 0)) this.#best = guess;
    }
  }

  /** Drops the guesses that are not wanted, except for the one that has the answer. */
  #keep(isWanted: (guess: number) => boolean): void {
    for (const [rung, guess] of this.#guesses) {
      if (guess === this.#best || isWanted(this.#ladder.at(rung))) continue;
      guess.close();
      this.#spare.push(guess.rolls);
      this.#guesses.delete(rung);
    }
  }

  /** Sees to it that there is a guess on each rung between two values. */
  #openBetween(low: number, high: number): void {
    const [from, to] = [this.#ladder.notBelow(low), this.#ladder.notAbove(high)];
    let isNew = false;
    for (let rung = from; rung <= to; rung++) {
      if (this.#guesses.has(rung)) continue;
      const guess = this.#newGuess(rung);
      guess.fill(this.#now);
      this.#guesses.set(rung, guess);
      isNew = true;
    }
    if (isNew) this.#guesses = new Map([...this.#guesses].sort(([a], [b]) => a - b));
  }

  #newGuess(rung: number): Guess {
    const guess = this.#ladder.at(rung);
    return new Guess({
      ...this.#options,
      guess,
      threshold: guess / (2 * this.#world.k),
      world: this.#world,
      single: this.#single,
      random: this.#random,
      rolls: this.#spare.pop() ?? new Rolls(this.#world.live.capacity),
    });
  }

  save(numbering: Numbering) {
    const rungs = [...this.#guesses.keys()];
    return {
      single: Float64Array.from(numbering.known, (slot) => this.#single[slot]!),
      rungs,
      guesses: rungs.map((rung) => this.#guesses.get(rung)!.save(numbering)),
      best: rungs.findIndex((rung) => this.#guesses.get(rung) === this.#best),
      now: this.#now,
      random: this.#random.slice(),
    };
  }

  load({ single, rungs, guesses, best, now, random }: ReturnType<LevelLadder['save']>): void {
    this.#single.set(single);
    for (let slot = 0; slot < this.#world.live.count; slot++) this.#heap.push(slot);
    for (const [i, rung] of rungs.entries()) {
      const guess = this.#newGuess(rung);
      guess.load(guesses[i]!);
      this.#guesses.set(rung, guess);
    }
    this.#best = this.#guesses.get(rungs[best] ?? Number.NaN);
    this.#now = now;
    this.#random.set(random);
  }
}
