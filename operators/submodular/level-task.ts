/**
 * What a job that builds levels is given: what all jobs of a guess share, and what this one is to build.
 */
import type { Cursor } from './cursor.js';
import type { World } from './oracle.js';
import type { Rolls } from './rolls.js';

/** What the jobs of a guess have in common. */
export interface JobContext {
  readonly world: World;
  readonly epsilon: number;
  /** Which bucket is chosen from: the one with most elements, or the highest with a fair part of them. */
  readonly bucket: 'largest' | 'highest';
  readonly guess: number;
  /** What an element must add: the guess over 2k. */
  readonly threshold: number;
  /** f({e}) by slot. */
  readonly single: Float64Array;
  readonly random: Uint32Array;
  readonly rolls: Rolls;
}

/** Whether an element is worth enough for a guess, and no more than it. */
export const concerns = ({ single, threshold, guess }: JobContext, slot: number): boolean =>
  single[slot]! >= threshold && single[slot]! <= guess;

/** What a job is to build, and from whom. */
export interface Task {
  /** The first level that is built anew. */
  readonly level: number;
  /** All that the levels before have chosen. */
  readonly chosen: number[];
  readonly reach: Cursor[];
  /** Whether `reach` are all live elements, and not those of the levels. */
  readonly fromAll: boolean;
  /** The number of the first level's roll as it is now; those of deeper levels are above it. */
  readonly roll: number;
  /** Rows from here on brought elements that the job does not sort. */
  readonly start: number;
}
