/**
 * The main job's dataflow: 200,000 real flights, and for each one the delay that the flights before it over the same
 * distance let expect, from memories that fade fast, slowly and hardly.
 *
 * Run it with `chunkwise run examples/flights.ts --checkpoint DIR`; OUT names the file that it writes. With
 * KILL_HALF_WAY=1 the process kills itself after half of the rows; the same command again resumes it.
 */
import type { RecordBatch } from 'apache-arrow';
import {
  arrowFile,
  arrowFileSink,
  dataflow,
  f32,
  lightningAttention,
  numbersOf,
  perKey,
  selectColumns,
  stateless,
  withColumns,
} from 'chunkwise';

const input = 'node_modules/vega-datasets/data/flights-200k.arrow';
const output = process.env.OUT ?? 'flights-expected.arrow';

/** A memory that forgets a flight after about so many later ones over the same distance. */
export const memories = [4, 32, 256];

/** Each head remembers the sum of delays and their number: value (delay, 1) under the key 1. */
function toMemory(batch: RecordBatch): RecordBatch {
  const delays = numbersOf(batch, 'delay');
  const ones = new Float32Array(batch.numRows * memories.length).fill(1);
  const values = new Float32Array(batch.numRows * memories.length * 2);
  for (let i = 0; i < values.length; i += 2) {
    values[i] = delays[Math.floor(i / (2 * memories.length))]!;
    values[i + 1] = 1;
  }
  return withColumns(batch, {
    q: { type: f32(memories.length), values: ones },
    k: { type: f32(memories.length), values: ones },
    v: { type: f32(memories.length * 2), values },
  });
}

/** What each memory expected before it saw the flight: the sum of delays over their number, without its own. */
function fromMemory(batch: RecordBatch): RecordBatch {
  const delays = numbersOf(batch, 'delay');
  const remembered = batch.getChild('o')!.data[0]!.children[0]!.values as Float32Array;
  const expected = new Float32Array(batch.numRows * memories.length);
  for (let i = 0; i < expected.length; i++) {
    const number = remembered[2 * i + 1]! - 1;
    const sum = remembered[2 * i]! - delays[Math.floor(i / memories.length)]!;
    expected[i] = number > 1e-3 ? sum / number : 0;
  }
  const wide = withColumns(batch, { expected: { type: f32(memories.length), values: expected } });
  return selectColumns(wide, ['time', 'distance', 'delay', 'expected']);
}

let rowsSeen = 0;
function killHalfWay(batch: RecordBatch): RecordBatch {
  rowsSeen += batch.numRows;
  if (process.env.KILL_HALF_WAY === '1' && rowsSeen >= 100_000) process.kill(process.pid, 'SIGKILL');
  return batch;
}

const memory = lightningAttention({
  heads: memories.length,
  keyDim: 1,
  valueDim: 2,
  slopes: memories.map((flights) => 1 / flights),
});

export default dataflow('flights')
  .from(arrowFile(input, { batchRows: 1000 }))
  .pipe(stateless(killHalfWay), stateless(toMemory))
  .step('memory', perKey('distance', memory, { maxKeys: 2000 }))
  .pipe(stateless(fromMemory))
  .to(arrowFileSink(output));
