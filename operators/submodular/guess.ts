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
import { Cursor } from './cursor.js';
import { depthOf, type Level, loadLevels, saveLevel } from './level.js';
import { LevelJob, type SavedJob } from './level-job.js';
import { concerns, type JobContext } from './level-task.js';
import type { Rolls } from './rolls.js';

export interface GuessOptions extends JobContext {
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
  #job: LevelJob | undefined;
  #isStale = false;

  constructor(options: GuessOptions) {
    this.#options = options;
    const { world, rolls } = options;
    const state = world.oracle.empty();
    this.#levels = [{ state, builtFrom: 0, chosen: [], lost: 0, members: rolls.open() }];
  }

  get rolls(): Rolls {
    return this.#options.rolls;
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
    this.#begin(0, now, true);
  }

  insert(slot: number, now: number): void {
    const { world, rolls, threshold } = this.#options;
    if (!concerns(this.#options, slot)) return;
    const depth = depthOf(world.oracle, this.#levels, slot, threshold);
    rolls.join(this.#levels[depth]!.members, slot);
    if (this.#job !== undefined && depth >= this.#job.level) this.#job.arrived(slot);
    this.#begin(this.#firstGrown(depth), now);
  }

  delete(slot: number, now: number): void {
    const { rolls } = this.#options;
    const roll = rolls.rollOf(slot);
    rolls.leave(slot);
    const depth = this.#levels.findIndex(({ members }) => members === roll);
    const level = this.#levels[depth];
    if (!level?.chosen.includes(slot)) return;
    level.lost++;
    this.#isStale = true;
    if (this.#hasLost(level)) this.#begin(depth, now);
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

  /** Lets go of everything; the options' rolls are free again. */
  close(): void {
    this.#job?.abandon();
    this.#release(0);
    this.#options.rolls.closeAll();
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
      reach += members.slots.length;
      if (i <= deepest && reach > builtFrom && reach >= GROWTH * builtFrom) first = i;
    }
    return first;
  }

  /** Begins to build a level anew, from those who get there; not where that or an earlier one is being built. */
  #begin(level: number, now: number, fromAll = false): void {
    if (level < 0 || (this.#job !== undefined && this.#job.level <= level)) return;
    this.#job?.abandon();
    const chosen = this.#levels.slice(0, level).flatMap((one) => one.chosen);
    const reach = this.#reachOf(level, fromAll).map((list) => new Cursor(list));
    this.#job = new LevelJob(this.#options, {
      level,
      chosen,
      reach,
      fromAll,
      roll: this.#levels[level]!.members.number,
      start: now,
    });
  }

  /** The lists of those who get to a level, or of all live elements. */
  #reachOf(level: number, fromAll: boolean) {
    return fromAll
      ? [this.#options.world.live.listed]
      : this.#levels.slice(level).map(({ members }) => members.slots);
  }

  /** Puts what has been built in the place of what was there. */
  #publish(job: LevelJob, now: number): void {
    const { live } = this.#options.world;
    this.#job = undefined;
    this.#release(job.level);
    for (const level of job.levels) {
      level.lost = level.chosen.reduce((sum, slot) => sum + (live.isLive(slot) ? 0 : 1), 0);
      this.#levels.push(level);
    }
    this.#isStale = true;
    const grown = this.#firstGrown(this.#levels.length - 1);
    const lost = this.#levels.findIndex((level) => this.#hasLost(level));
    this.#begin(grown < 0 || (lost >= 0 && lost < grown) ? lost : grown, now);
  }

  /** Drops the levels from one on. */
  #release(level: number): void {
    const { world, rolls } = this.#options;
    for (const { chosen, members } of this.#levels.splice(level)) {
      for (const slot of chosen) world.live.unpin(slot);
      rolls.close(members);
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
    const { world, rolls } = this.#options;
    this.#release(0);
    this.#levels = loadLevels(world, rolls, levels, []).levels;
    if (job !== null) this.#loadJob(job);
    const { value, gains } = world.oracle.evaluate(this.answer);
    this.value = value;
    this.gains = gains;
    this.#isStale = isStale;
  }

  #loadJob(job: SavedJob): void {
    const chosen = this.#levels.slice(0, job.level).flatMap((one) => one.chosen);
    const lists = this.#reachOf(job.level, job.fromAll);
    const roll = this.#levels[job.level]!.members.number;
    this.#job = LevelJob.load(this.#options, chosen, { lists, roll }, job);
  }
}
