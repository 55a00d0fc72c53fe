/**
 * A guess of the optimum, with the levels that it leads to.
 *
 *   τ = guess / 2k      level i holds what adds at least τ to all that the levels before have chosen
 *
 * With k chosen, their value is about k τ = guess / 2; with fewer, no live element adds τ to them, so that the best k of all
 * add at most k τ. Either way half of a right guess. A level and those behind it are built anew when half as many elements
 * again get there as it was built from, or when a part epsilon of what it chose is lost.
 */
import type { Numbering } from './algorithm.js';
import { depthOf, type Level, loadLevels, saveLevel } from './level.js';
import { type JobContext, LevelJob, type SavedJob } from './level-job.js';

export interface GuessOptions extends JobContext {
  readonly guess: number;
  /** All of a job in the update that asks for it. */
  readonly atOnce: boolean;
}

/** A level is built anew when this many times as many elements get there as it was built from. */
const GROWTH = 1.5;
/** The least that a job does in an update. */
const CALLS_MIN = 16;
/** Calls that a job needs for each of its elements, about. */
const CALLS_AN_ELEMENT = 4;

export class Guess {
  /** What is chosen and live; its value and gains where they have been asked for. */
  value = 0;
  gains: readonly number[] = [];
  readonly #options: GuessOptions;
  #levels: Level[];
  /** One more than the level that an element gets to; 0 where it is not here. */
  readonly #depth: Uint16Array;
  /** An element's place among the members of its level. */
  readonly #place: Int32Array;
  #job: LevelJob | undefined;
  #isStale = false;

  constructor(options: GuessOptions) {
    const { capacity } = options.world.live;
    this.#options = options;
    this.#depth = new Uint16Array(capacity);
    this.#place = new Int32Array(capacity);
    this.#levels = [{ state: options.world.oracle.empty(), builtFrom: 0, chosen: [], lost: 0, members: [] }];
  }

  get isBuilding(): boolean {
    return this.#job !== undefined;
  }

  get answer(): number[] {
    const { live } = this.#options.world;
    return this.#levels.flatMap(({ chosen }) => chosen.filter((slot) => live.isLive(slot)));
  }

