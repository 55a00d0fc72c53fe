/**
 * Rows of a database as record batches: each column knows its Arrow type and how a cell becomes a value of it.
 */
import { type DataType, Field, type RecordBatch, Schema } from 'apache-arrow';
import { newBatch } from '../src/columns.js';
import { corruptInput, optionRange, shown } from '../src/errors.js';
import { type CellReader, cellReader, UNFIT } from './cell-values.js';
import { arrowBuilder } from './column-builder.js';
import { arrowTypeOf, type ColumnType } from './column-type.js';

/** A column of a query's result. */
export interface SqlColumn {
  readonly name: string;
  readonly type: DataType;
  /** A cell, as the client gives it, as a value of the type; `UNFIT` where it is none. */
  readonly read: CellReader;
  /** How keys of this type are told apart; undefined where that is not exact, so that it cannot be a key. */
  readonly keys?: 'numbers' | 'texts' | 'texts without case';
}

/** How a decimal is read: exactly, as the nearest float64, or as text. */
export type NumericAs = 'decimal' | 'float64' | 'utf8';

/** A row, a cell a column; null is a null. */
export type SqlRow = readonly unknown[];

/**
 * The column with the type that option `schema` says. What it holds must be text, a number or an array of them: `plain`
 * makes that of a cell.
 */
export function retyped(column: SqlColumn, type: ColumnType, plain: CellReader): SqlColumn {
  const { name, keys } = column;
  const read = cellReader(type);
  return {
    name,
    type: arrowTypeOf(type),
    read: (cell) => {
      const value = plain(cell);
      return value === UNFIT ? UNFIT : read(value);
    },
    ...(keys && { keys: type === 'utf8' ? 'texts' : keys }),
  };
}

/** Refuses names in option `schema` that are not columns. */
export function refuseUnknown(
  who: string,
  schema: object,
  columns: readonly { readonly name: string }[],
): void {
  const names = columns.map(({ name }) => name);
  const unknown = Object.keys(schema).find((name) => !names.includes(name));
  if (unknown !== undefined) throw optionRange(who, 'schema', `columns of ${names.join(', ')}`, unknown);
}

export class SqlTable {
  readonly columns: readonly SqlColumn[];
  readonly #who: string;
  readonly #schema: Schema;

  constructor(who: string, columns: readonly SqlColumn[]) {
    this.#who = who;
    this.columns = columns;
    this.#schema = new Schema(columns.map(({ name, type }) => new Field(name, type, true)));
  }

  /** The rows as a batch. A cell that its column's type cannot hold is CORRUPT_INPUT. */
  batch(rows: readonly SqlRow[]): RecordBatch {
    const children = this.columns.map((column, c) => {
      const builder = arrowBuilder(column.type);
      for (let row = 0; row < rows.length; row++) {
        const cell = rows[row]![c] ?? null;
        const value = cell === null ? null : column.read(cell);
        if (value === UNFIT) throw this.#unfit(column, row, cell);
        builder.set(row, value);
      }
      return builder.finish(rows.length);
    });
    return newBatch(this.#schema, rows.length, children);
  }

  #unfit({ name, type }: SqlColumn, row: number, cell: unknown) {
    const what = `value of column '${name}' in row ${row} of the batch`;
    return corruptInput(this.#who, what, `${type}`, shown(cell), { column: name, row });
  }
}
