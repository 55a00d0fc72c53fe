/**
 * Rows as JSON objects: every column is a key, a null is `null`.
 */
import type { RecordBatch } from 'apache-arrow';
import { cellJson } from './cell-text.js';
import { compact } from './compact-data.js';

/** Reads the rows of a batch as JSON, without those columns. */
export function jsonObjects(
  { schema, data }: RecordBatch,
  without: ReadonlySet<string> = new Set(),
): (row: number) => string {
  const columns = schema.fields.flatMap(({ name }, c) => {
    if (without.has(name)) return [];
    const key = JSON.stringify(name);
    const read = cellJson(compact(data.children[c]!));
    return [(row: number) => `${key}:${read(row)}`];
  });
  return (row) => `{${columns.map((column) => column(row)).join(',')}}`;
}
