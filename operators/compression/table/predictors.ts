/**
 * Predictions of a numeric cell: guesses from its column's past, from the same parent, and from other columns.
 */
import { type Column, NULL, NULL_KEY } from './column.js';
import { hash2, hash3, hashNumber } from './hash.js';
import type { Memory } from './memory.js';

/** The guesses, by place. */
export const GUESS = {
  last: 0,
  line: 1,
  sameParent: 2,
  sameParents: 3,
  sameSecond: 4,
  other: 5,
  others: 6,
  otherStep: 7,
  parentMean: 8,
  recursive: 9,
} as const;
export const GUESSES = 10;

/** Columns whose values can stand in for each other. */
const isComparable = (a: Column, b: Column) =>
  a.kind === 'number' && b.kind === 'number' && a.unit === b.unit;

/** Keys of what is remembered of a column by its first parent, by its first two, and by its second. */
export const parentKey = (column: Column) => hash3(column.parents[0]!.key, column.index, 77);
const parentsKey = (column: Column) =>
  hash3(hash2(column.parents[0]!.key, column.parents[1]!.key), column.index, 78);
const secondKey = (column: Column) => hash3(column.parents[1]!.key, column.index, 79);

const clamped = (x: number, least: number, most: number) => (x >= least ? Math.min(x, most) : least);

export class Predictors {
  readonly guesses = new Float64Array(GUESSES);
  readonly #memory: Memory;
  /** How many of the parents were compared with. */
  compared = 0;

  constructor(memory: Memory) {
    this.#memory = memory;
  }

  /** What is remembered of the same first parent, and of the same two: entries, or −1. */
  ofParent(column: Column): number {
    return column.parents.length > 0 ? this.#memory.find(parentKey(column)) : -1;
  }

  ofParents(column: Column): number {
    return column.parents.length > 1 ? this.#memory.find(parentsKey(column)) : -1;
  }

  guess(column: Column): void {
    const { guesses } = this;
    const { least, most } = column.plan;
    const { last, beforeLast } = column;
    guesses.fill(last);
    guesses[GUESS.line] = 2 * last - beforeLast;
    this.#fromMemory(column);
    this.#fromOthers(column);
    for (let i = 0; i < GUESSES; i++) guesses[i] = clamped(guesses[i]!, least, most);
  }

  #fromMemory(column: Column): void {
    const { guesses } = this;
    const memory = this.#memory;
    const parents = column.parents.length;
    if (parents === 0) return;
    const entry = memory.find(parentKey(column));
    if (entry >= 0) {
      guesses[GUESS.sameParent] = memory.value(entry);
      guesses[GUESS.parentMean] = Math.round(memory.mean(entry));
    }
    if (parents < 2) return;
    const both = memory.find(parentsKey(column));
    guesses[GUESS.sameParents] = both >= 0 ? memory.value(both) : guesses[GUESS.sameParent]!;
    const second = memory.find(secondKey(column));
    if (second >= 0) guesses[GUESS.sameSecond] = memory.value(second);
  }

  #fromOthers(column: Column): void {
    const { guesses } = this;
    const { last, recursive, plan } = column;
    const { features } = recursive;
    const scale = scaleOf(column);
    features[0] = (last - column.beforeLast) * scale;
    let n = 1;
    let compared = 0;
    for (const other of column.parents) {
      if (compared === 4) break;
      if (!isComparable(column, other)) continue;
      const value = other.current === NULL ? other.last : other.current;
      if (compared < 2) guesses[GUESS.other + compared] = value;
      if (compared === 0) guesses[GUESS.otherStep] = last + value - other.lastOfRow;
      if (compared === 1) guesses[GUESS.others] = Math.round((guesses[GUESS.other]! + value) / 2);
      features[n++] = (value - last) * scale;
      features[n++] = (other.lastOfRow - last) * scale;
      compared++;
    }
    features[n++] = (guesses[GUESS.sameParent]! - last) * scale;
    this.compared = compared;
    const step = recursive.predict(n) / scale;
    const span = plan.most - plan.least;
    guesses[GUESS.recursive] = last + Math.round(clamped(step, -span, span));
  }

  /** Takes in a cell that is known beforehand. */
  know(column: Column, value: number): void {
    column.previous = column.current;
    column.previousKey = column.key;
    column.current = value;
    column.key = value === NULL ? NULL_KEY : hashNumber(value);
    column.x = value === NULL ? -1 : value - column.plan.least;
    this.learn(column);
  }

  /** Takes in the cell, once it is coded. */
  learn(column: Column): void {
    const { current, parents, kind } = column;
    column.x3 = column.x2;
    column.x2 = column.x1;
    column.x1 = column.x;
    if (current === NULL) return;
    if (kind === 'number') column.recursive.learn((current - column.last) * scaleOf(column));
    const memory = this.#memory;
    if (parents.length > 0) memory.put(parentKey(column), current, column.x);
    if (parents.length > 1) {
      memory.put(parentsKey(column), current, column.x);
      memory.put(secondKey(column), current, column.x);
    }
    column.beforeLast = column.seen > 0 ? column.last : current;
    column.last = current;
    column.seen = 1;
  }
}

const scaleOf = ({ plan: { least, most } }: Column) => 1 / (1 + (most - least) * 0.001);
