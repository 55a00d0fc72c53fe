/**
 * Batches from typed arrays and back, for functions of a batch: derive columns, choose columns, compute with numbers.
 */
import { DataType, Field, type RecordBatch, Schema } from 'apache-arrow';
import { columnData, newBatch } from './columns.js';
import { columnMissing, columnType, columnWidth } from './errors.js';
import { type AnyArray, isArrayOf } from './layout.js';
import { idTypeOf } from './output-columns.js';
import { type ColumnView, isArrayType, type RowType } from './row-types.js';

/** Any column of numbers as float64, a null as NaN: what a function of a batch computes with. */
export function numbersOf(batch: RecordBatch, name: string): Float64Array {
  const column = batch.getChild(name);
  if (column === null) throw columnMissing('numbersOf', 'the values', name, batch.schema.names.map(String));
  const { type } = column;
  if (!DataType.isInt(type) && !DataType.isFloat(type))
    throw columnType('numbersOf', name, 'numbers', String(type));
  const numbers = Float64Array.from(column.toArray() as ArrayLike<number>, Number);
  if (column.nullCount > 0) {
    for (let row = 0; row < numbers.length; row++) if (!column.isValid(row)) numbers[row] = Number.NaN;
  }
  return numbers;
}

/** A new column: what it holds a row, and the values of all rows one behind the other (rows that vary: with offsets). */
export interface NewColumn {
  readonly type: RowType;
  readonly values: ColumnView;
}

/** The batch with further columns; one of a name that is there already takes its place. */
export function withColumns(batch: RecordBatch, columns: Readonly<Record<string, NewColumn>>): RecordBatch {
  const added = fromColumns(columns, batch.numRows);
  const kept = batch.schema.fields.flatMap((field, i) => (field.name in columns ? [] : [i]));
  const fields = [...kept.map((i) => batch.schema.fields[i]!), ...added.schema.fields];
  const children = [...kept.map((i) => batch.data.children[i]!), ...added.data.children];
  return newBatch(new Schema(fields, batch.schema.metadata), batch.numRows, children);
}

/** The named columns of a batch, in that order, without a copy. (`RecordBatch.select` of apache-arrow 21 mixes them up.) */
export function selectColumns(batch: RecordBatch, names: readonly string[]): RecordBatch {
  const indexes = names.map((name) => {
    const index = batch.schema.fields.findIndex((field) => field.name === name);
    if (index < 0) throw columnMissing('selectColumns', 'selection', name, batch.schema.names.map(String));
    return index;
  });
  const fields = indexes.map((i) => batch.schema.fields[i]!);
  const children = indexes.map((i) => batch.data.children[i]!);
  return newBatch(new Schema(fields, batch.schema.metadata), batch.numRows, children);
}

/** A batch of typed arrays, without a copy. `numRows` follows from the first one where it is not given. */
export function fromColumns(columns: Readonly<Record<string, NewColumn>>, numRows?: number): RecordBatch {
  const entries = Object.entries(columns);
  const [first] = Object.values(columns);
  const rows = numRows ?? (first === undefined ? 0 : rowsOf(first));
  for (const [name, column] of entries) {
    const { type, values } = column;
    if (isArrayType(type) && !isArrayOf(type.dtype, values as AnyArray))
      throw columnType('fromColumns', name, type.dtype, values.constructor.name);
    if (rowsOf(column) !== rows) {
      const width = isArrayType(type) ? type.length : 1;
      throw columnWidth('fromColumns', name, width, (rowsOf(column) * width) / rows);
    }
  }
  const children = entries.map(([, { type, values }]) => columnData(type, values, rows, idTypeOf(values)));
  const fields = entries.map(([name], i) => new Field(name, children[i]!.type, false));
  return newBatch(new Schema(fields), rows, children);
}

function rowsOf({ type, values }: NewColumn): number {
  if (isArrayType(type)) return (values as AnyArray).length / type.length;
  return 'offsets' in values ? values.offsets.length - 1 : values.length;
}
