/**
 * Makes record batches of rows of cells.
 */
import type { RecordBatch } from 'apache-arrow';
import { newBatch } from '../src/columns.js';
import { shown } from '../src/errors.js';
import { type CellReader, cellReader, jsonText, UNFIT } from './cell-values.js';
import { columnBuilder } from './column-builder.js';
import type { ColumnBuilder } from './column-parts.js';
import { type Column, schemaOf } from './column-type.js';

/** Why a row cannot be taken. */
export class Flaw {
  readonly column: string | null;
  readonly reason: string;

  constructor(column: string | null, reason: string) {
    this.column = column;
    this.reason = reason;
  }
}

export class ColumnsFromRows {
  readonly columns: readonly Column[];
  readonly #schema;
  readonly #readers: CellReader[];
  #builders: ColumnBuilder[];
  #rows = 0;

  constructor(columns: readonly Column[]) {
    this.columns = columns;
    this.#schema = schemaOf(columns);
    this.#readers = columns.map(({ type }) => cellReader(type));
    this.#builders = columns.map(({ type }) => columnBuilder(type));
  }

  /** Rows taken since the last batch. */
  get rows(): number {
    return this.#rows;
  }

  /** Takes one row, a cell a column; null is a null. A row with a flaw is not taken. */
  take(cells: readonly unknown[]): Flaw | undefined {
    for (let c = 0; c < this.columns.length; c++) {
      const cell = cells[c] ?? null;
      const value = cell === null ? null : this.#readers[c]!(cell);
      if (value === UNFIT) return flawOf(this.columns[c]!, cell);
      this.#builders[c]!.set(this.#rows, value);
    }
    this.#rows++;
    return undefined;
  }

  /** The rows taken since the last batch. */
  batch(): RecordBatch {
    const rows = this.#rows;
    const children = this.#builders.map((builder) => builder.finish(rows));
    this.#builders = this.columns.map(({ type }) => columnBuilder(type));
    this.#rows = 0;
    return newBatch(this.#schema, rows, children);
  }
}

const flawOf = ({ name, type }: Column, cell: unknown): Flaw =>
  new Flaw(
    name,
    `expected ${type}, got ${typeof cell === 'string' ? shown(cell) : jsonText(cell).slice(0, 60)}`,
  );
