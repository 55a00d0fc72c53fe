/**
 * A single sieve whose guess begins high and comes down a rung whenever so many elements in a row have been too light.
 */
import type { Algorithm, Numbering } from './algorithm.js';
import { Ladder } from './ladder.js';
import type { World } from './oracle.js';
import { Sieve } from './sieve.js';

export interface LoweringSieveOptions {
  readonly epsilon: number;
  /** Elements in a row that are let go before the guess comes down. */
  readonly patienceRows: number;
  readonly singletonMax: number | undefined;
}

export class LoweringSieve implements Algorithm {
  readonly certified = false;
  readonly #world: World;
  readonly #options: LoweringSieveOptions;
  readonly #ladder: Ladder;
  readonly #sieve: Sieve;
  #largest = 0;
  #guess = 0;
  #letGo = 0;

  constructor(world: World, options: LoweringSieveOptions) {
    this.#world = world;
    this.#options = options;
    this.#ladder = new Ladder(1 + options.epsilon);
    this.#sieve = new Sieve(world, ({ value, kept }, k) => (this.#guess / 2 - value) / (k - kept.length));
  }

  get answer(): readonly number[] {
    return this.#sieve.kept;
  }

  get gains(): readonly number[] {
    return this.#sieve.gains;
  }

  update(removed: readonly number[], inserted: number): void {
    if (!removed.some((slot) => this.answer.includes(slot))) {
      if (inserted >= 0) this.#offer(inserted);
      return;
    }
    this.#sieve.reset();
    this.#largest = 0;
    this.#letGo = 0;
    for (const slot of this.#world.live.byArrival()) this.#offer(slot);
  }

  #offer(slot: number): void {
    const { k, oracle } = this.#world;
    const { singletonMax, patienceRows } = this.#options;
    const single = singletonMax ?? oracle.single(slot);
    if (single > this.#largest) {
      this.#largest = single;
      this.#guess = k * single;
      this.#letGo = 0;
    }
    if (this.#letGo >= patienceRows && this.answer.length < k) {
      this.#guess = this.#below(this.#guess);
      this.#letGo = 0;
    }
    if (this.#sieve.offer(slot)) this.#letGo = 0;
    else this.#letGo++;
  }

  /** The next rung down. */
  #below(guess: number): number {
    if (guess < Number.MIN_VALUE * 2 ** 60) return 0;
    const rung = this.#ladder.notAbove(guess);
    return this.#ladder.at(this.#ladder.at(rung) < guess ? rung : rung - 1);
  }

  save({ numberOf }: Numbering) {
    const { kept, gains, seen } = this.#sieve.save(numberOf);
    return { kept, gains, seen, largest: this.#largest, guess: this.#guess, letGo: this.#letGo };
  }

  load({ largest, guess, letGo, ...sieve }: ReturnType<LoweringSieve['save']>): void {
    this.#sieve.load(sieve);
    this.#largest = largest;
    this.#guess = guess;
    this.#letGo = letGo;
  }
}
