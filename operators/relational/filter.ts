/**
 * Filter: keeps the rows for which a condition holds.
 *
 * In      any columns; those of the condition plain or dictionaries of plain values
 * Out     the same columns, the rows that are kept in order; a batch for each batch, perhaps of no rows
 * State   none
 * Cost    O(rows) a batch; a dictionary's entries are looked at once
 * Error   COLUMN_MISSING, COLUMN_TYPE where a column does not compare with its value
 * Nulls   a comparison with null is unknown, as in SQL; unknown rows are not kept
 * Differs from SQL in NaN, which compares as in IEEE 754: `!=` alone holds
 * Source  Codd, A Relational Model of Data for Large Shared Data Banks, 1970
 */
import type { RecordBatch } from 'apache-arrow';
import { batchByBatch, defineBatchOperator } from '../../src/batch-operator.js';
import { type Condition, condition } from './condition.js';
import { pickRows } from './pick-rows.js';
import { TRUE, testRows } from './row-tests.js';
import { rowView } from './row-view.js';

/** A row by column name, as Arrow's vectors give values. It is one object for all rows: keep its values, not it. */
export type RowView = Readonly<Record<string, unknown>>;

export interface FilterOptions {
  /** The rows to keep: a condition, or in TypeScript a function of a row, which must depend on the row alone. */
  readonly where: Condition | ((row: RowView) => boolean);
}

/** Keeps the rows for which a condition holds. Errors: OPTION_RANGE at the call, COLUMN_MISSING and COLUMN_TYPE later. */
export const filter = defineBatchOperator<FilterOptions>({
  name: 'filter',
  version: 1,
  summary: 'keeps the rows for which a condition holds',
  options: { where: "a condition such as { column: 'fare', op: '>=', value: 10 }" },
  check: ({ where }) => ({ where: typeof where === 'function' ? where : condition('where', where) }),
  open: ({ where }) => batchByBatch((batch) => pickRows(batch, rowsWhere('filter', batch, where))),
  examples: [
    { where: { column: 'amount', op: '>=', value: 0.5 } },
    { where: { or: [{ column: 'name', in: ['a', 'b'] }, { not: { column: 'amount', isNull: false } }] } },
  ],
});

/** The numbers of the rows for which a condition holds. */
export function rowsWhere(who: string, batch: RecordBatch, where: FilterOptions['where']): Int32Array {
  const rows = new Int32Array(batch.numRows);
  let count = 0;
  if (typeof where === 'function') {
    const view = rowView(batch);
    for (let row = 0; row < batch.numRows; row++) if (where(view.at(row))) rows[count++] = row;
  } else {
    const truths = testRows(who, batch, where);
    for (let row = 0; row < batch.numRows; row++) if (truths[row] === TRUE) rows[count++] = row;
  }
  return rows.subarray(0, count);
}
