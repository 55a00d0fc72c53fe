/**
 * The powers of a ratio, on which guesses of the optimum and thresholds lie. Their bits are the same in every engine.
 */
import { log64 } from '../../src/kernels/log64.js';

export class Ladder {
  readonly #ratio: number;
  readonly #logRatio: number;

  constructor(ratio: number) {
    this.#ratio = ratio;
    this.#logRatio = log64(ratio);
  }

  /** ratio^j */
  at(j: number): number {
    let power = 1;
    for (
      let square = this.#ratio, left = Math.abs(j);
      left > 0;
      left = Math.floor(left / 2), square *= square
    ) {
      if (left % 2 === 1) power *= square;
    }
    return j < 0 ? 1 / power : power;
  }

  /** The lowest rung that is not below x > 0. */
  notBelow(x: number): number {
    let j = Math.ceil(log64(x) / this.#logRatio);
    while (this.at(j - 1) >= x) j--;
    while (this.at(j) < x) j++;
    return j;
  }

  /** The highest rung that is not above x > 0. */
  notAbove(x: number): number {
    let j = Math.floor(log64(x) / this.#logRatio);
    while (this.at(j + 1) <= x) j++;
    while (this.at(j) > x) j--;
    return j;
  }
}
