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
import { Cursor, type Listed } from './cursor.js';
import { depthOf, type Level, loadLevels, saveLevel } from './level.js';
import { concerns, type JobContext, type Task } from './level-task.js';
import { PagedInts, pagedInts } from './paged-list.js';

/** Random sets that are tried for each size. */
const TRIALS = 8;
/** Elements that are sorted for the price of a call where their values are known, and that are passed over. */
const KNOWN_PER_CALL = 8;
const PASSED_PER_CALL = 32;
/** What a saved state has for an element that has left. */
const GONE = -1;

export class LevelJob {
  readonly level: number;
  readonly levels: Level[] = [];
  readonly #context: JobContext;
  readonly #start: number;
  readonly #fromAll: boolean;
  readonly #roll: number;
  /** All that is chosen so far, the levels before included. */
  readonly #chosen: number[];
  #state: unknown;
  /** Elements to be sorted. */
  #reach: Cursor[];
  /** Whether they are the job's own lists, and not those that change while they are read. */
  #ownsReach = false;
  /** Elements with this number, or one above it, have been sorted. */
  readonly #seen: number;
  #buckets: PagedInts[] = [];
  /** Elements that have arrived since and got at least as far as the level, and how many of them are placed. */
  readonly #late = new PagedInts();
  #placed = 0;
  /** Whether the last level is there. */
  #isBuilt = false;

  constructor(context: JobContext, { level, chosen, reach, fromAll, roll, start }: Task) {
    this.#context = context;
    this.level = level;
    this.#chosen = chosen;
    this.#state = context.world.oracle.stateOf(chosen);
    this.#reach = reach;
    this.#fromAll = fromAll;
    this.#roll = roll;
    this.#start = start;
    this.#seen = context.rolls.nextNumber();
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

  /** Lets go of what it has chosen and listed. */
  abandon(): void {
    const { world, rolls } = this.#context;
    for (const { chosen, members } of this.levels) {
      for (const slot of chosen) world.live.unpin(slot);
      rolls.close(members);
    }
  }

  /** Whether it is an element that was to be sorted, and not one that has come into its slot. */
  #isThere(slot: number): boolean {
    const { live } = this.#context.world;
    return slot !== GONE && live.isLive(slot) && live.arrival[slot]! < this.#start;
  }

  /** Whether it is an element that has come since, gets to the level, and is not placed yet. */
  #isLate(slot: number): boolean {
    const { rolls } = this.#context;
    if (slot === GONE || this.#isThere(slot) || rolls.highestOf(slot) >= this.#seen) return false;
    return (rolls.rollOf(slot)?.number ?? 0) >= this.#roll;
  }

