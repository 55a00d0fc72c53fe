/**
 * Prefix greedy whose repairs may take many updates. While one goes on, its answer is neither what it was nor yet what it will
 * be, and can be worth less than both: the best answer so far is given instead, less what has been deleted, until the repair has
 * found a better one or is finished.
 */
import type { Algorithm, Numbering } from './algorithm.js';
import type { World } from './oracle.js';
import { PrefixGreedy, type PrefixGreedyOptions } from './prefix-greedy.js';

/** An answer that is kept while another is being made. */
interface Kept {
  readonly answer: readonly number[];
  readonly gains: readonly number[];
}

export class AnytimeGreedy implements Algorithm {
  readonly #world: World;
  readonly #greedy: PrefixGreedy;
  /** Worth more than greedy's own answer at this moment. */
  #kept: Kept | undefined;

  constructor(world: World, options: PrefixGreedyOptions) {
    this.#world = world;
    this.#greedy = new PrefixGreedy(world, options);
  }

  get answer(): readonly number[] {
    return (this.#kept ?? this.#greedy).answer;
  }

  get gains(): readonly number[] {
    return (this.#kept ?? this.#greedy).gains;
  }

  get certified(): boolean {
    return this.#greedy.certified;
  }

  update(removed: readonly number[], inserted: number): void {
    const greedy = this.#greedy;
    const before = this.#kept ?? { answer: greedy.answer.slice(), gains: greedy.gains.slice() };
    const isHit = removed.some((slot) => before.answer.includes(slot));
    // Mending the kept answer is paid for by the repair.
    greedy.update(removed, inserted, this.#kept !== undefined && isHit ? this.#world.k + 1 : 0);
    if (greedy.certified) {
      this.#kept = undefined;
      return;
    }
    const kept = isHit ? this.#mended(before.answer, removed) : before;
    this.#kept = kept !== undefined && worthOf(kept) > worthOf(greedy) ? kept : undefined;
  }

  /** What is left of an answer, with the best of greedy's elements in each free place; undefined where that is greedy's own. */
  #mended(answer: readonly number[], removed: readonly number[]): Kept | undefined {
    const { oracle, k } = this.#world;
    const left = answer.filter((slot) => !removed.includes(slot));
    const others = this.#greedy.answer.filter((slot) => !left.includes(slot));
    if (others.length + left.length <= k) return undefined;
    const { gains, state } = oracle.evaluate(left);
    const mended = { answer: left, gains };
    const slots = Int32Array.from(others);
    const found = new Float64Array(slots.length);
    oracle.gains(state, slots, found, slots.length);
    const best = found.indexOf(Math.max(...found));
    if (left.length < k && found[best]! > 0) {
      mended.answer.push(slots[best]!);
      mended.gains.push(found[best]!);
    }
    return mended;
  }

  save(numbering: Numbering) {
    const kept = this.#kept && {
      answer: Int32Array.from(this.#kept.answer, numbering.numberOf),
      gains: Float64Array.from(this.#kept.gains),
    };
    return { greedy: this.#greedy.save(numbering), kept: kept ?? null };
  }

  load({ greedy, kept }: ReturnType<AnytimeGreedy['save']>): void {
    this.#greedy.load(greedy);
    this.#kept = kept === null ? undefined : { answer: [...kept.answer], gains: [...kept.gains] };
  }
}

const worthOf = ({ gains }: Kept): number => gains.reduce((sum, gain) => sum + gain, 0);
