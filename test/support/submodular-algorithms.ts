/**
 * The algorithms as their operators set them up, for tests and benches that run them without Arrow.
 */
import type { Algorithm } from '../../operators/submodular/algorithm.js';
import { AnytimeGreedy } from '../../operators/submodular/anytime-greedy.js';
import { BoundedSwap } from '../../operators/submodular/bounded-swap.js';
import { LevelLadder } from '../../operators/submodular/level-ladder.js';
import type { World } from '../../operators/submodular/oracle.js';

export const defaults = (world: World): Algorithm =>
  new AnytimeGreedy(world, { delta: 0.1, budgetCalls: 128, randomRefill: 64, seed: 1 });

export const exact = (world: World): Algorithm =>
  new AnytimeGreedy(world, { delta: 0.1, budgetCalls: Number.POSITIVE_INFINITY, randomRefill: 0, seed: 1 });

export const levels = (world: World): Algorithm =>
  new LevelLadder(world, { epsilon: 0.2, bucket: 'largest', atOnce: false, seed: 1 });

export const levelsOfHighest = (world: World): Algorithm =>
  new LevelLadder(world, { epsilon: 0.2, bucket: 'highest', atOnce: false, seed: 1 });

export const levelsAtOnce = (world: World): Algorithm =>
  new LevelLadder(world, { epsilon: 0.2, bucket: 'largest', atOnce: true, seed: 1 });

export const swap = (world: World): Algorithm =>
  new BoundedSwap(world, { delta: 0.1, candidates: 512, seed: 1 });
