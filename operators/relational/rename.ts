/**
 * Rename: gives columns other names, in place.
 *
 * In      any columns
 * Out     the same, those of `columns` under their new names. No value is copied
 * State   none
 * Cost    O(columns) a batch
 * Error   COLUMN_MISSING for a name that the batch lacks, COLUMN_TYPE for a name that two columns would have
 * Nulls   kept
 * Differs no known difference; names can be swapped
 * Source  Codd, A Relational Model of Data for Large Shared Data Banks, 1970
 */
import { batchByBatch, defineBatchOperator } from '../../src/batch-operator.js';
import { text } from '../../src/options.js';
import { byName, columnIndex, withColumns } from './columns.js';

export interface RenameOptions {
  /** The new name of each column, by the name that it has. */
  readonly columns: Readonly<Record<string, string>>;
}

/** Gives columns other names. Errors: OPTION_RANGE at the call, COLUMN_MISSING and COLUMN_TYPE at the first batch. */
export const rename = defineBatchOperator<RenameOptions>({
  name: 'rename',
  version: 1,
  summary: 'gives columns other names',
  options: { columns: 'the new name of each column, by the name that it has' },
  check: ({ columns }) => ({ columns: byName({ columns }, (to, from) => text({ [`columns.${from}`]: to })) }),
  open({ columns }) {
    return batchByBatch((batch) => {
      for (const from of Object.keys(columns)) columnIndex('rename', batch, from);
      const fields = batch.schema.fields.map((field) =>
        Object.hasOwn(columns, field.name) ? field.clone({ name: columns[field.name]! }) : field,
      );
      return withColumns('rename', batch, fields, batch.data.children);
    });
  },
  examples: [{ columns: { amount: 'price' } }, { columns: { amount: 'name', name: 'amount' } }],
});