  /** Does the next bit of work; its price in calls, 0 where there is none left. */
  #goOn(calls: number): number {
    if (this.#reach.length > 0) return this.#sort(calls);
    if (!this.#isBuilt) return this.#choose();
    if (this.#placed === this.#late.length) return 0;
    return this.#place(this.#late.at(this.#placed++));
  }

  /** Sorts the next elements into buckets. Those that add too little stay at the last level, and all when it has k. */
  #sort(calls: number): number {
    const { world, threshold, single, rolls } = this.#context;
    const isFree = this.#isBuilt || this.#chosen.length === 0;
    const { slots, passed } = this.#nextInReach(
      isFree ? calls * KNOWN_PER_CALL : calls,
      calls * PASSED_PER_CALL,
    );
    const gains = new Float64Array(slots.length);
    if (!isFree) world.oracle.gains(this.#state, Int32Array.from(slots), gains, slots.length);
    for (const [i, slot] of slots.entries()) {
      const gain = isFree ? single[slot]! : gains[i]!;
      const last = this.levels.at(-1);
      if (!this.#isBuilt && gain >= threshold) this.#bucketOf(gain).push(slot);
      else if (last !== undefined) rolls.join(last.members, slot);
    }
    return 1 + Math.floor(passed / PASSED_PER_CALL + slots.length / (isFree ? KNOWN_PER_CALL : 1));
  }

  /** The next elements to be sorted, at most so many, and how many were passed over: no more than `mostPassed`. */
  #nextInReach(most: number, mostPassed: number): { readonly slots: number[]; readonly passed: number } {
    const slots: number[] = [];
    let passed = 0;
    while (slots.length < most && passed < mostPassed && this.#reach.length > 0) {
      const slot = this.#reach[0]!.take();
      if (slot === undefined) this.#reach.shift();
      else if (this.#isWanted(slot)) slots.push(slot);
      else passed++;
    }
    return { slots, passed };
  }

  /** Whether an element is there, not chosen, and has not been read before, in which case that is noted. */
  #isWanted(slot: number): boolean {
    const { rolls } = this.#context;
    if (!this.#isThere(slot) || this.#chosen.includes(slot)) return false;
    if (this.#ownsReach) return true;
    if (rolls.highestOf(slot) >= this.#seen || !concerns(this.#context, slot)) return false;
    rolls.mark(slot, this.#seen);
    return true;
  }

  #bucketOf(gain: number): PagedInts {
    const { threshold, epsilon } = this.#context;
    const b = Math.floor(log64(gain / threshold) / log64(1 + epsilon));
    while (this.#buckets.length <= b) this.#buckets.push(new PagedInts());
    return this.#buckets[b]!;
  }

  /** Everything is sorted: chooses, and begins with the next level. Its price. */
  #choose(): number {
    const { world, epsilon, threshold, rolls } = this.#context;
    const { k, live, oracle } = world;
    const before = oracle.calls;
    const buckets = this.#buckets;
    const builtFrom = buckets.reduce((sum, { length }) => sum + length, 0);
    const level: Level = { state: this.#state, builtFrom, chosen: [], lost: 0, members: rolls.open() };
    this.levels.push(level);
    this.#buckets = [];
    this.#ownsReach = true;
    this.#isBuilt = builtFrom === 0;
    if (this.#isBuilt) return 1;
    const b = this.#pick(buckets);
    let worth = threshold;
    for (let i = 0; i < b; i++) worth *= 1 + epsilon;
    const bucket = buckets[b]!;
    const size = this.#sampleSize(bucket, Math.min(k - this.#chosen.length, bucket.length), worth);
    level.chosen.push(...this.#sample(bucket, size));
    this.#reach = buckets.filter(({ length }) => length > 0).map((list) => new Cursor(list));
    this.#state = oracle.copied(this.#state, undefined, this.#chosen);
    for (const slot of level.chosen) {
      rolls.join(level.members, slot);
      live.pin(slot);
      oracle.add(this.#state, slot);
      this.#chosen.push(slot);
    }
    this.#isBuilt = this.#chosen.length >= k;
    return 1 + oracle.calls - before;
  }

  #pick(buckets: readonly PagedInts[]): number {
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
  #sampleSize(bucket: PagedInts, most: number, worth: number): number {
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
  #sample(bucket: PagedInts, size: number): number[] {
    const { random } = this.#context;
    let end = bucket.length;
    const sample: number[] = [];
    while (sample.length < size && sample.length < end) {
      const drawn = sample.length + nextBelow(random, end - sample.length);
      const slot = bucket.at(drawn);
      const isThere = this.#isThere(slot);
      const to = isThere ? sample.length : --end;
      if (isThere) sample.push(slot);
      bucket.set(drawn, bucket.at(to));
      bucket.set(to, slot);
    }
    return sample;
  }

  #place(slot: number): number {
    const { world, threshold, rolls } = this.#context;
    const { oracle } = world;
    if (!this.#isLate(slot)) return 1;
    const before = oracle.calls;
    rolls.join(this.levels[depthOf(oracle, this.levels, slot, threshold)]!.members, slot);
    return 1 + oracle.calls - before;
  }

  save({ numberOf }: Numbering) {
    const there = (slot: number) => (this.#isThere(slot) ? numberOf(slot) : GONE);
    const late = (slot: number) => (this.#isLate(slot) ? numberOf(slot) : GONE);
    return {
      level: this.level,
      start: this.#start,
      fromAll: this.#fromAll,
      levels: this.levels.map((level) => saveLevel(level, numberOf)),
      // Their own lists, or how far those that change have been read, and who of them has been.
      own: this.#ownsReach ? this.#reach.map((cursor) => cursor.rest().map(there)) : null,
      left: Int32Array.from(this.#reach, ({ left }) => left),
      buckets: this.#buckets.map((list) => list.toArray().map(there)),
      late: this.#late.toArray().map(late),
      placed: this.#placed,
      isBuilt: this.#isBuilt,
    };
  }

  /** What was saved, after levels that have chosen `chosen`; `lists` are those that change and `roll` is the level's, as they are now. */
  static load(
    context: JobContext,
    chosen: number[],
    { lists, roll }: { readonly lists: readonly Listed[]; readonly roll: number },
    saved: ReturnType<LevelJob['save']>,
  ): LevelJob {
    const { level, fromAll, start, own, left } = saved;
    const changing = lists.slice(lists.length - left.length);
    const cursors = own?.map((list) => new Cursor(pagedInts(list)));
    const reach = cursors ?? Array.from(left, (rest, i) => new Cursor(changing[i]!, rest));
    const job = new LevelJob(context, { level, chosen, reach, fromAll, roll, start });
    const { levels, end } = loadLevels(context.world, context.rolls, saved.levels, chosen);
    job.levels.push(...levels);
    job.#chosen.push(...levels.flatMap((one) => one.chosen));
    job.#state = end;
    job.#ownsReach = own !== null;
    job.#buckets = saved.buckets.map(pagedInts);
    for (const bucket of saved.buckets)
      for (const slot of bucket) if (slot !== GONE) context.rolls.mark(slot, job.#seen);
    for (const slot of saved.late) job.#late.push(slot);
    job.#placed = saved.placed;
    job.#isBuilt = saved.isBuilt;
    return job;
  }
}

export type SavedJob = ReturnType<LevelJob['save']>;
