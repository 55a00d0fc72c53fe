/**
 * What a run is asked for, and what it reports.
 */

import type { CheckpointOptions } from './checkpointing.js';
import type { Counts } from './flow.js';
import type { OnStepBatch } from './meters.js';
import { checked, integer } from './options.js';
import type { OnProgress } from './progress.js';
import type { Guarantee } from './source.js';

export interface RunOptions {
  readonly checkpoint?: CheckpointOptions;
  /**
   * The most source batches between source and sink, 1 … 1024 (default 2). Where there are asynchronous steps: between the
   * last of them and the sink; each has a credit of its own.
   */
  readonly credit?: number;
  /** Ends the run with the signal's reason. What was checkpointed can be resumed. */
  readonly signal?: AbortSignal;
  /** Hears how far the flow is, and what each step does. Steps are measured only where someone listens. */
  readonly onProgress?: OnProgress | readonly OnProgress[];
  /** Hears every batch that a step emits, and (step undefined) that the source gives. */
  readonly onStepBatch?: OnStepBatch;
  /** The least milliseconds between two calls of `onProgress`, 0 … 3,600,000 (default 100). */
  readonly progressMs?: number;
  /** Hears of skipped checkpoints; by default they go to the console's standard error. */
  readonly onWarning?: (message: string) => void;
}

export interface Report extends Counts {
  readonly bytesOut: number;
  /** Of this run alone. */
  readonly seconds: number;
  /** Source batches that an earlier run had done, or null where this run began at the beginning. */
  readonly resumedAt: number | null;
  /** False where the run was stopped before the source's end. */
  readonly complete: boolean;
  /** How often a row takes effect though the run is killed; null where that is not known, and without checkpoints. */
  readonly guarantee: Guarantee | null;
}

const CHECKED_ELSEWHERE: readonly (keyof RunOptions)[] = [
  'checkpoint',
  'signal',
  'onProgress',
  'onStepBatch',
  'onWarning',
];

/** The numbers among the options, checked and with their defaults. */
export const checkRunOptions = (flow: string, options: RunOptions) =>
  checked(flow, options, CHECKED_ELSEWHERE, () => ({
    credit: integer({ credit: options.credit ?? 2 }, 1, 1024),
    progressMs: integer({ progressMs: options.progressMs ?? 100 }, 0, 3_600_000),
  }));
