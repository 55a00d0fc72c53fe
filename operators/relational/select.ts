/**
 * Select: keeps the columns that are named, in that order, or all but those that are.
 *
 * In      any columns
 * Out     those of `columns`, in its order; or all but those of `drop`, in theirs. No value is copied
 * State   none
 * Cost    O(columns) a batch
 * Error   COLUMN_MISSING for a name that the batch lacks
 * Nulls   kept
 * Differs no known difference from SQL's select of plain columns
 * Source  Codd, A Relational Model of Data for Large Shared Data Banks, 1970
 */
import { batchByBatch, defineBatchOperator } from '../../src/batch-operator.js';
import { optionRange } from '../../src/errors.js';
import { columnIndex, names, withColumns } from './columns.js';

/** Exactly one of the two. */
export interface SelectOptions {
  /** The columns to keep, in this order. */
  readonly columns?: readonly string[];
  /** The columns to leave out. */
  readonly drop?: readonly string[];
}

/** Keeps some of the columns. Errors: OPTION_RANGE at the call, COLUMN_MISSING at the first batch. */
export const select = defineBatchOperator<SelectOptions>({
  name: 'select',
  version: 1,
  summary: 'keeps the columns that are named, or all but those',
  options: { columns: 'the columns to keep, in this order', drop: 'instead: the columns to leave out' },
  check({ columns, drop }) {
    if ((columns === undefined) === (drop === undefined)) {
      throw optionRange('', 'columns or drop', 'exactly one of them', { columns, drop });
    }
    return columns === undefined ? { drop: names({ drop }) } : { columns: names({ columns }) };
  },
  open: ({ columns, drop }) =>
    batchByBatch((batch) => {
      const { fields } = batch.schema;
      const dropped = drop?.map((name) => columnIndex('select', batch, name));
      const kept = dropped
        ? fields.map((_, i) => i).filter((i) => !dropped.includes(i))
        : columns!.map((name) => columnIndex('select', batch, name));
      const children = kept.map((i) => batch.data.children[i]!);
      return withColumns(
        'select',
        batch,
        kept.map((i) => fields[i]!),
        children,
      );
    }),
  examples: [{ columns: ['amount', 'at'] }, { drop: ['name'] }],
});
