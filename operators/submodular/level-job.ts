/**
 * Building levels anew, a few oracle calls an update.
 *
 * What gets to a level is sorted into buckets by what it adds, (1 + epsilon)^b τ each. From one bucket a random set is chosen,
 * as large as random trials say that nearly all of it still adds nearly as much at the end. What then still adds τ gets to the
 * next level. Elements that leave meanwhile are passed over; those that arrive are placed at the end.
 */

import { log64 } from '../../src/kernels/log64.js';
import { nextBelow } from '../../src/random.js';
import type { Numbering } from './algorithm.js';
import { depthOf, type Level, loadLevels, saveLevel } from './level.js';
import type { World } from './oracle.js';

/** What the jobs of a guess have in common. */
export interface JobContext {
  readonly world: World;
  readonly epsilon: number;
  /** Which bucket is chosen from: the one with most elements, or the highest with a fair part of them. */
  readonly bucket: 'largest' | 'highest';
  /** What an element must add: the guess over 2k. */
  readonly threshold: number;
  /** f({e}) by slot. */
  readonly single: Float64Array;
  readonly random: Uint32Array;
}

/** Random sets that are tried for each size. */
const TRIALS = 8;
/** Elements that are sorted for the price of a call, where their values are known. */
const KNOWN_PER_CALL = 8;
/** What a saved state has for an element that has left. */
const GONE = -1;

export class LevelJob {
  /** The first level that is built anew. */
  readonly level: number;
  readonly levels: Level[] = [];
  readonly #context: JobContext;
  /** Rows from here on brought elements that the job does not sort. */
  readonly #start: number;
  /** All that is chosen so far, the levels before included. */
  readonly #chosen: number[];
  #state: unknown;
  /** Elements to be sorted, in lists, and how many of the first list are. */
  #reach: number[][];
  #sorted = 0;
  #buckets: number[][] = [];
  /** Elements that have arrived since and got at least as far as the level, and how many of them are placed. */
  readonly #late: number[] = [];
  #placed = 0;
  /** Whether the last level is there. */
  #isBuilt = false;

  constructor(context: JobContext, level: number, chosen: number[], reach: number[][], start: number) {
    this.#context = context;
    this.level = level;
    this.#chosen = chosen;
    this.#state = context.world.oracle.stateOf(chosen);
    this.#reach = reach;
    this.#start = start;
  }

  arrived(slot: number): void {
    this.#late.push(slot);
  }

  /** Goes on for about so many calls; true when all levels are built and all late elements placed. */
  step(calls: number): boolean {
    let left = calls;
    for (;;) {
      const cost = this.#goOn(left);
      if (cost === 0) return true;
      left -= cost;
      if (left <= 0) return false;
    }
  }

  /** Lets go of what it has chosen. */
  abandon(): void {
    for (const { chosen } of this.levels) for (const slot of chosen) this.#context.world.live.unpin(slot);
  }

  /** Whether it is the element that was to be sorted, and not one that has come into its slot. */
  isThere(slot: number): boolean {
    const { live } = this.#context.world;
    return slot !== GONE && live.isLive(slot) && live.arrival[slot]! < this.#start;
  }

  /** Whether it is an element that has come since. */
  isLate(slot: number): boolean {
    const { live } = this.#context.world;
    return slot !== GONE && live.isLive(slot) && live.arrival[slot]! >= this.#start;
  }

