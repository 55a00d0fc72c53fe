/**
 * What the browser test runs: a linear attention, killed half way and resumed from memory.
 */
import { makeVector, Table, vectorFromArray } from 'apache-arrow';
import * as chunkwise from '../../src/index.js';

const { collect, dataflow, f32, fromTable, linearAttention, memoryStore, rebatch, stateless, withColumns } =
  chunkwise;

/** The checksum of all outputs, as text. */
export async function work(): Promise<string> {
  const rows = 100;
  const numbers = Float32Array.from({ length: rows }, (_, i) => Math.fround(((i * 37) % 101) / 101 - 0.5));
  const table = new Table({
    x: makeVector(numbers),
    name: vectorFromArray(Array.from(numbers, (x) => `${x}`)),
  });
  const vectors = stateless((batch) => {
    const x = batch.getChild('x')!.toArray() as Float32Array;
    const values = (factor: number) =>
      Float32Array.from({ length: 4 * x.length }, (_, i) => x[i >> 2]! * (i % 4) * factor);
    return withColumns(batch, {
      q: { type: f32(4), values: values(1) },
      k: { type: f32(4), values: values(-2) },
      v: { type: f32(4), values: values(3) },
    });
  });
  const sink = collect();
  const flow = dataflow('page')
    .from(fromTable(table, { batchRows: 7 }))
    .pipe(vectors, rebatch({ rows: 9 }))
    .step('memory', linearAttention({ heads: 2, keyDim: 2, valueDim: 2 }))
    .to(sink);
  const store = memoryStore();
  const live = flow.start({ checkpoint: { store, everyBatches: 2 } });
  live.batches$.subscribe(() => void live.stop());
  const { complete } = await live.done;
  if (complete) throw new Error('expected to be stopped half way, was complete');
  const report = await flow.run({ checkpoint: { store } });
  const outputs = sink.batches.flatMap((batch) =>
    Array.from(batch.getChild('o')!.data[0]!.children[0]!.values as Float32Array),
  );
  const bits = new Uint32Array(Float32Array.from(outputs).buffer);
  const checksum = bits.reduce((sum, word) => (Math.imul(sum, 31) + word) >>> 0, 7);
  return `${report.rows} rows, ${outputs.length} numbers, checksum ${checksum}`;
}
