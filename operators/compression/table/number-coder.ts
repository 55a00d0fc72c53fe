/**
 * The three ways to code an integer as binary decisions, each with what the guesses expect next as further contexts.
 *
 *   tree       value − least, its highest bit first
 *   digits     sign, how many decimal digits, then each digit
 *   residual   value − guess: zero? sign, how many bits, then the bits below the highest
 */
import type { Column } from './column.js';
import type { Decisions } from './decisions.js';
import { Distribution } from './distribution.js';
import { hash2, hash3, hashNumber } from './hash.js';
import { countDigits, digitsOf, expected, shifted } from './integers.js';
import { bitsOf } from './plan.js';
import { GUESS, type Predictors } from './predictors.js';

/** Decisions of numbers learn at this rate, at the start and at least. */
export const NUMBER_RATE = 0.005;
export const NUMBER_RATE_LEAST = 0.0006;

const MOST_DIGITS = 17;
/** An integer within ±2^52 minus another has at most so many bits. */
const MOST_BITS = 54;
const ANYWHERE = 2 ** 54;

export class NumberCoder {
  readonly #decisions: Decisions;
  readonly #predictors: Predictors;
  readonly #distribution = new Distribution();
  #column!: Column;
  #salt = 0;
  /** Contexts of the whole cell; behind them are those of one decision. */
  #fixed = 0;
  #hasGuesses = false;
  #sure: readonly [number, number, number, number] = [1, 4, 7, 9];
  readonly #guessDigits = Array.from({ length: 6 }, () => new Uint8Array(MOST_DIGITS + 1));
  readonly #guessLengths = new Int32Array(6);
  readonly #matches = new Uint8Array(6);
  readonly #digits = new Uint8Array(MOST_DIGITS + 1);

  constructor(decisions: Decisions, predictors: Predictors) {
    this.#decisions = decisions;
    this.#predictors = predictors;
  }

  /** Begins a cell whose contexts have been added. */
  begin(column: Column, hasGuesses: boolean): void {
    this.#column = column;
    this.#salt = column.index * 1000;
    this.#fixed = this.#decisions.count;
    this.#hasGuesses = hasGuesses;
    if (hasGuesses) this.#distribution.begin(this.#predictors.guesses, column.errors);
    const count = this.#fixed;
    this.#sure = [1, count > 4 ? 4 : 0, count > 7 ? 7 : 0, count > 9 ? 9 : 0];
  }

