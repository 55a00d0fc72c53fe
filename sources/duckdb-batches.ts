/**
 * Results of DuckDB as record batches. No row becomes an object on the way.
 */
import type { DuckDBDataChunk, DuckDBResult } from '@duckdb/node-api';
import { Field, type RecordBatch, Schema } from 'apache-arrow';
import { newBatch } from '../src/columns.js';
import { concatBatches } from '../src/concat.js';
import type { Duckdb } from './duckdb.js';
import { arrowTypeOfDuckdb } from './duckdb-types.js';
import { readVector } from './duckdb-vectors.js';
import { emptyBatch } from './empty-data.js';

/**
 * The rows of a result in batches of `batchRows`, the last one shorter; a result without rows gives one batch of none.
 * Throws COLUMN_TYPE for a column that Arrow cannot hold, before the first batch.
 */
export async function* duckdbBatches(
  duckdb: Duckdb,
  who: string,
  result: DuckDBResult,
  batchRows: number,
): AsyncGenerator<RecordBatch, void, undefined> {
  const read = chunkReader(duckdb, who, result);
  let waiting: RecordBatch[] = [];
  let rows = 0;
  let isFirst = true;
  for (;;) {
    const chunk = await result.fetchChunk();
    const batch = chunk === null || chunk.rowCount === 0 ? undefined : read(chunk);
    for (let from = 0; batch !== undefined && from < batch.numRows; ) {
      const to = Math.min(batch.numRows, from + batchRows - rows);
      waiting.push(batch.slice(from, to));
      rows += to - from;
      from = to;
      if (rows < batchRows) continue;
      yield concatBatches(waiting);
      [waiting, rows, isFirst] = [[], 0, false];
    }
    if (batch === undefined) break;
  }
  if (rows > 0) yield concatBatches(waiting);
  else if (isFirst) yield emptyBatch(schemaOfResult(duckdb, who, result));
}

/** The schema that a result's batches have. Columns of one name are told apart as `a` and `a:1`. */
export function schemaOfResult(duckdb: Duckdb, who: string, result: DuckDBResult): Schema {
  const names = result.deduplicatedColumnNames();
  const types = result.columnTypes();
  return new Schema(
    names.map((name, c) => new Field(name, arrowTypeOfDuckdb(duckdb, who, name, types[c]!), true)),
  );
}

/** Reads the chunks of a result. All batches share one schema and its dictionaries. */
export function chunkReader(
  duckdb: Duckdb,
  who: string,
  result: DuckDBResult,
): (chunk: DuckDBDataChunk) => RecordBatch {
  const schema = schemaOfResult(duckdb, who, result);
  const types = result.columnTypes();
  const columns = types.map((type, c) => readVector(duckdb, who, schema.fields[c]!, type));
  return (chunk) => {
    const { rowCount } = chunk;
    const vector = (c: number) => duckdb.bindings.data_chunk_get_vector(chunk.chunk, c);
    return newBatch(
      schema,
      rowCount,
      columns.map((read, c) => read(vector(c), rowCount)),
    );
  };
}
