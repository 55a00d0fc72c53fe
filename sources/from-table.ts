/**
 * Rows that are in memory already: an Arrow table, or record batches.
 */
import { type RecordBatch, Table } from 'apache-arrow';
import { describeSchema, sameSchema } from '../src/columns.js';
import { optionRange, schemaChanged } from '../src/errors.js';
import { checked, integer } from '../src/options.js';
import type { Source } from '../src/source.js';
import { batchPosition, batchSlices, DEFAULT_BATCH_ROWS, onlyEmpty, refuseBeyond } from './batch-slices.js';
import { emptyBatch } from './empty-data.js';

export interface FromTableOptions {
  /** Most rows in a batch; larger ones are cut, without a copy. 1 … 2^31 − 1, default 65,536. */
  readonly batchRows?: number;
}

/**
 * The rows of a table or of batches of one schema. The position is the next batch and the row in it.
 */
export function fromTable(
  rows: Table | RecordBatch | readonly RecordBatch[],
  options: FromTableOptions = {},
): Source<'exactly once'> {
  const who = 'fromTable';
  const { batchRows } = checked(who, options, [], () => ({
    batchRows: integer({ batchRows: options.batchRows ?? DEFAULT_BATCH_ROWS }, 1, 2 ** 31 - 1),
  }));
  const batches = rows instanceof Table ? rows.batches : Array.isArray(rows) ? rows : [rows as RecordBatch];
  const schema = rows instanceof Table ? rows.schema : batches[0]?.schema;
  if (schema === undefined) throw optionRange(who, 'rows', 'a table or at least one batch', 'no batches');
  const stranger = batches.find((batch) => !sameSchema(batch.schema, schema));
  if (stranger !== undefined)
    throw schemaChanged(who, describeSchema(schema), describeSchema(stranger.schema));
  return {
    name: who,
    guarantee: 'exactly once',
    async *read(from, signal) {
      const start = batchPosition(who, from);
      refuseBeyond(who, start, batches.length);
      if (batches.length === 0 && start.batch === 0) yield onlyEmpty(emptyBatch(schema));
      for (let b = start.batch; b < batches.length; b++) {
        for (const sourced of batchSlices(
          who,
          batches[b]!,
          b,
          b === start.batch ? start.row : 0,
          batchRows,
        )) {
          signal.throwIfAborted();
          yield sourced;
        }
      }
    },
  };
}
