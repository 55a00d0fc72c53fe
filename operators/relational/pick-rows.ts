/**
 * Some of a batch's rows, in order.
 *
 * The columns that come out have the same types whatever was picked: dictionaries stay at the top of a column and are resolved
 * inside of it, views become Utf8 and Binary.
 */
import { Data, DataType, type RecordBatch, Schema } from 'apache-arrow';
import { gather } from '../../sources/gather.js';
import { pickNulls } from '../../sources/picks.js';
import { isPlain } from '../../sources/plain-column.js';
import { newBatch } from '../../src/columns.js';

/** The rows whose numbers are listed; a batch of stable columns that is picked whole is handed back as it is. */
export function pickRows(batch: RecordBatch, rows: Int32Array): RecordBatch {
  const { fields, metadata } = batch.schema;
  const isWhole = rows.length === batch.numRows;
  if (isWhole && fields.every(({ type }) => isStable(type))) return batch;
  const picks = { part: undefined, row: rows };
  const children = batch.data.children.map((column) => {
    if (isWhole && isStable(column.type)) return column;
    return DataType.isDictionary(column.type) ? pickIndices(column, rows) : gather([column], picks);
  });
  const picked = fields.map((field, c) => field.clone({ type: children[c]!.type }));
  return newBatch(new Schema(picked, metadata), rows.length, children);
}

/** The dictionary stays as it is. */
function pickIndices(column: Data, rows: Int32Array): Data {
  const { nullCount, bitmap } = pickNulls([column], { part: undefined, row: rows });
  const all = column.values as Int32Array;
  const indices = new (all.constructor as Int32ArrayConstructor)(rows.length);
  for (let i = 0; i < rows.length; i++) indices[i] = all[rows[i]!]!;
  const buffers = [undefined, indices, bitmap];
  return new Data(column.type, 0, rows.length, nullCount, buffers as never, [], column.dictionary);
}

const isStable = (type: DataType): boolean => isPlain(type) || DataType.isDictionary(type);
