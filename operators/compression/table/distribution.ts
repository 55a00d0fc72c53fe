/**
 * Guesses as distributions: around each a logistic one, as wide as the guess has lately been wrong.
 *
 *   F(x) = 1 / (1 + e^((μ − x) / s))      s = mean |error| / 2 ln 2
 *
 * A decision between two intervals of values gets the logit of their masses from each.
 */
import { logistic } from '../../../src/kernels/table-constants.js';
import type { Decisions } from './decisions.js';
import { log2 } from './estimate.js';
import { GUESS } from './predictors.js';

/** The guesses that are taken as distributions. */
const CENTRES = [GUESS.recursive, GUESS.last, GUESS.sameParent, GUESS.other] as const;
export const WIDTHS = 2 * CENTRES.length;
/** How fast widths follow errors: one that is quick, one that is slow. */
const RATES = [0.1, 0.02] as const;
const LEAST_WIDTH = 0.2;
const MOST_LOGIT = 8;
/** Beyond so many widths nothing differs any more. */
const FAR = 300;
const LEAST_MASS = 1e-120;

export class Distribution {
  readonly #centres = new Float64Array(WIDTHS);
  readonly #scales = new Float64Array(WIDTHS);

  /** Takes the guesses of a cell, and how wrong they were. */
  begin(guesses: Float64Array, errors: Float64Array): void {
    for (let i = 0; i < WIDTHS; i++) {
      this.#centres[i] = guesses[CENTRES[i >> 1]!]!;
      this.#scales[i] = 1 / Math.max(LEAST_WIDTH, errors[i]! / (2 * Math.LN2));
    }
  }

  /** Adds the logits of a value in [oneFrom, oneTo) against one in [zeroFrom, zeroTo), integers. */
  add(decisions: Decisions, oneFrom: number, oneTo: number, zeroFrom: number, zeroTo: number): void {
    for (let i = 0; i < WIDTHS; i++) {
      const one = this.#mass(i, oneFrom, oneTo);
      const zero = this.#mass(i, zeroFrom, zeroTo);
      const logit = one === zero ? 0 : (log2(one) - log2(zero)) * Math.LN2;
      decisions.addLogit(Math.min(MOST_LOGIT, Math.max(-MOST_LOGIT, logit)));
    }
  }

  /** Adds the logits of one value against all others. */
  addZero(decisions: Decisions, value: number): void {
    for (let i = 0; i < WIDTHS; i++) {
      const mass = this.#mass(i, value, value + 1);
      const logit = (log2(mass) - log2(Math.max(1e-6, 1 - mass))) * Math.LN2;
      decisions.addLogit(Math.max(-MOST_LOGIT, logit));
    }
  }

  #mass(i: number, from: number, to: number): number {
    const low = this.#at(i, from);
    const high = this.#at(i, to);
    const mass = low > 0 ? logistic(-low) - logistic(-high) : logistic(high) - logistic(low);
    return Math.max(LEAST_MASS, mass);
  }

  /** A border below an integer, in widths from the centre. */
  #at(i: number, x: number): number {
    const away = (x - 0.5 - this.#centres[i]!) * this.#scales[i]!;
    return away > FAR ? FAR : Math.max(away, -FAR);
  }
}

/** Learns how wrong the guesses of a cell were. */
export function learnErrors(errors: Float64Array, guesses: Float64Array, value: number): void {
  for (let i = 0; i < WIDTHS; i++) {
    const error = Math.abs(value - guesses[CENTRES[i >> 1]!]!);
    errors[i] = errors[i]! + (error - errors[i]!) * RATES[i & 1]!;
  }
}
