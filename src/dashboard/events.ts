/**
 * What a page is sent, as server-sent events of these names.
 */
import type { ProgressState } from '../progress.js';
import type { Sample } from './sample.js';

export interface Events {
  /** What there is so far, once, when a page connects. */
  readonly begin: { readonly states: readonly ProgressState[]; readonly samples: readonly StepSample[] };
  readonly state: ProgressState;
  readonly sample: StepSample;
  /** How the run ended: nothing more comes. */
  readonly end: { readonly state: ProgressState | undefined; readonly how: string; readonly isGood: boolean };
}

/** A batch that a step has emitted; step null: that the source gave. */
export interface StepSample {
  readonly step: string | null;
  readonly sample: Sample;
}
