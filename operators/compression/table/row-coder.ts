/**
 * Rows of cells: for each cell the contexts from its column's past and from the row's earlier cells, then its coder.
 */
import { type Cells, type Column, FLAG, NULL, NULL_KEY, type Places } from './column.js';
import type { Decisions } from './decisions.js';
import { learnErrors } from './distribution.js';
import { hash2, hash3, hashNumber } from './hash.js';
import { coarse, magnitude } from './integers.js';
import { Memory } from './memory.js';
import { NumberCoder } from './number-coder.js';
import { GUESS, Predictors } from './predictors.js';
import { TextCoder } from './text-coder.js';

const FLAG_SALT = 900_000;
const FLAGGED_SALT = 500_000;
const NODE = { null: 300, symbol: 301, escape: 302, place: 303 } as const;
/** The parents that a column's contexts look at, at most. */
const PARENTS = 6;
/** Guesses whose distance from the coded one is a context. */
const DISTANT = [GUESS.recursive, GUESS.sameParent, GUESS.last, GUESS.other, GUESS.parentMean] as const;

export class RowCoder {
  readonly #decisions: Decisions;
  readonly #predictors: Predictors;
  readonly #numbers: NumberCoder;
  readonly texts: TextCoder;
  readonly #memory = new Memory();

  constructor(decisions: Decisions) {
    this.#decisions = decisions;
    this.#predictors = new Predictors(this.#memory);
    this.#numbers = new NumberCoder(decisions, this.#predictors);
    this.texts = new TextCoder(decisions);
  }

  save() {
    return { memory: this.#memory.save(), texts: this.texts.save() };
  }

  restore({ memory, texts }: ReturnType<RowCoder['save']>): void {
    this.#memory.restore(memory);
    this.texts.restore(texts);
  }

  /** Codes row `r`'s cell of a column. */
  code(column: Column, cells: Cells, r: number): void {
    column.previous = column.current;
    column.previousKey = column.key;
    const flag = column.hasFlags ? this.#flag(column, cells, r) : FLAG.value;
    column.x = -1;
    column.current = NULL;
    column.key = NULL_KEY;
    if (flag === FLAG.value) this.#value(column, cells, r);
    else if (flag === FLAG.escaped) this.texts.code(column, cells.text!, !this.#decisions.isDecoding);
    this.#predictors.learn(column);
  }

  /** Takes in a cell that is known, as if it had been coded. */
  know(column: Column, value: number): void {
    this.#predictors.know(column, value);
  }

  #flag(column: Column, cells: Cells, r: number): number {
    const given = this.#decisions.isDecoding ? FLAG.null : cells.flags![r]!;
    this.#contexts(column, FLAG_SALT);
    this.#numbers.begin(column, false);
    const isNull = 1 - this.#numbers.bit(given === FLAG.null ? 0 : 1, NODE.null, 60);
    const flag = isNull
      ? FLAG.null
      : cells.text !== undefined && column.kind === 'number' && this.#numbers.bit(given >> 1, NODE.escape, 62)
        ? FLAG.escaped
        : FLAG.value;
    if (this.#decisions.isDecoding) cells.flags![r] = flag;
    return flag;
  }

  #value(column: Column, cells: Cells, r: number): void {
    const { kind } = column;
    this.#contexts(column, column.hasFlags ? FLAGGED_SALT : 0);
    if (kind === 'number') {
      const value = this.#number(column, cells.values[r]!);
      cells.values[r] = value;
      column.current = value;
      column.key = hashNumber(value);
    } else if (kind === 'symbol') {
      const symbol = this.#symbol(column, cells, r);
      column.current = symbol;
      column.x = symbol;
      column.key = hashNumber(symbol);
    } else {
      this.texts.code(column, cells.text!, !this.#decisions.isDecoding);
      column.key = this.texts.lastHash;
      column.current = column.key;
      column.x = column.key;
    }
  }

  #number(column: Column, given: number): number {
    const { plan } = column;
    const { guesses } = this.#predictors;
    this.#predictors.guess(column);
    this.#guessContexts(column);
    this.#numbers.begin(column, true);
    const base = plan.base > 0 ? guesses[plan.base - 1]! : plan.least;
    let x = given - base;
    if (plan.coder === 'residual') x = this.#numbers.residual(x);
    else if (plan.coder === 'tree') x = this.#numbers.tree(x, plan.bits);
    else x = this.#numbers.digits(given) - base;
    column.x = x;
    column.surprise = plan.base > 0 ? x : base + x - guesses[GUESS.recursive]!;
    learnErrors(column.errors, guesses, base + x);
    const size = plan.base > 0 ? Math.abs(x) : x;
    column.fastSize += (size - column.fastSize) * 0.15;
    column.slowSize += (size - column.slowSize) * 0.04;
    return base + x;
  }

  /** Codes whether a symbol is new, and which it is; with a new one comes its text or its place. */
  #symbol(column: Column, cells: Cells, r: number): number {
    const numbers = this.#numbers;
    const { places, text, most, bits } = cells.symbols!;
    numbers.begin(column, false);
    const cell = cells.values[r]!;
    const given = this.#decisions.isDecoding ? 0 : places ? places.symbols[cell]! : cell;
    const isNew = given < 0 || given >= column.symbols ? 1 : 0;
    if (column.symbols < most && numbers.bit(isNew, NODE.symbol, 61)) {
      const symbol = column.symbols++;
      if (places) cells.values[r] = this.#place(places, cell, symbol, bits);
      else cells.values[r] = symbol;
      if (text) this.texts.code(column, text, !this.#decisions.isDecoding);
      return symbol;
    }
    const symbol = Math.min(numbers.tree(given, bits), Math.max(0, column.symbols - 1));
    cells.values[r] = places ? places.places[symbol]! : symbol;
    return symbol;
  }

  /** The place of a new symbol: mostly the first one that has not appeared. */
  #place(places: Places, given: number, symbol: number, bits: number): number {
    const { next } = places;
    const isNext = this.#numbers.bit(given === next ? 1 : 0, NODE.place, 63);
    const place = isNext ? next : this.#numbers.tree(given, bits);
    const inside = Math.min(place, places.symbols.length - 1);
    places.appear(inside, symbol);
    return inside;
  }