  /** Takes in all elements that there are: they arrived before row `now`. */
  fill(now: number): void {
    const { world, single } = this.#options;
    const slots: number[] = [];
    for (let i = 0; i < world.live.count; i++) {
      const slot = world.live.order[i]!;
      if (this.#concerns(single[slot]!)) slots.push(slot);
    }
    this.#begin(0, [slots], now);
  }

  insert(slot: number, now: number): void {
    const { world, single, threshold } = this.#options;
    if (!this.#concerns(single[slot]!)) return;
    const depth = depthOf(world.oracle, this.#levels, slot, threshold);
    this.#join(slot, depth);
    if (this.#job !== undefined && depth >= this.#job.level) this.#job.arrived(slot);
    this.#begin(this.#firstGrown(depth), undefined, now);
  }

  delete(slot: number, now: number): void {
    const depth = this.#depth[slot]! - 1;
    if (depth < 0) return;
    const level = this.#levels[depth]!;
    this.#depth[slot] = 0;
    const last = level.members.pop()!;
    if (last !== slot) {
      level.members[this.#place[slot]!] = last;
      this.#place[last] = this.#place[slot]!;
    }
    if (!level.chosen.includes(slot)) return;
    level.lost++;
    this.#isStale = true;
    if (this.#hasLost(level)) this.#begin(depth, undefined, now);
  }

  /** Goes on with what is being built, and finds out what the answer is worth where it has changed. */
  tick(now: number): void {
    const { world, atOnce, epsilon } = this.#options;
    const rate = Math.max(CALLS_MIN, Math.ceil((4 * CALLS_AN_ELEMENT) / epsilon));
    if (this.#job?.step(atOnce ? Number.POSITIVE_INFINITY : rate)) this.#publish(this.#job, now);
    if (!this.#isStale) return;
    this.#isStale = false;
    const { value, gains } = world.oracle.evaluate(this.answer);
    this.value = value;
    this.gains = gains;
  }

  /** Lets go of everything. */
  close(): void {
    this.#job?.abandon();
    this.#release(0);
  }

  #concerns(single: number): boolean {
    return single >= this.#options.threshold && single <= this.#options.guess;
  }

  #join(slot: number, depth: number): void {
    const { members } = this.#levels[depth]!;
    this.#depth[slot] = depth + 1;
    this.#place[slot] = members.length;
    members.push(slot);
  }

  #hasLost({ lost, chosen }: Level): boolean {
    return lost > 0 && lost >= this.#options.epsilon * chosen.length;
  }

  /** The first level up to `deepest` that many more elements get to than it was built from; −1 where none is. */
  #firstGrown(deepest: number): number {
    let first = -1;
    let reach = 0;
    for (let i = this.#levels.length - 1; i >= 0; i--) {
      const { members, builtFrom } = this.#levels[i]!;
      reach += members.length;
      if (i <= deepest && reach > builtFrom && reach >= GROWTH * builtFrom) first = i;
    }
    return first;
  }

  /** Begins to build a level anew, from those who get there; not where that or an earlier one is being built. */
  #begin(level: number, reach: number[][] | undefined, now: number): void {
    if (level < 0 || (this.#job !== undefined && this.#job.level <= level)) return;
    this.#job?.abandon();
    const chosen = this.#levels.slice(0, level).flatMap((one) => one.chosen);
    const members = reach ?? this.#levels.slice(level).map((one) => one.members.slice());
    const lists = members.filter(({ length }) => length > 0);
    this.#job = new LevelJob(this.#options, level, chosen, lists, now);
  }

  /** Puts what has been built in the place of what was there. */
  #publish(job: LevelJob, now: number): void {
    const { live } = this.#options.world;
    this.#job = undefined;
    this.#release(job.level);
    for (const level of job.levels) {
      const members = level.members.splice(0, Number.POSITIVE_INFINITY);
      this.#levels.push(level);
      for (const slot of members)
        if (job.isThere(slot) || job.isLate(slot)) this.#join(slot, this.#levels.length - 1);
      level.lost = level.chosen.reduce((sum, slot) => sum + (live.isLive(slot) ? 0 : 1), 0);
    }
    this.#isStale = true;
    const grown = this.#firstGrown(this.#levels.length - 1);
    const lost = this.#levels.findIndex((level) => this.#hasLost(level));
    this.#begin(grown < 0 || (lost >= 0 && lost < grown) ? lost : grown, undefined, now);
  }

  /** Drops the levels from one on. */
  #release(level: number): void {
    for (const { chosen, members } of this.#levels.splice(level)) {
      for (const slot of chosen) this.#options.world.live.unpin(slot);
      for (const slot of members) this.#depth[slot] = 0;
    }
  }

  save(numbering: Numbering) {
    return {
      levels: this.#levels.map((level) => saveLevel(level, numbering.numberOf)),
      job: this.#job?.save(numbering) ?? null,
      isStale: this.#isStale,
    };
  }

  load({ levels, job, isStale }: ReturnType<Guess['save']>): void {
    const { world } = this.#options;
    this.#levels = loadLevels(world, levels, []).levels;
    for (const [depth, { members }] of this.#levels.entries()) {
      for (const [place, slot] of members.entries()) {
        this.#depth[slot] = depth + 1;
        this.#place[slot] = place;
      }
    }
    if (job !== null) this.#loadJob(job);
    const { value, gains } = world.oracle.evaluate(this.answer);
    this.value = value;
    this.gains = gains;
    this.#isStale = isStale;
  }

  #loadJob(job: SavedJob): void {
    const chosen = this.#levels.slice(0, job.level).flatMap((one) => one.chosen);
    this.#job = LevelJob.load(this.#options, chosen, job);
  }
}
