/**
 * Batches as INSERT statements of many rows each.
 *
 * Rather than LOAD DATA LOCAL, which servers refuse by default, and which takes a value that does not fit as another with a
 * warning, and passes over a row that breaks a unique index.
 */
import type { RecordBatch } from 'apache-arrow';
import { compact } from './compact-data.js';
import { mysqlLiterals } from './mysql-values.js';

/** Characters of a statement; a row that is longer is one by itself. Servers take 16 MiB or more by default. */
const STATEMENT_CHARACTERS = 1 << 20;

/** The statements for a batch: `head`, rows of literals, `tail`. */
export function* insertStatements(
  who: string,
  batch: RecordBatch,
  head: string,
  tail: string,
): Generator<string> {
  const readers = batch.data.children.map((data, c) =>
    mysqlLiterals(who, String(batch.schema.fields[c]!.name), compact(data)),
  );
  let rows = '';
  for (let row = 0; row < batch.numRows; row++) {
    let values = rows === '' ? '(' : ',\n(';
    for (let c = 0; c < readers.length; c++) values += (c === 0 ? '' : ',') + readers[c]!(row);
    rows += `${values})`;
    if (rows.length >= STATEMENT_CHARACTERS) {
      yield `${head}${rows}${tail}`;
      rows = '';
    }
  }
  if (rows !== '') yield `${head}${rows}${tail}`;
}
