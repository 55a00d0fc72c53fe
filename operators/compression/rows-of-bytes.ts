/**
 * Byte strings as the rows of one column.
 */
import { Field, type RecordBatch, Schema } from 'apache-arrow';
import { arrowType, columnData, newBatch } from '../../src/columns.js';
import { binary, type Varying } from '../../src/row-types.js';

/** A batch of one column of bytes. */
export function rowsAsBatch(name: string, rows: readonly Uint8Array[]): RecordBatch {
  const schema = new Schema([new Field(name, arrowType(binary()), false)]);
  return newBatch(schema, rows.length, [columnData(binary(), joinRows(rows), rows.length)]);
}

export function joinRows(rows: readonly Uint8Array[]): Varying {
  const offsets = new Int32Array(rows.length + 1);
  for (const [row, { length }] of rows.entries()) offsets[row + 1] = offsets[row]! + length;
  const values = new Uint8Array(offsets[rows.length]!);
  for (const [row, bytes] of rows.entries()) values.set(bytes, offsets[row]);
  return { offsets, values };
}
