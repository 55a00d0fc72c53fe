/**
 * Greedy from scratch, lazily: the oracle that the dynamic algorithms are measured by, and the baseline that they beat.
 *
 * The element with the largest upper bound is evaluated; if it still has the largest, it is chosen. Of equal gains the newest
 * element's comes first.
 */
import type { Algorithm, Numbering } from './algorithm.js';
import { MaxHeap } from './max-heap.js';
import type { World } from './oracle.js';

export interface Greedy {
  readonly answer: number[];
  readonly gains: number[];
  readonly value: number;
}

/** Chooses at most k live elements, from their gains alone: `single` by slot. */
export function lazyGreedy({ live, oracle, k }: World, single: Float64Array): Greedy {
  const bound = single.slice();
  const evaluatedAt = new Int32Array(live.capacity);
  const heap = new MaxHeap({ bound, arrival: live.arrival, place: new Int32Array(live.capacity) });
  for (let i = 0; i < live.count; i++) heap.push(live.order[i]!);
  const state = oracle.empty();
  const answer: number[] = [];
  const gains: number[] = [];
  while (answer.length < k) {
    const slot = heap.top();
    if (slot < 0 || bound[slot]! <= 0) break;
    heap.remove(slot);
    if (evaluatedAt[slot] === answer.length) {
      oracle.add(state, slot);
      answer.push(slot);
      gains.push(bound[slot]!);
    } else {
      bound[slot] = oracle.gain(state, slot);
      evaluatedAt[slot] = answer.length;
      heap.push(slot);
    }
  }
  return { answer, gains, value: oracle.value(state) };
}

/** Greedy anew after every update. */
export class GreedyAnew implements Algorithm {
  readonly #world: World;
  readonly #single: Float64Array;
  #last: Greedy | undefined;

  constructor(world: World) {
    this.#world = world;
    this.#single = new Float64Array(world.live.capacity);
  }

  get answer(): readonly number[] {
    return this.#now().answer;
  }

  get gains(): readonly number[] {
    return this.#now().gains;
  }

  readonly certified = true;

  update(_removed: readonly number[], inserted: number): void {
    const { oracle } = this.#world;
    if (inserted >= 0) this.#single[inserted] = oracle.single(inserted);
    this.#last = undefined;
  }

  #now(): Greedy {
    this.#last ??= lazyGreedy(this.#world, this.#single);
    return this.#last;
  }

  save({ known, numberOf }: Numbering) {
    const last = this.#last && {
      answer: Int32Array.from(this.#last.answer, numberOf),
      gains: Float64Array.from(this.#last.gains),
      value: this.#last.value,
    };
    return { single: Float64Array.from(known, (slot) => this.#single[slot]!), last: last ?? null };
  }

  load({ single, last }: ReturnType<GreedyAnew['save']>): void {
    this.#single.set(single);
    if (last !== null) this.#last = { ...last, answer: [...last.answer], gains: [...last.gains] };
  }
}
