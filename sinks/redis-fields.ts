/**
 * Rows as fields of Redis entries: a column is a field, its value is text; a null is left out.
 */
import type { RecordBatch } from 'apache-arrow';
import { nullRefused } from '../src/errors.js';
import { cellTexts } from './cell-text.js';
import { compact } from './compact-data.js';

/** Names and values by turns, for each row. A row of nothing but nulls has no entry: NOT_FINITE. */
export function entryFields(who: string, batch: RecordBatch): string[][] {
  const columns = batch.schema.names.map(
    (name, c) => [String(name), cellTexts(compact(batch.data.children[c]!))] as const,
  );
  return Array.from({ length: batch.numRows }, (_, row) => {
    const fields = columns.flatMap(([name, read]) => {
      const value = read(row);
      return value === null ? [] : [name, value];
    });
    if (fields.length === 0) throw nullRefused(who, '*', row);
    return fields;
  });
}
