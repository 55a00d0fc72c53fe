/**
 * An operator of your own: the exponential moving average of a column. It says what its columns and its state are; the
 * engine cuts, checks, saves, restores and merges.
 *
 * Prints:
 *   state of 64 bytes
 *   [ 1, 1.5, 2.25, 3.125 ]
 *   the same after a snapshot in the middle: [ 2.25, 3.125 ]
 *   movingAverage: option rate, expected a number in 0 … 1, got 2.
 */
import { applyTo, defineOperator, f64, finiteNumber, fromColumns } from 'chunkwise';

interface MovingAverageOptions {
  /** Weight of the newest value, 0 … 1. */
  readonly rate: number;
}

const movingAverage = defineOperator({
  name: 'movingAverage',
  version: 1,
  summary: 'the exponential moving average of x',
  options: { rate: 'weight of the newest value, 0 … 1' },
  check: ({ rate }: MovingAverageOptions) => ({ rate: finiteNumber({ rate }, 0, 1) }),
  inputs: () => ({ x: f64() }),
  outputs: () => ({ average: f64() }),
  layout: () => ({ memory: f64(2) }),
  step({ options: { rate }, state: { memory } }, { numRows, x, average }) {
    for (let t = 0; t < numRows; t++) {
      const isFirst = memory[1] === 0;
      memory[0] = isFirst ? x[t]! : memory[0]! + rate * (x[t]! - memory[0]!);
      memory[1] = 1;
      average[t] = memory[0];
    }
  },
  tolerance: 0,
  examples: [{ rate: 0.5 }],
});

const average = movingAverage({ rate: 0.5 });
const column = (...values: number[]) =>
  fromColumns({ x: { type: f64(), values: Float64Array.from(values) } });
const averages = (batch: { getChild(name: string): unknown } | undefined) =>
  Array.from(batch!.getChild('average') as Iterable<number>);

console.log(`state of ${average.stateBytes} bytes`);
console.log(averages(applyTo(column(1, 2, 3, 4), average).batches[0]));

const { finalState } = applyTo(column(1, 2), average);
const moved = average.stateFrom(finalState.toBytes());
const rest = applyTo(column(3, 4), average, { initialState: moved });
console.log('the same after a snapshot in the middle:', averages(rest.batches[0]));

try {
  movingAverage({ rate: 2 });
} catch (error) {
  console.log((error as Error).message);
}
