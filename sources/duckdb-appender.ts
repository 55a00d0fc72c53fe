/**
 * Record batches as rows of a DuckDB table, chunk by chunk.
 */
import type { DuckDBAppender, DuckDBType } from '@duckdb/node-api';
import type { RecordBatch, Schema } from 'apache-arrow';
import type { Duckdb } from './duckdb.js';
import { duckdbTypeOf } from './duckdb-types.js';
import { writeVector } from './duckdb-writing.js';
import { plainColumn } from './plain-column.js';

const CHUNK_ROWS = 2048;

/** The DuckDB type of each column of a schema. Throws COLUMN_TYPE for a column that DuckDB cannot hold. */
export const duckdbTypesOf = (duckdb: Duckdb, who: string, schema: Schema): DuckDBType[] =>
  schema.fields.map(({ name, type }) => duckdbTypeOf(duckdb, who, name, type));

/** A name as SQL quotes it. */
export const quotedName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** The columns of a schema as `create table` lists them. Throws COLUMN_TYPE for a column that DuckDB cannot hold. */
export const duckdbColumns = (duckdb: Duckdb, who: string, schema: Schema): string =>
  duckdbTypesOf(duckdb, who, schema)
    .map((type, c) => `${quotedName(schema.fields[c]!.name)} ${type}`)
    .join(', ');

/**
 * Appends a batch's rows to a table made with `duckdbColumns`. Throws CORRUPT_INPUT for a value that its type in DuckDB cannot
 * hold, such as nanoseconds in a timestamp with a zone; then nothing of its chunk of 2048 rows is appended.
 */
export function appendBatch(duckdb: Duckdb, who: string, appender: DuckDBAppender, batch: RecordBatch): void {
  const { fields } = batch.schema;
  const types = duckdbTypesOf(duckdb, who, batch.schema);
  const columns = batch.data.children.map(plainColumn);
  for (let from = 0; from < batch.numRows; from += CHUNK_ROWS) {
    const rows = Math.min(CHUNK_ROWS, batch.numRows - from);
    const chunk = duckdb.DuckDBDataChunk.create(types, rows);
    for (let c = 0; c < types.length; c++) {
      const vector = duckdb.bindings.data_chunk_get_vector(chunk.chunk, c);
      writeVector({ duckdb, who, name: fields[c]!.name }, vector, types[c]!, columns[c]!, from, rows);
    }
    appender.appendDataChunk(chunk);
  }
}
