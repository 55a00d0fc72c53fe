/**
 * All of a run in a bounded number of states: where there are too many, every second one goes, and from then on half as many
 * are kept.
 */
import type { ProgressState } from '../progress.js';

const MOST_STATES = 1000;
const FIRST_GAP_SECONDS = 0.5;

export class History {
  #states: ProgressState[] = [];
  #gapSeconds = FIRST_GAP_SECONDS;

  get states(): readonly ProgressState[] {
    return this.#states;
  }

  /** Keeps a state unless one was kept a moment ago; answers whether it did. */
  add(state: ProgressState): boolean {
    const last = this.#states.at(-1);
    if (last !== undefined && state.seconds < last.seconds) this.#states = [];
    else if (last !== undefined && state.seconds - last.seconds < this.#gapSeconds) return false;
    this.#states.push(state);
    if (this.#states.length > MOST_STATES) {
      this.#states = this.#states.filter((_, i) => i % 2 === 0);
      this.#gapSeconds *= 2;
    }
    return true;
  }
}