  /** One decision; `withNode` contexts know the node. */
  bit(given: number, node: number, depth: number): number {
    const { index } = this.#column;
    const decisions = this.#decisions;
    const model = index % decisions.models;
    const low = node >= 0 && node < 256 ? node : (node & 127) + (depth > 9 ? 128 : 0);
    const depthRow = model * 64 + Math.min(63, depth);
    decisions.choose(model, depthRow, model * 256 + low, model * 256, decisions.rows.model + model);
    const [a, b, c, d] = this.#sure;
    decisions.sureBy(a, b, c, d, 1, this.#fixed > 4 ? 4 : 2);
    return decisions.bit(given, node, this.#fixed, NUMBER_RATE, NUMBER_RATE_LEAST);
  }

  /** Codes a symbol or a number above `least` by its bits. */
  tree(x: number, bits: number): number {
    let prefix = 1;
    for (let b = bits - 1; b >= 0; b--) {
      const depth = bits - 1 - b;
      if (this.#hasGuesses) this.#treeContexts(prefix - 2 ** depth, b);
      else this.#decisions.keep(this.#fixed);
      const node = bits > 15 && depth > 15 ? hash3(hashNumber(prefix), b, 5) | 512 : prefix;
      prefix = 2 * prefix + this.bit(shifted(x, b) % 2, node, depth);
    }
    return prefix - 2 ** bits;
  }

  /** Where the prefix lies beside each guess's, and the guess's next bits. */
  #treeContexts(prefix: number, b: number): void {
    const decisions = this.#decisions;
    const { guesses } = this.#predictors;
    const { least } = this.#column.plan;
    const parents = this.#column.parents.length;
    decisions.keep(this.#fixed);
    let all = 0;
    for (let g = 0; g < guesses.length; g++) {
      if (!this.#isTreeGuess(g, parents)) continue;
      const guess = guesses[g]! - least;
      const apart = prefix - shifted(guess, b + 1);
      const near = apart > 3 ? 3 : Math.max(apart, -3);
      const code = (near + 3) * 8 + (shifted(guess, b - 2) & 7);
      all = hash2(all, code);
      if (g === GUESS.sameSecond || g === GUESS.otherStep) continue;
      decisions.add(hash3(code, b * 16 + g, this.#salt + 777), 0);
    }
    decisions.add(hash3(all, b, this.#salt + 778), 0);
    const half = 2 ** b;
    const zero = least + prefix * 2 * half;
    this.#distribution.add(decisions, zero + half, zero + 2 * half, zero, zero + half);
  }

  #isTreeGuess(g: number, parents: number): boolean {
    const { guesses } = this.#predictors;
    if (g === GUESS.line || g === GUESS.others) return false;
    if (g === GUESS.parentMean || g === GUESS.sameParent) return parents > 0;
    if (g === GUESS.sameParents || g === GUESS.sameSecond) return parents > 1;
    if (g === GUESS.other || g === GUESS.otherStep) return guesses[g] !== guesses[GUESS.last];
    return true;
  }

  /** Codes a number's distance from the plan's guess. */
  residual(x: number): number {
    const size = Math.abs(x);
    const bits = bitsOf(size);
    this.#residualContexts(0, 0, 0, 0, 0, 0);
    if (this.bit(size === 0 ? 1 : 0, 1, 0)) return 0;
    this.#residualContexts(1, 0, 0, 0, 0, 0);
    const sign = this.bit(x < 0 ? 1 : 0, 2, 1);
    let length = 1;
    for (; length < MOST_BITS; length++) {
      this.#residualContexts(2, length, 0, sign, 0, 0);
      if (this.bit(length === bits ? 1 : 0, 4 + length * 2 + sign, 2 + Math.min(20, length))) break;
    }
    let prefix = 1;
    for (let b = length - 2; b >= 0; b--) {
      this.#residualContexts(3, 0, length, sign, prefix, b);
      const depth = length - 2 - b;
      const node =
        depth < 12 ? hash3(hashNumber(prefix), length * 2 + sign, 99) | 256 : hash3(depth, length, 98) | 256;
      prefix = 2 * prefix + this.bit(shifted(size, b) % 2, node, 24 + Math.min(20, depth));
    }
    return sign ? -prefix : prefix;
  }

  /** What each guess would decide here. */
  #residualContexts(stage: number, i: number, bits: number, sign: number, prefix: number, b: number): void {
    const decisions = this.#decisions;
    const { guesses } = this.#predictors;
    const base = this.#column.plan.base - 1;
    const parents = this.#column.parents.length;
    decisions.keep(this.#fixed);
    const id = stage === 2 ? i + 8 : stage === 3 ? 100 + bits * 2 + Math.min(20, b) * 200 : stage;
    let all = 0;
    for (let g = 0; g < guesses.length; g++) {
      if (g === base || !this.#isTreeGuess(g, parents)) continue;
      const code = expected(guesses[g]! - guesses[base]!, stage, i, bits, sign, prefix, b);
      all = hash2(all, code);
      if (g === GUESS.sameSecond) continue;
      decisions.add(hash3(code, id * 16 + g, this.#salt + 777), 0);
    }
    decisions.add(hash3(all, id, this.#salt + 778), 0);
    this.#residualLogits(guesses[base]!, stage, i, sign, prefix, b);
  }

  /** Which values each decision of a residual parts. */
  #residualLogits(base: number, stage: number, i: number, sign: number, prefix: number, b: number): void {
    const split = (oneFrom: number, oneTo: number, zeroFrom: number, zeroTo: number) => {
      if (sign)
        this.#distribution.add(
          this.#decisions,
          base + 1 - oneTo,
          base + 1 - oneFrom,
          base + 1 - zeroTo,
          base + 1 - zeroFrom,
        );
      else
        this.#distribution.add(this.#decisions, base + oneFrom, base + oneTo, base + zeroFrom, base + zeroTo);
    };
    if (stage === 0) this.#distribution.addZero(this.#decisions, base);
    else if (stage === 1) split(-ANYWHERE, 0, 1, ANYWHERE);
    else if (stage === 2) split(2 ** (i - 1), 2 ** i, 2 ** i, ANYWHERE);
    else {
      const half = 2 ** b;
      const zero = prefix * 2 * half;
      split(zero + half, zero + 2 * half, zero, zero + half);
    }
  }

  /** Codes a number by its decimal digits. */
  digits(x: number): number {
    const { plan, parents } = this.#column;
    const decisions = this.#decisions;
    decisions.keep(this.#fixed);
    const sign = plan.least < 0 ? this.bit(x < 0 ? 1 : 0, 3, 0) : 0;
    const size = Math.abs(x);
    const length = digitsOf(size, this.#digits);
    let known = 0;
    for (const g of DIGIT_GUESSES) {
      if (g === GUESS.sameParent && parents.length < 1) continue;
      if ((g === GUESS.sameParents || g === GUESS.sameSecond) && parents.length < 2) continue;
      this.#guessLengths[known] = digitsOf(Math.abs(this.#predictors.guesses[g]!), this.#guessDigits[known]!);
      this.#matches[known++] = 1;
    }
    const decided = this.#digitCount(length, sign, known);
    for (let q = 0; q < known; q++) if (this.#guessLengths[q] !== decided) this.#matches[q] = 0;
    let value = 0;
    let zeros = 0;
    for (let i = 0; i < decided; i++) {
      const digit = this.#digit(i, decided, known, zeros, value, sign);
      for (let q = 0; q < known; q++) if (this.#guessDigits[q]![i] !== digit) this.#matches[q] = 0;
      this.#digits[i] = digit;
      zeros = digit === 0 ? zeros + 1 : 0;
      value = value * 10 + digit;
    }
    return sign ? -value : value;
  }

  #digitCount(length: number, sign: number, known: number): number {
    const decisions = this.#decisions;
    const { most, least } = this.#column.plan;
    const bits = bitsOf(countDigits(Math.max(most, -least)));
    let prefix = 1;
    for (let b = bits - 1; b >= 0; b--) {
      decisions.keep(this.#fixed);
      for (let q = 0; q < known; q++) {
        decisions.add(hash3(prefix, this.#guessLengths[q]!, this.#salt + 600 + q), 0);
      }
      prefix = 2 * prefix + this.bit((length >> b) & 1, 4 + prefix * 2 + sign, bits - 1 - b);
    }
    return Math.min(MOST_DIGITS - 1, prefix - (1 << bits));
  }

  #digit(i: number, length: number, known: number, zeros: number, prefix: number, sign: number): number {
    const decisions = this.#decisions;
    const left = length - 1 - i;
    const before = i > 0 ? this.#digits[i - 1]! : 10;
    const twoBefore = i > 1 ? this.#digits[i - 2]! : 10;
    const salt = this.#salt;
    let nibble = 1;
    const given = this.#digits[i]!;
    for (let b = 3; b >= 0; b--) {
      decisions.keep(this.#fixed);
      let all = 0;
      for (let q = 0; q < known; q++) {
        const expects = this.#matches[q] ? this.#guessDigits[q]![i]! + 1 : 0;
        all = all * 16 + expects;
        decisions.add(hash3(nibble * 32 + expects, Math.min(6, left) * 8 + q, salt + 610), 0);
      }
      decisions.add(hash3(all, nibble, salt + 611), 0);
      const run = decisions.add(hash3(nibble, left * 32 + Math.min(15, zeros), salt + 612), 0);
      decisions.add(hash3(nibble, i * 32 + left, hash3(before, twoBefore, salt + 613)), run);
      decisions.add(hash3(nibble, left * 32 + before, salt + 614), run);
      const node = hash3(hashNumber(prefix), nibble * 64 + left, sign + 70 + i * 2) | 256;
      nibble = 2 * nibble + this.bit((given >> b) & 1, node, 8 + Math.min(10, i) * 4 + 3 - b);
    }
    return Math.min(9, nibble - 16);
  }
}

const DIGIT_GUESSES = [
  GUESS.last,
  GUESS.sameParent,
  GUESS.sameParents,
  GUESS.other,
  GUESS.recursive,
  GUESS.sameSecond,
] as const;
