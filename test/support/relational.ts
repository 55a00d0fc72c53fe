/**
 * Rows for the relational steps, and DuckDB to ask for the right answer.
 */
import {
  Bool,
  type DataType,
  Dictionary,
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int32,
  Int64,
  type RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  TimestampMillisecond,
  tableFromIPC,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import { loadDuckdb } from '../../sources/duckdb.js';
import { appendBatch, duckdbColumns } from '../../sources/duckdb-appender.js';
import { duckdbBatches } from '../../sources/duckdb-batches.js';
import { newBatch } from '../../src/columns.js';
import { concatBatches } from '../../src/concat.js';
import type { Operator } from '../../src/operator.js';
import { uniform } from './property.js';

export const START_MS = Date.UTC(2024, 0, 1);

/** A batch of columns by name; undefined and null are nulls. */
export function batchOf(
  columns: Readonly<Record<string, readonly [DataType, readonly unknown[]]>>,
): RecordBatch {
  const entries = Object.entries(columns);
  const fields = entries.map(([name, [type]]) => new Field(name, type, true));
  const children = entries.map(([, [type, values]]) => vectorFromArray(values, type).data[0]!);
  return newBatch(new Schema(fields), entries[0]![1][1].length, children);
}

/** Seeded rows of the columns that the examples name; a seventh of the amounts and names are null. */
export function rows(numRows: number, seed: number): RecordBatch {
  const random = uniform(seed);
  const list = <T>(make: (row: number) => T) => Array.from({ length: numRows }, (_, row) => make(row));
  const sometimes = <T>(value: T) => (random() < 1 / 7 ? null : value);
  return batchOf({
    amount: [new Float64(), list(() => sometimes(Math.floor(random() * 200 - 50) / 4))],
    code: [new Int32(), list(() => Math.floor(random() * 20) - 10)],
    id: [new Int64(), list(() => BigInt(Math.floor(random() * 2 ** 40)))],
    name: [
      new Utf8(),
      list(() => sometimes(['a', 'b', 'München', 'a longer name', ''][Math.floor(random() * 5)])),
    ],
    kind: [
      new Dictionary(new Utf8(), new Int32()),
      list(() => sometimes(['x', 'y', 'z'][Math.floor(random() * 3)])),
    ],
    flag: [new Bool(), list(() => random() < 0.5)],
    at: [new TimestampMillisecond(), list((row) => START_MS + row * 1000 + Math.floor(random() * 5000))],
    pair: [
      new FixedSizeList(2, new Field('item', new Float32(), true)),
      list(() => sometimes([Math.floor(random() * 8), Math.floor(random() * 8)])),
    ],
  });
}

/** Batches of the given lengths, and one of the rows that remain. */
export function cut(batch: RecordBatch, lengths: readonly number[]): RecordBatch[] {
  const batches: RecordBatch[] = [];
  let from = 0;
  for (const length of [...lengths, batch.numRows]) {
    const to = Math.min(batch.numRows, from + length);
    batches.push(batch.slice(from, to));
    from = to;
  }
  return batches;
}

/** Everything that an operator emits for some batches, and for their end. */
export function emitted(operator: Operator, batches: readonly RecordBatch[]): RecordBatch[] {
  const open = operator.open();
  const out: RecordBatch[] = [];
  for (const batch of batches) open.step(batch, (one) => out.push(one));
  open.flush((one) => out.push(one));
  return out;
}

/** Batches as one, its bytes those of a stream: equal where rows, types and names are. */
export function asOne(batches: readonly RecordBatch[]): RecordBatch {
  const whole = concatBatches(batches);
  return tableFromIPC(RecordBatchStreamWriter.writeAll([whole]).toUint8Array(true)).batches[0] ?? whole;
}

/** Asks DuckDB about batches, which are its table t. */
export async function askDuckdb(batches: readonly RecordBatch[], sql: string): Promise<RecordBatch[]> {
  const duckdb = await loadDuckdb('test');
  const instance = await duckdb.DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    await connection.run("set timezone = 'UTC'");
    await connection.run(`create table t (${duckdbColumns(duckdb, 'test', batches[0]!.schema)})`);
    const appender = await connection.createAppender('t');
    for (const batch of batches) appendBatch(duckdb, 'test', appender, batch);
    appender.closeSync();
    const out: RecordBatch[] = [];
    for await (const batch of duckdbBatches(duckdb, 'test', await connection.stream(sql), 4096))
      out.push(batch);
    return out;
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
