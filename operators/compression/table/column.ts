/**
 * A column as the model sees it: numbers, symbols or text, one cell a row, and what is known of its past.
 */
import { WIDTHS } from './distribution.js';
import type { NumberPlan } from './plan.js';
import { Recursive } from './recursive.js';
import type { TextColumn } from './text-column.js';

/** A cell that holds no value. */
export const NULL = -(2 ** 60);
export const NULL_KEY = 0x7fffff11;
/** What a flag says of a cell. */
export const FLAG = { value: 0, null: 1, escaped: 2 } as const;

/** The cells of a batch. Numbers are integers within ±2^52; symbols count from 0. */
export interface Cells {
  /** By row, FLAG; absent where every cell holds a value. */
  flags: Uint8Array | undefined;
  /** Numbers or symbols by row; of text, what was computed of it. */
  values: Float64Array;
  /** The text by row; of numbers, those that are escaped. */
  text: TextColumn | undefined;
  symbols: Symbols | undefined;
}

/** What symbols there are: numbered in order of their first appearance. */
export interface Symbols {
  /** How many there are at most, and the bits of the largest. */
  readonly most: number;
  readonly bits: number;
  /** The text of symbols that are new in this batch, where it is not told otherwise. */
  readonly text?: TextColumn;
  /** Where cells are places in a list that is known: which of them have appeared. */
  readonly places?: Places;
}

/** Symbols that stand for places in a list. */
export class Places {
  /** By place the symbol, −1 for none; by symbol the place. */
  readonly symbols: Int32Array;
  readonly places: Int32Array;
  #next = 0;

  constructor(length: number, before?: Places) {
    this.symbols = new Int32Array(length).fill(-1);
    this.places = new Int32Array(length);
    if (before === undefined) return;
    this.symbols.set(before.symbols);
    this.places.set(before.places);
    this.#next = before.#next;
  }

  save() {
    return { symbols: this.symbols, places: this.places, next: this.#next };
  }

  static restored({ symbols, places, next }: ReturnType<Places['save']>): Places {
    const restored = new Places(symbols.length);
    restored.symbols.set(symbols);
    restored.places.set(places);
    restored.#next = next;
    return restored;
  }

  /** The first place that has not appeared. */
  get next(): number {
    while (this.#next < this.symbols.length && this.symbols[this.#next]! >= 0) this.#next++;
    return this.#next;
  }

  appear(place: number, symbol: number): void {
    this.symbols[place] = symbol;
    this.places[symbol] = place;
  }
}

export type ColumnKind = 'number' | 'symbol' | 'text';

/** What a column remembers from row to row and from batch to batch. */
export class Column {
  readonly index: number;
  readonly kind: ColumnKind;
  /** Numbers that share a unit can be compared; 0 counts things. */
  unit = 0;
  plan: NumberPlan = { coder: 'tree', base: 0, least: 0, most: 0, bits: 0 };
  /** Earlier columns of the row, the most informative first. */
  parents: Column[] = [];
  hasFlags = false;
  /** The cell of this row and of the row before, NULL where there is no value. */
  current = NULL;
  previous = NULL;
  /** Hashes of these two. */
  key = 0;
  previousKey = 0;
  /** The coded integers of the last three rows, the newest first, and of this one; a null is −1. */
  x = 0;
  x1 = 0;
  x2 = 0;
  x3 = 0;
  /** The last two values that were not null, and the last one as of the end of the row before. */
  last = 0;
  beforeLast = 0;
  lastOfRow = 0;
  seen = 0;
  /** Decayed means of the size of what was coded. */
  fastSize = 0;
  slowSize = 0;
  /** How far the number is from what was expected. */
  surprise = 0;
  /** Decayed means of how wrong guesses were. */
  readonly errors = new Float64Array(WIDTHS);
  /** Symbols that have appeared. */
  symbols = 0;
  readonly recursive = new Recursive();

  constructor(index: number, kind: ColumnKind) {
    this.index = index;
    this.kind = kind;
  }

  /** All but the parents, which the table knows. */
  save() {
    const { parents, recursive, ...own } = this;
    return { ...own, parents: parents.map(({ index }) => index), recursive: recursive.save() };
  }

  /** A column as it was saved, its parents still to be set. */
  static restored({ parents, recursive, ...own }: ReturnType<Column['save']>): Column {
    const { errors, ...rest } = own;
    const column = Object.assign(new Column(own.index, own.kind), rest);
    column.errors.set(errors);
    column.recursive.restore(recursive);
    return column;
  }

  /** The row is over. */
  endRow(): void {
    this.lastOfRow = this.last;
  }
}
