/**
 * The scan of a Mamba block over a stream: a model's projections come in as columns, in whatever batches, and the
 * answer is the same to the last bit.
 *
 * Prints:
 *   4096 rows of 64 channels with 16 states each, a state of 4672 bytes
 *   in batches of 512 rows, and in 84 batches of 1 to 99 rows: 0 of 262144 outputs differ
 *   final states: equal; stopped after row 2000 and gone on elsewhere: equal
 */
import type { RecordBatch } from 'apache-arrow';
import { applyTo, f32, fromColumns, nextBelow, nextUnit, seedRandom, selectiveScan } from 'chunkwise';

const T = 4096;
const dim = 64; // the block's inner width
const stateDim = 16;

const random = new Uint32Array(4);
seedRandom(random, 42);
const uniform = (from: number, to: number) => from + (to - from) * nextUnit(random);
const column = (width: number, from = -1, to = 1) => ({
  type: f32(width),
  values: Float32Array.from({ length: T * width }, () => uniform(from, to)),
});

/** What the block's linear layers and its convolution make of T tokens; here they are drawn. */
const projections = fromColumns({
  u: column(dim),
  dt: column(dim),
  z: column(dim),
  B: column(stateDim),
  C: column(stateDim),
});

/** A, D and the bias of dt as a block starts its training with them: memories of 1 to 1000 rows. */
const scan = selectiveScan({
  dim,
  stateDim,
  A: Array.from({ length: dim * stateDim }, (_, i) => -1 - (i % stateDim)),
  D: new Array<number>(dim).fill(1),
  dtBias: Array.from({ length: dim }, () => Math.log(Math.expm1(10 ** uniform(-3, -1)))),
  softplus: true,
});

function* batchesOf(lengthOf: () => number): Generator<RecordBatch> {
  for (let row = 0; row < T; ) {
    const batch = projections.slice(row, Math.min(T, row + lengthOf()));
    row += batch.numRows;
    yield batch;
  }
}

const outputs = (batches: readonly RecordBatch[]) =>
  Float32Array.from(
    batches.flatMap((batch) => Array.from(batch.getChild('y')!.data[0]!.children[0]!.values)),
  );
const sameBytes = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

const even = applyTo(
  batchesOf(() => 512),
  scan,
);
const uneven = applyTo(
  batchesOf(() => 1 + nextBelow(random, 99)),
  scan,
);
const [y, sameY] = [outputs(even.batches), outputs(uneven.batches)];
const differ = y.reduce((count, value, i) => count + (Object.is(value, sameY[i]) ? 0 : 1), 0);

const first = applyTo(projections.slice(0, 2000), scan);
const moved = scan.stateFrom(first.finalState.toBytes());
const second = applyTo(projections.slice(2000), scan, { initialState: moved });

const verdict = (equal: boolean) => (equal ? 'equal' : 'different');
console.log(`${T} rows of ${dim} channels with ${stateDim} states each, a state of ${scan.stateBytes} bytes`);
console.log(
  `in batches of 512 rows, and in ${uneven.batches.length} batches of 1 to 99 rows: ${differ} of ${y.length} outputs differ`,
);
console.log(
  `final states: ${verdict(sameBytes(even.finalState.toBytes(), uneven.finalState.toBytes()))};`,
  `stopped after row 2000 and gone on elsewhere: ${verdict(sameBytes(second.finalState.toBytes(), even.finalState.toBytes()))}`,
);
