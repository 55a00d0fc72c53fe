/**
 * Sieves side by side, one or several for each guess on a ladder; the answer is the best that any of them has.
 *
 * Made for streams that only insert. A deletion of something that is kept runs sieves again over all live elements, from the
 * oldest to the newest: right, and as costly as it sounds.
 */
import type { Algorithm, Numbering } from './algorithm.js';
import { Ladder } from './ladder.js';
import { MaxHeap } from './max-heap.js';
import type { World } from './oracle.js';
import { Sieve, type Threshold } from './sieve.js';

/** The guesses that have sieves, and what their thresholds are. */
export interface SieveRule {
  /** Guesses are powers of this. */
  readonly ratio: number;
  /** The smallest and the largest guess, from the largest value of an element alone and the best value so far. */
  range(largest: number, best: number, k: number): readonly [number, number];
  /** The sieves of a guess. */
  thresholds(guess: number): readonly Threshold[];
  /** The largest value that an element alone can have, where it is known beforehand. */
  readonly singletonMax: number | undefined;
  /** Whether the guarantee holds of every answer. */
  readonly certified: boolean;
  /** Whether a deletion runs all sieves again, or only those that have kept what is deleted. */
  readonly rerunsAll: boolean;
}

interface Best {
  readonly answer: readonly number[];
  readonly gains: readonly number[];
  readonly value: number;
}

const NOTHING: Best = { answer: [], gains: [], value: 0 };

export class Sieves implements Algorithm {
  readonly #world: World;
  readonly #rule: SieveRule;
  readonly #ladder: Ladder;
  readonly #single: Float64Array;
  readonly #heap: MaxHeap;
  /** By rung, in ascending order. */
  readonly #sieves = new Map<number, readonly Sieve[]>();
  #best = NOTHING;

  constructor(world: World, rule: SieveRule) {
    const { capacity, arrival } = world.live;
    this.#world = world;
    this.#rule = rule;
    this.#ladder = new Ladder(rule.ratio);
    this.#single = new Float64Array(capacity);
    this.#heap = new MaxHeap({ bound: this.#single, arrival, place: new Int32Array(capacity) });
  }

  get answer(): readonly number[] {
    return this.#best.answer;
  }

  get gains(): readonly number[] {
    return this.#best.gains;
  }

  get certified(): boolean {
    return this.#rule.certified;
  }

  update(removed: readonly number[], inserted: number): void {
    const { oracle } = this.#world;
    for (const slot of removed) this.#heap.remove(slot);
    if (inserted >= 0) {
      if (this.#rule.singletonMax === undefined) this.#single[inserted] = oracle.single(inserted);
      this.#heap.push(inserted);
    }
    const isLost = (kept: readonly number[]) => removed.some((slot) => kept.includes(slot));
    const hit = [...this.#sieves.values()].flat().filter(({ kept }) => isLost(kept));
    const isHit = hit.length > 0 || isLost(this.#best.answer);
    if (isHit) this.#best = NOTHING;
    if (isHit && this.#rule.rerunsAll) this.#runAgain();
    else if (removed.length === 0 && hit.length === 0) this.#offer(inserted);
    else this.#repair(hit, inserted);
  }

  /** All sieves anew over all live elements. */
  #runAgain(): void {
    this.#sieves.clear();
    this.#best = NOTHING;
    const { live } = this.#world;
    let largest = 0;
    for (const slot of live.byArrival()) {
      largest = Math.max(largest, this.#single[slot]!);
      this.#open(this.#rule.singletonMax ?? largest);
      this.#offerTo([...this.#sieves.values()].flat(), slot);
    }
  }

  #offer(inserted: number): void {
    this.#open(this.#largest());
    this.#offerTo([...this.#sieves.values()].flat(), inserted);
  }

  /** Runs the sieves again that have lost something, and those that are new. */
  #repair(hit: readonly Sieve[], inserted: number): void {
    const opened = this.#open(this.#largest());
    const open = [...this.#sieves.values()].flat();
    const again = new Set([...hit, ...opened]);
    for (const sieve of again) sieve.reset();
    if (inserted >= 0) for (const sieve of open) if (!again.has(sieve)) this.#offerTo([sieve], inserted);
    for (const slot of again.size > 0 ? this.#world.live.byArrival() : []) this.#offerTo([...again], slot);
    for (const sieve of open) this.#compare(sieve);
  }

  #largest(): number {
    return this.#rule.singletonMax ?? this.#single[this.#heap.top()] ?? 0;
  }

  #offerTo(sieves: readonly Sieve[], slot: number): void {
    if (slot < 0) return;
    for (const sieve of sieves) if (sieve.offer(slot)) this.#compare(sieve);
  }

  #compare({ kept, gains, value }: Sieve): void {
    if (value > this.#best.value) this.#best = { answer: [...kept], gains: [...gains], value };
  }

  /** Opens and closes sieves as the range of guesses asks for; those that are new. */
  #open(largest: number): Sieve[] {
    if (largest <= 0) return [];
    const [low, high] = this.#rule.range(largest, this.#best.value, this.#world.k);
    const [from, to] = [this.#ladder.notBelow(low), this.#ladder.notAbove(high)];
    const before = new Map(this.#sieves);
    if (before.has(from) && before.has(to) && before.size === to - from + 1) return [];
    const opened: Sieve[] = [];
    this.#sieves.clear();
    for (let rung = from; rung <= to; rung++) {
      const sieves = before.get(rung) ?? this.#newSieves(rung);
      if (!before.has(rung)) opened.push(...sieves);
      this.#sieves.set(rung, sieves);
    }
    return opened;
  }

  #newSieves(rung: number): Sieve[] {
    return this.#rule.thresholds(this.#ladder.at(rung)).map((threshold) => new Sieve(this.#world, threshold));
  }

  save({ known, numberOf }: Numbering) {
    const { answer, gains, value } = this.#best;
    return {
      single: Float64Array.from(known, (slot) => this.#single[slot]!),
      rungs: [...this.#sieves.keys()],
      sieves: [...this.#sieves.values()].map((sieves) => sieves.map((sieve) => sieve.save(numberOf))),
      best: { answer: Int32Array.from(answer, numberOf), gains: Float64Array.from(gains), value },
    };
  }

  load({ single, rungs, sieves, best }: ReturnType<Sieves['save']>): void {
    this.#single.set(single);
    for (let slot = 0; slot < single.length; slot++) this.#heap.push(slot);
    for (const [i, rung] of rungs.entries()) {
      const own = this.#newSieves(rung);
      for (const [s, sieve] of own.entries()) sieve.load(sieves[i]![s]!);
      this.#sieves.set(rung, own);
    }
    this.#best = { answer: [...best.answer], gains: [...best.gains], value: best.value };
  }
}
