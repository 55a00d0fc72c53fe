/**
 * What changes per second, from states of progress that follow each other.
 */
import type { ProgressState } from '../../progress.js';

/** What each step did between two states. */
export interface StepRate {
  readonly id: string;
  readonly rowsPerSecond: number;
  /** Time spent in it, as a share of the time that passed, 0 … 1. */
  readonly busy: number;
  readonly stateBytes: number;
  readonly inFlight: number;
}

export interface Rates {
  /** When, in seconds since the run began. */
  readonly at: number;
  readonly rowsPerSecond: number;
  readonly bytesPerSecond: number;
  readonly latencySeconds: number | null;
  readonly steps: readonly StepRate[];
}

export function ratesBetween(before: ProgressState, state: ProgressState): Rates {
  const seconds = Math.max(1e-3, state.seconds - before.seconds);
  return {
    at: state.seconds,
    rowsPerSecond: (state.rows - before.rows) / seconds,
    bytesPerSecond: (state.bytesIn - before.bytesIn) / seconds,
    latencySeconds: state.latencySeconds ?? null,
    steps: state.steps.map(({ id, rowsOut, seconds: spent, stateBytes, inFlight }, i) => ({
      id,
      rowsPerSecond: (rowsOut - (before.steps[i]?.rowsOut ?? 0)) / seconds,
      // An asynchronous step is counted when it answers, which may be long after it was asked.
      busy: Math.min(1, (spent - (before.steps[i]?.seconds ?? 0)) / seconds),
      stateBytes,
      inFlight,
    })),
  };
}
