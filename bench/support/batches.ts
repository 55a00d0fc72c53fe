/**
 * Batches made from their position in the stream alone.
 */
import { Field, type RecordBatch, Schema } from 'apache-arrow';
import { arrowType, columnData, newBatch } from '../../src/columns.js';
import { i64 } from '../../src/layout.js';

const schema = new Schema([new Field('x', arrowType(i64()), false)]);

/** One column `x` with the numbers `from` … `from + rows − 1`. */
export function numbered(rows: number, from: number): RecordBatch {
  const values = BigInt64Array.from({ length: rows }, (_, i) => BigInt(from + i));
  return newBatch(schema, rows, [columnData(i64(), values, rows)]);
}
