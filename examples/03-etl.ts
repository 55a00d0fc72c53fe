/**
 * The engine inside of an ETL script: a CSV file in, a smoothed copy as JSON lines out, a checkpoint on the way.
 *
 * Prints:
 *   1461 rows, complete: true
 *   {"date":"2012-01-01","temp_max":12.8,"smoothed":12.8}
 *   {"date":"2012-01-02","temp_max":10.6,"smoothed":11.68}
 *   {"date":"2012-01-03","temp_max":11.7,"smoothed":11.69}
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RecordBatch } from 'apache-arrow';
import {
  csvFile,
  dataflow,
  directoryStore,
  f32,
  f64,
  jsonLinesSink,
  numbersOf,
  rebatch,
  retention,
  selectColumns,
  stateless,
  withColumns,
} from 'chunkwise';

/** The temperature and its weight, to be remembered under the key 1. */
const toMemory = (batch: RecordBatch) => {
  const ones = new Float32Array(batch.numRows).fill(1);
  const v = Float32Array.from(Array.from(numbersOf(batch, 'temp_max')).flatMap((degrees) => [degrees, 1]));
  return withColumns(batch, {
    q: { type: f32(1), values: ones },
    k: { type: f32(1), values: ones },
    v: { type: f32(2), values: v },
  });
};

const fromMemory = (batch: RecordBatch) => {
  const smoothed = Array.from(
    batch.getChild('o')!,
    (pair) => Math.round((100 * pair!.get(0)) / pair!.get(1)) / 100,
  );
  const column = { type: f64(), values: Float64Array.from(smoothed) };
  return selectColumns(withColumns(batch, { smoothed: column }), ['date', 'temp_max', 'smoothed']);
};

const directory = mkdtempSync(join(tmpdir(), 'chunkwise-'));
const output = join(directory, 'smoothed.jsonl');
const report = await dataflow('smooth')
  .from(csvFile('node_modules/vega-datasets/data/seattle-weather.csv'))
  .pipe(rebatch({ rows: 100 }), stateless(toMemory))
  .step('memory', retention({ keyDim: 1, valueDim: 2 }))
  .pipe(stateless(fromMemory))
  .to(jsonLinesSink(output))
  .run({ checkpoint: { store: directoryStore(join(directory, 'checkpoints')), everyBatches: 1 } });

console.log(`${report.rows} rows, complete: ${report.complete}`);
console.log(readFileSync(output, 'utf8').split('\n').slice(0, 3).join('\n'));
rmSync(directory, { recursive: true });