  /** Does the next bit of work; its price in calls, 0 where there is none left. */
  #goOn(calls: number): number {
    if (this.#reach.length > 0) return this.#sort(calls);
    if (!this.#isBuilt) return this.#choose();
    if (this.#placed === this.#late.length) return 0;
    return this.#place(this.#late[this.#placed++]!);
  }

  /** Sorts the next elements into buckets. Those that add too little stay at the last level, and all when it has k. */
  #sort(calls: number): number {
    const { world, threshold, single } = this.#context;
    const isFree = this.#isBuilt || this.#chosen.length === 0;
    const slots = this.#nextInReach(isFree ? calls * KNOWN_PER_CALL : calls);
    const gains = new Float64Array(slots.length);
    if (!isFree) world.oracle.gains(this.#state, Int32Array.from(slots), gains, slots.length);
    for (const [i, slot] of slots.entries()) {
      const gain = isFree ? single[slot]! : gains[i]!;
      if (this.#isBuilt || gain < threshold) this.levels.at(-1)?.members.push(slot);
      else this.#bucketOf(gain).push(slot);
    }
    return 1 + (isFree ? Math.floor(slots.length / KNOWN_PER_CALL) : slots.length);
  }

  /** The next elements to be sorted that are there and not chosen, at most so many. */
  #nextInReach(most: number): number[] {
    const slots: number[] = [];
    while (slots.length < most && this.#reach.length > 0) {
      const [list] = this.#reach as [number[]];
      const slot = list[this.#sorted++]!;
      if (this.#sorted >= list.length) {
        this.#reach.shift();
        this.#sorted = 0;
      }
      if (list.length > 0 && this.isThere(slot) && !this.#chosen.includes(slot)) slots.push(slot);
    }
    return slots;
  }

  #bucketOf(gain: number): number[] {
    const { threshold, epsilon } = this.#context;
    const b = Math.floor(log64(gain / threshold) / log64(1 + epsilon));
    while (this.#buckets.length <= b) this.#buckets.push([]);
    return this.#buckets[b]!;
  }

  /** Everything is sorted: chooses, and begins with the next level. Its price. */
  #choose(): number {
    const { world, epsilon, threshold } = this.#context;
    const { k, live, oracle } = world;
    const before = oracle.calls;
    const buckets = this.#buckets;
    const builtFrom = buckets.reduce((sum, { length }) => sum + length, 0);
    const level = { state: this.#state, builtFrom, chosen: [] as number[], lost: 0, members: [] as number[] };
    this.levels.push(level);
    this.#buckets = [];
    this.#reach = buckets.filter(({ length }) => length > 0);
    this.#isBuilt = builtFrom === 0;
    if (this.#isBuilt) return 1;
    const b = this.#pick(buckets);
    let worth = threshold;
    for (let i = 0; i < b; i++) worth *= 1 + epsilon;
    const bucket = buckets[b]!;
    const size = this.#sampleSize(bucket, Math.min(k - this.#chosen.length, bucket.length), worth);
    level.chosen.push(...this.#sample(bucket, size));
    level.members.push(...level.chosen);
    this.#state = oracle.copied(this.#state, undefined, this.#chosen);
    for (const slot of level.chosen) {
      live.pin(slot);
      oracle.add(this.#state, slot);
      this.#chosen.push(slot);
    }
    this.#isBuilt = this.#chosen.length >= k;
    return 1 + oracle.calls - before;
  }

  #pick(buckets: readonly (readonly number[])[]): number {
    const { bucket: rule, epsilon } = this.#context;
    const total = buckets.reduce((sum, { length }) => sum + length, 0);
    const fair = Math.max(1, Math.ceil((epsilon * total) / buckets.length));
    if (rule === 'highest') {
      const b = buckets.findLastIndex(({ length }) => length >= fair);
      if (b >= 0) return b;
    }
    return buckets.reduce((best, { length }, b) => (length >= buckets[best]!.length ? b : best), 0);
  }

  /** Doubles the size for as long as in nearly all trials the last of a random set adds nearly what the bucket is worth. */
  #sampleSize(bucket: number[], most: number, worth: number): number {
    const { world, epsilon } = this.#context;
    const { oracle } = world;
    let size = 1;
    while (size < most) {
      const next = Math.min(2 * size, most);
      let good = 0;
      for (let trial = 0; trial < TRIALS; trial++) {
        const sample = this.#sample(bucket, next);
        if (sample.length < next) return Math.max(1, sample.length);
        const state = oracle.copied(this.#state, undefined, this.#chosen);
        for (const slot of sample.slice(0, -1)) oracle.add(state, slot);
        if (oracle.gain(state, sample.at(-1)!) >= (1 - epsilon) * worth) good++;
      }
      if (good < TRIALS * (1 - epsilon)) break;
      size = next;
    }
    return size;
  }

  /** Random elements of a bucket that are there, without repetition: they are moved to its front. */
  #sample(bucket: number[], size: number): number[] {
    const { random } = this.#context;
    let end = bucket.length;
    let count = 0;
    while (count < size && count < end) {
      const drawn = count + nextBelow(random, end - count);
      const slot = bucket[drawn]!;
      const to = this.isThere(slot) ? count++ : --end;
      bucket[drawn] = bucket[to]!;
      bucket[to] = slot;
    }
    return bucket.slice(0, count);
  }

  #place(slot: number): number {
    const { world, threshold } = this.#context;
    const { oracle } = world;
    if (!this.isLate(slot)) return 1;
    const before = oracle.calls;
    this.levels[depthOf(oracle, this.levels, slot, threshold)]!.members.push(slot);
    return 1 + oracle.calls - before;
  }

  save({ numberOf }: Numbering) {
    const placeOf = (slot: number) => (this.isThere(slot) || this.isLate(slot) ? numberOf(slot) : GONE);
    const lists = (of: readonly (readonly number[])[]) => of.map((list) => Int32Array.from(list, placeOf));
    return {
      level: this.level,
      start: this.#start,
      levels: this.levels.map((level) => saveLevel(level, numberOf, placeOf)),
      reach: lists(this.#reach),
      sorted: this.#sorted,
      buckets: lists(this.#buckets),
      late: Int32Array.from(this.#late, placeOf),
      placed: this.#placed,
      isBuilt: this.#isBuilt,
    };
  }

  static load(context: JobContext, chosen: number[], saved: ReturnType<LevelJob['save']>): LevelJob {
    const reach = saved.reach.map((list) => [...list]);
    const job = new LevelJob(context, saved.level, chosen, reach, saved.start);
    const { levels, end } = loadLevels(context.world, saved.levels, chosen);
    job.levels.push(...levels);
    job.#chosen.push(...levels.flatMap((level) => level.chosen));
    job.#state = end;
    job.#sorted = saved.sorted;
    job.#buckets = saved.buckets.map((list) => [...list]);
    job.#late.push(...saved.late);
    job.#placed = saved.placed;
    job.#isBuilt = saved.isBuilt;
    return job;
  }
}

export type SavedJob = ReturnType<LevelJob['save']>;
