/**
 * A stream of tables of one outline: each is told by fields (what its leaves become, the plan), then row by row, then
 * come the tables inside of it.
 *
 * What was learned goes on from table to table. The plan is made at the first rows and again when there are four times
 * as many. The encoder plans; the decoder is told.
 */
import { corruptInput, limitExceeded } from '../../../src/errors.js';
import { Column } from './column.js';
import type { Decisions } from './decisions.js';
import { DictionaryCoder, type SavedDictionary } from './dictionary-coder.js';
import { FieldReader, FieldWriter } from './fields.js';
import { LeafCoder } from './leaf-coder.js';
import type { Job } from './planner.js';
import type { RowCoder } from './row-coder.js';
import { makePlan, planFields, takePlan } from './row-plan.js';
import { sameBytes } from './symbol-table.js';
import { countRows, type Outline, type RowCount, type Table } from './table.js';
import { type Room, TextColumn } from './text-column.js';

const WHO = 'decompressBatches';
/** A new plan is made when there are so many times the rows of the last one, up to so many rows. */
const PLAN_AGAIN = 4;
const PLAN_ROWS_MOST = 20_000;
const MOST_FIELD_BYTES = 1 << 24;
const LENGTH_BYTES = 4;
/** Each leaf takes two numbers. */
const MOST_INDEX = 20_000;
/** A decoder that reads so many bytes behind the payload reads what is not there. */
const OVERRUN_MOST = 4;

/** What every table of a stream works with. */
export interface Shared {
  readonly decisions: Decisions;
  readonly rows: RowCoder;
  /** Columns are numbered through all tables. */
  nextIndex: number;
  /** The most cells of a batch, how many this one may still have, and room for its text. */
  readonly mostCells: number;
  readonly room: Room;
  cellsLeft: number;
}

export interface SavedTable {
  readonly specs: Uint8Array<ArrayBuffer>;
  readonly order: readonly number[];
  readonly plannedRows: number;
  readonly hasNewColumns: boolean;
  readonly rows: number;
  readonly leaves: readonly ReturnType<LeafCoder['save']>[];
  readonly dictionaries: readonly (SavedDictionary | undefined)[];
  readonly tables: readonly SavedTable[];
}

export class TableCoder {
  readonly #shared: Shared;
  readonly leaves: LeafCoder[];
  readonly tables: readonly { readonly coder: TableCoder; readonly rows: RowCount }[];
  /** Of leaves of indices, what they point into. */
  readonly dictionaries: readonly (DictionaryCoder | undefined)[];
  readonly #fieldColumn: Column;
  /** The fields of the table before, and the plan. */
  #specs = new Uint8Array(0);
  #order: number[] = [];
  #plannedRows = 0;
  /** Whether there are columns that the plan does not know. */
  #hasNewColumns = false;
  #rows = 0;

  constructor(outline: Outline, shared: Shared) {
    this.#shared = shared;
    this.#fieldColumn = new Column(shared.nextIndex++, 'text');
    this.leaves = outline.leaves.map((type) => {
      const leaf = new LeafCoder(type, shared.nextIndex);
      shared.nextIndex += 2;
      if (shared.nextIndex > MOST_INDEX) {
        throw limitExceeded(WHO, 'columns', MOST_INDEX / 2, 'Select fewer columns first.');
      }
      return leaf;
    });
    this.dictionaries = this.leaves.map((leaf) =>
      leaf.type.kind === 'index'
        ? new DictionaryCoder(leaf, this, new TableCoder(leaf.type.entries, shared), leaf.type.type)
        : undefined,
    );
    this.tables = outline.tables.map(({ outline: inner, rows }) => ({
      coder: new TableCoder(inner, shared),
      rows,
    }));
  }

  save(): SavedTable {
    return {
      specs: this.#specs,
      order: this.#order,
      plannedRows: this.#plannedRows,
      hasNewColumns: this.#hasNewColumns,
      rows: this.#rows,
      leaves: this.leaves.map((leaf) => leaf.save()),
      dictionaries: this.dictionaries.map((dictionary) => dictionary?.save()),
      tables: this.tables.map(({ coder }) => coder.save()),
    };
  }

  restore(state: SavedTable): void {
    this.#specs = state.specs;
    this.#order = [...state.order];
    this.#plannedRows = state.plannedRows;
    this.#hasNewColumns = state.hasNewColumns;
    this.#rows = state.rows;
    this.leaves.forEach((leaf, i) => {
      leaf.restore(state.leaves[i]!);
    });
    const columns = this.leaves.flatMap((leaf) => leaf.columns);
    const parents = state.leaves.flatMap((leaf) => leaf.columns.map((column) => column.parents));
    columns.forEach((column, i) => {
      column.parents = parents[i]!.map((index) => columns.find((other) => other.index === index)!);
    });
    this.dictionaries.forEach((dictionary, i) => {
      dictionary?.restore(state.dictionaries[i]!);
    });
    this.tables.forEach(({ coder }, i) => {
      coder.restore(state.tables[i]!);
    });
  }

