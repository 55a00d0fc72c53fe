/**
 * Values of plain columns as they are stored: times as counts of their unit, so that none is rounded on its way.
 */
import { type Data, DataType, Vector } from 'apache-arrow';
import type { ColumnBuilder } from '../../sources/column-parts.js';
import { BoolBuilder, PlainBuilder, TextBuilder } from '../../sources/flat-builders.js';

export type RawValue = number | bigint | string | boolean;

/** Whether values of a type are read and written here. */
export const isRawType = (type: DataType): boolean =>
  DataType.isUtf8(type) || DataType.isBool(type) || isCounted(type);

const isCounted = (type: DataType) =>
  DataType.isInt(type) ||
  (DataType.isFloat(type) && type.precision > 0) ||
  DataType.isTimestamp(type) ||
  DataType.isDate(type);

/** Reads a column's values; null for a null. */
export function rawReader(column: Data): (row: number) => RawValue | null {
  const { values } = column as Data & { values: ArrayLike<number | bigint> };
  const vector = new Vector([column]);
  const read = isCounted(column.type) ? (row: number) => values[row]! : (row: number) => vector.get(row);
  return column.nullCount === 0 ? read : (row) => (column.getValid(row) ? read(row) : null);
}

/** A column of values as `rawReader` gives them. */
export function rawColumn(type: DataType, values: readonly (RawValue | null)[]): Data {
  const builder = builderOf(type);
  for (let row = 0; row < values.length; row++) builder.set(row, values[row]);
  return builder.finish(values.length);
}

function builderOf(type: DataType): ColumnBuilder {
  if (DataType.isUtf8(type)) return new TextBuilder(type);
  return DataType.isBool(type) ? new BoolBuilder(type) : new PlainBuilder(type);
}
