/**
 * Unstack: takes a vector a row apart into columns.
 *
 *   as_i(t) = column(t)[i]
 *
 * In      column  FixedSizeList[n] of anything
 * Out     as_1 … as_n, of the vector's elements' type, behind the columns of the input; the vector stays
 * State   none
 * Cost    O(n) a row
 * Error   COLUMN_MISSING, COLUMN_TYPE for what is no vector, COLUMN_WIDTH where `as` names more or fewer than n
 * Nulls   kept; a vector that is null gives nulls
 * Differs no known difference; it undoes `stack`
 * Source  the inverse of `stack`
 */
import { DataType, Field } from 'apache-arrow';
import { gather } from '../../sources/gather.js';
import { batchByBatch, defineBatchOperator } from '../../src/batch-operator.js';
import { columnType, columnWidth } from '../../src/errors.js';
import { text } from '../../src/options.js';
import { columnOf, names, withColumns } from './columns.js';

export interface UnstackOptions {
  /** The column of vectors. */
  readonly column: string;
  /** The names of its elements' columns, as many as the vector is long. */
  readonly as: readonly string[];
}

/** Takes vectors apart. Errors: OPTION_RANGE at the call; COLUMN_MISSING, COLUMN_TYPE, COLUMN_WIDTH at the first batch. */
export const unstack = defineBatchOperator<UnstackOptions>({
  name: 'unstack',
  version: 1,
  summary: 'takes a vector a row apart into columns',
  options: { column: 'the column of vectors', as: "the names of its elements' columns" },
  check: ({ column, as }) => ({ column: text({ column }), as: names({ as }) }),
  open: ({ column: name, as }) =>
    batchByBatch((batch) => {
      const column = columnOf('unstack', batch, name);
      const { type } = column;
      if (!DataType.isFixedSizeList(type)) throw columnType('unstack', name, 'FixedSizeList', String(type));
      if (type.listSize !== as.length) throw columnWidth('unstack', name, as.length, type.listSize);
      const parts = as.map((_, i) => {
        const row = Int32Array.from({ length: batch.numRows }, (_row, t) =>
          column.getValid(t) ? t * type.listSize + i : -1,
        );
        return gather([column.children[0]!], { part: undefined, row });
      });
      const fields = parts.map((part, i) => new Field(as[i]!, part.type, true));
      return withColumns(
        'unstack',
        batch,
        [...batch.schema.fields, ...fields],
        [...batch.data.children, ...parts],
      );
    }),
  examples: [{ column: 'pair', as: ['first', 'second'] }],
});
