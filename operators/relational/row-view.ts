/**
 * A batch's rows as objects, without one for each.
 */
import { type RecordBatch, Vector } from 'apache-arrow';

type Row = Readonly<Record<string, unknown>>;

/** `at(row)` gives the same object each time, whose properties are then that row's values. */
export function rowView(batch: RecordBatch): { at(row: number): Row } {
  let current = 0;
  const view: Record<string, unknown> = {};
  for (const [c, { name }] of batch.schema.fields.entries()) {
    const column = new Vector([batch.data.children[c]!]);
    Object.defineProperty(view, name, { enumerable: true, get: () => column.get(current) });
  }
  return {
    at(row) {
      current = row;
      return view;
    },
  };
}
