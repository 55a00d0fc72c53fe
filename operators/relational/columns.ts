/**
 * Columns of a batch by name, and batches with other columns.
 */
import { type Data, type Field, type RecordBatch, Schema } from 'apache-arrow';
import { newBatch } from '../../src/columns.js';
import { columnMissing, columnType, optionRange } from '../../src/errors.js';
import { text } from '../../src/options.js';

/** The place of a column. Throws COLUMN_MISSING. */
export function columnIndex(who: string, { schema }: RecordBatch, name: string): number {
  const index = schema.fields.findIndex((field) => field.name === name);
  if (index < 0) throw columnMissing(who, name, name, schema.names.map(String));
  return index;
}

/** A column by name. Throws COLUMN_MISSING. */
export const columnOf = (who: string, batch: RecordBatch, name: string): Data =>
  batch.data.children[columnIndex(who, batch, name)]!;

/** A batch of the same rows and metadata with other columns. Throws COLUMN_TYPE where two have one name. */
export function withColumns(
  who: string,
  batch: RecordBatch,
  fields: readonly Field[],
  children: readonly Data[],
  numRows = batch.numRows,
): RecordBatch {
  const names = fields.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) {
    throw columnType(who, twice, 'a name of its own for each column', 'a name that another column has');
  }
  return newBatch(new Schema([...fields], batch.schema.metadata), numRows, children);
}

/** Checks an option that lists different column names. */
export function names(option: Readonly<Record<string, unknown>>): readonly string[] {
  const [name, value] = Object.entries(option)[0]!;
  if (!Array.isArray(value) || value.length === 0)
    throw optionRange('', name, 'a list of column names', value);
  for (const one of value) text({ [name]: one });
  if (new Set(value).size < value.length) throw optionRange('', name, 'each column once', value);
  return [...value];
}

/** Checks an option that says something of columns by name. */
export function byName<T>(
  option: Readonly<Record<string, unknown>>,
  check: (value: unknown, column: string) => T,
): Readonly<Record<string, T>> {
  const [name, value] = Object.entries(option)[0]!;
  const isRecord = value !== null && typeof value === 'object' && !Array.isArray(value);
  if (!isRecord || Object.keys(value).length === 0) {
    throw optionRange('', name, 'an object with a column name for each key', value);
  }
  return Object.fromEntries(Object.entries(value).map(([column, one]) => [column, check(one, column)]));
}