  encode(table: Table): void {
    const { rows } = table;
    this.#takeRoom(rows);
    table.leaves.forEach((leaf, i) => {
      this.dictionaries[i]?.encode(leaf);
    });
    this.leaves.forEach((leaf, i) => {
      leaf.encode(table.leaves[i]!, rows);
    });
    const specs = new FieldWriter();
    const counts = new FieldWriter();
    for (const leaf of this.leaves) {
      leaf.put(specs);
      leaf.putCounts(counts);
    }
    const jobs = this.#jobs();
    this.#hasNewColumns ||= this.leaves.some((leaf) => leaf.isFresh);
    const plansAnew = this.#wantsPlan(rows);
    if (plansAnew) {
      this.#order = makePlan(jobs, rows);
      this.#plannedRows = this.#rows + rows;
      this.#hasNewColumns = false;
    }
    const isSame = sameBytes(specs.bytes, this.#specs);
    this.#specs = specs.bytes;
    const fields = new FieldWriter();
    fields.put((isSame ? 0 : 1) + (plansAnew ? 2 : 0));
    this.putFields(fields.bytes);
    if (!isSame) this.putFields(specs.bytes);
    if (counts.bytes.length > 0) this.putFields(counts.bytes);
    if (plansAnew) this.putFields(planFields(jobs, this.#order));
    this.#codeRows(jobs, rows);
    for (const leaf of this.leaves) leaf.learnSymbols();
    this.dictionaries.forEach((dictionary, i) => {
      if (dictionary) table.leaves[i]!.told = dictionary.told;
    });
    this.tables.forEach(({ coder }, t) => {
      coder.encode(table.tables[t]!);
    });
  }

  /** A table of so many rows. */
  decode(rows: number): Table {
    this.#takeRoom(rows);
    for (const dictionary of this.dictionaries) dictionary?.decode();
    const flags = this.takeFields().take(3);
    if (flags & 1) {
      const specs = this.takeFields();
      for (const leaf of this.leaves) leaf.take(specs);
    } else if (!this.#isTold()) throw corruptInput(WHO, 'fields of the first batch', 'fields', 'none');
    const hasCounts = this.leaves.some((leaf) => leaf.hasTextSymbols);
    const counts = hasCounts ? this.takeFields() : new FieldReader(new Uint8Array(0));
    for (const leaf of this.leaves) leaf.prepare(counts, rows, this.#shared.room);
    const jobs = this.#jobs();
    if (flags & 2) this.#order = takePlan(jobs, this.takeFields());
    else if (this.#order.length !== jobs.length && rows > 0) {
      throw corruptInput(WHO, 'plan of a batch', `one of ${jobs.length} columns`, `${this.#order.length}`);
    }
    this.#codeRows(jobs, rows);
    const leaves = this.leaves.map((leaf) => leaf.decoded(rows));
    this.dictionaries.forEach((dictionary, i) => {
      dictionary?.decoded();
      leaves[i]!.vector = dictionary?.vector;
      leaves[i]!.told = dictionary?.told;
    });
    const tables = this.tables.map(({ coder, rows: count }) => {
      const inner = countRows(count, leaves, rows);
      if (!(inner >= 0)) throw corruptInput(WHO, 'elements of lists', 'none or more', `${inner}`);
      return coder.decode(inner);
    });
    return { rows, leaves, tables };
  }

  #isTold(): boolean {
    return this.leaves.every((leaf) => leaf.columns.length > 0);
  }

  #takeRoom(rows: number): void {
    const cells = rows * Math.max(1, this.leaves.length);
    if (!(cells <= this.#shared.cellsLeft)) {
      throw limitExceeded(
        WHO,
        'cells of a batch',
        this.#shared.mostCells,
        'Raise maxBatchCells for such batches.',
      );
    }
    this.#shared.cellsLeft -= cells;
  }

  #jobs(): Job[] {
    return this.leaves.flatMap(({ columns, cells }) =>
      columns.map((column, c) => ({ column, cells: cells[c]! })),
    );
  }

  #wantsPlan(rows: number): boolean {
    if (rows === 0) return false;
    const isFresh = this.#hasNewColumns;
    const isDue = this.#plannedRows < PLAN_ROWS_MOST && this.#rows + rows >= PLAN_AGAIN * this.#plannedRows;
    return isFresh || isDue || this.#order.length === 0;
  }

  #codeRows(jobs: readonly Job[], rows: number): void {
    const { decisions, rows: coder } = this.#shared;
    const ordered = this.#order.map((c) => jobs[c]!);
    const columns = ordered.map(({ column }) => column);
    for (let row = 0; row < rows; row++) {
      for (let c = 0; c < ordered.length; c++) coder.code(columns[c]!, ordered[c]!.cells, row);
      for (let c = 0; c < columns.length; c++) columns[c]!.endRow();
      if (decisions.isDecoding && decisions.overrun > OVERRUN_MOST) throw ended();
    }
    this.#rows += rows;
  }

  /** Tells something before the rows. */
  putFields(bytes: Uint8Array<ArrayBuffer>): void {
    const { rows } = this.#shared;
    const length = new FieldWriter();
    length.put(bytes.length);
    for (const byte of length.bytes) rows.texts.code(this.#fieldColumn, textOf(Uint8Array.of(byte)), true, 1);
    rows.texts.code(this.#fieldColumn, textOf(bytes), true, bytes.length);
  }

  takeFields(): FieldReader {
    const { rows, decisions } = this.#shared;
    const length: number[] = [];
    do {
      const byte = new TextColumn();
      rows.texts.code(this.#fieldColumn, byte, false, 1);
      length.push(byte.at(0)[0]!);
    } while (length.at(-1)! >= 128 && length.length < LENGTH_BYTES);
    const bytes = new FieldReader(Uint8Array.from(length)).take(MOST_FIELD_BYTES);
    if (decisions.overrun > OVERRUN_MOST) throw ended();
    const text = new TextColumn();
    rows.texts.code(this.#fieldColumn, text, false, bytes);
    return new FieldReader(text.at(0));
  }
}

const ended = () =>
  corruptInput(WHO, 'payload of a batch', 'as many decisions as it has rows', 'its end before');

const textOf = (bytes: Uint8Array<ArrayBuffer>) => new TextColumn(bytes, Float64Array.of(0, bytes.length), 1);