  /** Contexts of numbers, symbols and flags; each backs off to one with less in it. */
  #contexts(column: Column, saltOf: number): void {
    const d = this.#decisions;
    const { parents, x1, x2, x3 } = column;
    const salt = saltOf + column.index * 1000;
    const n = parents.length;
    d.keep(0);
    const root = d.add(hash3(0, 0, salt), -1);
    const one = d.add(hash3(hashNumber(x1), 1, salt), root);
    const two = d.add(hash3(hash2(hashNumber(x1), hashNumber(x2)), 2, salt), one);
    d.add(hash3(hash3(hashNumber(x1), hashNumber(x2), hashNumber(x3)), 3, salt), two);
    if (n > 0) this.#parentContexts(column, salt, root, one);
    d.add(hash3(hash2(magnitude(x1), magnitude(x2)), 17, salt), root);
    let nulls = 1;
    for (let i = 0; i < n; i++) nulls = hash2(nulls, parents[i]!.current === NULL ? 1 : 0);
    d.add(hash3(nulls, 23, salt), root);
  }

  #parentContexts(column: Column, salt: number, root: number, one: number): void {
    const d = this.#decisions;
    const { parents, x1 } = column;
    const n = Math.min(PARENTS, parents.length);
    const X1 = hashNumber(x1);
    const [p0, p1, p2, p3, p4] = parents;
    const k0 = p0!.key;
    const first = d.add(hash3(k0, 4, salt), root);
    let second = -1;
    let pair = -1;
    if (n > 1) {
      second = d.add(hash3(p1!.key, 5, salt), root);
      pair = d.add(hash3(hash2(k0, p1!.key), 7, salt), first);
    }
    if (n > 2) d.add(hash3(p2!.key, 6, salt), root);
    d.add(hash3(hash2(k0, X1), 8, salt), first);
    let triple = pair;
    if (n > 2) triple = d.add(hash3(hash3(k0, p1!.key, p2!.key), 9, salt), pair);
    if (n > 1) d.add(hash3(hash2(p1!.key, X1), 10, salt), second);
    let all = 7;
    let same = 0;
    for (const parent of parents) {
      all = hash2(all, parent.key);
      same = hash2(same, parent.key === parent.previousKey ? 1 : 0);
    }
    if (n > 3) d.add(hash3(all, 11, salt), triple);
    const entry = this.#predictors.ofParent(column);
    const entries = this.#predictors.ofParents(column);
    const coded = entry < 0 ? 0 : hashNumber(this.#memory.coded(entry) + 1);
    const codedBoth = entries < 0 ? 0 : hashNumber(this.#memory.coded(entries) + 1);
    d.add(hash3(hash2(coded, codedBoth), 14, salt), root);
    d.add(hash3(hash2(same, X1), 15, salt), one);
    d.add(hash3(hash2(stepOf(p0!), X1), 16, salt), one);
    const size0 = sizeOf(p0!);
    const size1 = p1 ? sizeOf(p1) : 0;
    d.add(hash3(hash3(size0, magnitude(x1), size1), 18, salt), root);
    if (n > 3) d.add(hash3(p3!.key, 19, salt), root);
    if (n > 4) d.add(hash3(p4!.key, 20, salt), root);
    if (n > 2) {
      d.add(hash3(hash2(k0, p2!.key), 21, salt), first);
      d.add(hash3(hash2(p1!.key, p2!.key), 22, salt), second);
    }
    d.add(hash3(hash2(size0, size1), 24, salt), root);
    this.#roundedContexts(column, salt, root, first, second);
  }

  /** Parents that are numbers, without their low bits. */
  #roundedContexts(column: Column, salt: number, root: number, first: number, second: number): void {
    const d = this.#decisions;
    const [p0, p1] = column.parents;
    let rounded = root;
    if (p0!.kind === 'number') rounded = d.add(hash3(roundedKey(p0!, 3), 12, salt), root);
    if (p1 === undefined) return;
    d.add(hash3(hash2(roundedKey(p0!, 6), roundedKey(p1, 4)), 13, salt), root);
    if (p0!.kind === 'number') d.add(hash3(hash2(roundedKey(p0!, 2), roundedKey(p1, 2)), 25, salt), rounded);
    d.add(hash3(hash2(p1.key, roundedKey(p0!, 5)), 26, salt), second);
    d.add(hash3(hash2(p0!.key, roundedKey(p1, 4)), 27, salt), first);
  }

  /** Where the other guesses lie beside the coded one, and how large numbers have been lately. */
  #guessContexts(column: Column): void {
    const d = this.#decisions;
    const { plan, parents, fastSize, slowSize } = column;
    const { guesses } = this.#predictors;
    const salt = (column.hasFlags ? FLAGGED_SALT : 0) + column.index * 1000;
    const [p0] = parents;
    if (plan.base > 0) {
      const base = guesses[plan.base - 1]!;
      for (const g of DISTANT) {
        if (g !== plan.base - 1) d.add(hash3(coarse(guesses[g]! - base), 28 + g, salt), 0);
      }
      const fast = magnitude(fastSize * fastSize + 1);
      const slow = magnitude(slowSize * slowSize * slowSize + 1);
      d.add(hash3(fast, 43, salt), 0);
      d.add(hash3(slow, 44, salt), 0);
      d.add(hash3(hash2(fast, slow), p0 ? sizeOf(p0) : 0, salt + 35), 0);
      return;
    }
    const scale = 2 ** -Math.max(0, plan.bits - 6);
    d.add(hash3(hashNumber(Math.floor(fastSize * 2 * scale)), 43, salt), 0);
    d.add(hash3(hashNumber(Math.floor(slowSize * 4 * scale)), 44, salt), 0);
    if (p0?.kind !== 'number') return;
    const rounded = roundedKey(p0, Math.max(0, p0.plan.bits - 6));
    d.add(hash3(hashNumber(Math.floor(slowSize * 2 * scale)), rounded, salt + 35), 0);
  }
}

const stepOf = ({ current, previous, key }: Column): number =>
  current === NULL || previous === NULL ? key : hashNumber(current - previous);

const sizeOf = ({ kind, surprise }: Column): number => (kind === 'number' ? magnitude(surprise) : 0);

const roundedKey = ({ kind, current, key }: Column, bits: number): number =>
  kind === 'number' && current !== NULL ? hashNumber(Math.floor(current * 2 ** -bits)) : key;
