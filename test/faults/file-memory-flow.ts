/**
 * The flows whose memory is measured, each as a process of its own. It prints what it saw as one line of JSON.
 *
 *   file-memory-flow.js write-csv|write-parquet PATH BYTES   writes rows until they take so many bytes
 *   file-memory-flow.js read-csv|read-parquet PATH           reads them all
 */
import { readFileSync } from 'node:fs';
import { Field, Schema } from 'apache-arrow';
import { csvSink, parquetFileSink } from '../../sinks/index.js';
import { csvFile, parquetFile } from '../../sources/index.js';
import { arrowType, batchBytes, columnData, newBatch } from '../../src/columns.js';
import { dataflow } from '../../src/dataflow.js';
import { type ArrayType, f64, i64 } from '../../src/layout.js';
import type { Sink } from '../../src/sink.js';

const ROWS = 8192;
const [task, path, bytes] = process.argv.slice(2) as [string, string, string?];
const types: Record<string, ArrayType> = { id: i64(), x: f64(), y: f64(), z: f64() };
const schema = new Schema(
  Object.entries(types).map(([name, type]) => new Field(name, arrowType(type), false)),
);

const sines = Float64Array.from({ length: ROWS }, (_, row) => Math.sin(row + 1));

/** Numbers that hardly repeat: each batch stretches the same ones by another factor. */
function stretched(factor: number): Float64Array {
  const numbers = new Float64Array(ROWS);
  for (let row = 0; row < ROWS; row++) numbers[row] = sines[row]! * factor;
  return numbers;
}

/** Rows until they take `mostBytes`; as CSV they take about twice as many. */
const generated = (mostBytes: number) => ({
  name: 'generated',
  async *read() {
    let given = 0;
    for (let first = 0; given < mostBytes; first += ROWS) {
      const ids = new BigInt64Array(ROWS);
      for (let row = 0; row < ROWS; row++) ids[row] = BigInt(first + row);
      const columns = [ids, stretched(first + 1), stretched(first + 2), stretched(first + 3)];
      const children = Object.values(types).map((type, c) => columnData(type, columns[c]!, ROWS));
      const batch = newBatch(schema, ROWS, children);
      given += batchBytes(batch);
      yield { batch, next: first + ROWS };
    }
  },
});

/** Adds up a column, so that the rows are looked at. */
let sum = 0;
const summing: Sink = {
  name: 'summing',
  open: () => ({
    bytes: 0,
    write(batch) {
      const ids = batch.getChild('id')!.toArray() as BigInt64Array;
      for (let row = 0; row < batch.numRows; row++) sum += Number(ids[row]!);
    },
    position: () => 0,
    finish() {},
    abandon() {},
  }),
};

const flow = {
  'write-csv': () =>
    dataflow('write')
      .from(generated(Number(bytes) / 2))
      .to(csvSink(path)),
  'write-parquet': () =>
    dataflow('write')
      .from(generated(Number(bytes)))
      .to(parquetFileSink(path, { compression: 'none' })),
  'read-csv': () => dataflow('read').from(csvFile(path)).to(summing),
  'read-parquet': () => dataflow('read').from(parquetFile(path)).to(summing),
}[task]!();
const { rows, seconds } = await flow.run();

/** The most that was ever resident, as the system counts it. */
const kibibytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
process.stdout.write(`${JSON.stringify({ rows, seconds, sum, highWater: Number(kibibytes) * 1024 })}\n`);
