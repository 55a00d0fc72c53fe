/**
 * Operators of every kind that `defineOperator` takes, each small enough to be seen to be right: the laws hold for
 * what users write, not only for what comes with the package.
 */
import { defineOperator } from '../../src/define-operator.js';
import { limitExceeded } from '../../src/errors.js';
import { bool, f32, f64, i32 } from '../../src/layout.js';
import type { Operator } from '../../src/operator.js';
import { integer } from '../../src/options.js';
import { nextUnit, randomSlot, seedRandom } from '../../src/random.js';
import { key, list, optional, utf8 } from '../../src/row-types.js';

/** A layout of float64 slots, no kernels, states that merge. */
export const runningTotal = defineOperator({
  name: 'runningTotal',
  version: 1,
  summary: 'the sum of each element over all rows so far',
  options: { dim: 'numbers in a row, 1 … 64' },
  check: (options: { dim: number }) => ({ dim: integer({ dim: options.dim }, 1, 64) }),
  inputs: ({ dim }) => ({ x: f64(dim) }),
  outputs: ({ dim }) => ({ total: f64(dim) }),
  layout: ({ dim }) => ({ sum: f64(dim), rows: i32(1) }),
  step({ options: { dim }, state: { sum, rows } }, { numRows, x, total }) {
    for (let t = 0; t < numRows; t++) {
      for (let i = 0; i < dim; i++) {
        sum[i]! += x[t * dim + i]!;
        total[t * dim + i] = sum[i]!;
      }
    }
    rows[0]! += numRows;
  },
  merge: (a, b) => ({ sum: a.sum.map((value, i) => value + b.sum[i]!), rows: [a.rows[0]! + b.rows[0]!] }),
  tolerance: 1e-12,
  examples: [{ dim: 1 }, { dim: 3 }],
});

/** A codec: state that grows with the data, up to a limit. */
export const timesSeen = defineOperator({
  name: 'timesSeen',
  version: 1,
  summary: 'how often each number has been seen',
  options: { maxNumbers: 'the most different numbers, 1 … 1e6' },
  check: (options: { maxNumbers: number }) => ({
    maxNumbers: integer({ maxNumbers: options.maxNumbers }, 1, 1e6),
  }),
  inputs: () => ({ id: i32() }),
  outputs: () => ({ times: i32() }),
  codec: () => ({
    empty: () => new Map<number, number>(),
    encode: (seen: Map<number, number>) => new Uint8Array(Int32Array.from([...seen].flat()).buffer),
    decode: (bytes: Uint8Array) => {
      const numbers = new Int32Array(bytes.slice().buffer);
      return new Map(
        Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[2 * i]!, numbers[2 * i + 1]!]),
      );
    },
    slots: (seen: Map<number, number>) => ({ numbers: Int32Array.from(seen.keys()) }),
  }),
  step({ options: { maxNumbers }, state: seen }, { numRows, id, times }) {
    for (let t = 0; t < numRows; t++) {
      times[t] = (seen.get(id[t]!) ?? 0) + 1;
      seen.set(id[t]!, times[t]!);
      if (seen.size > maxNumbers) throw limitExceeded('timesSeen', 'maxNumbers', maxNumbers, 'Raise it.');
    }
  },
  tolerance: 0,
  examples: [{ maxNumbers: 1000 }],
});

/** Batches of its own, of which the last is held back until the end. */
export const blockSums = defineOperator({
  name: 'blockSums',
  version: 1,
  summary: 'the sum of every so many rows, and of those that are left',
  options: { blockRows: 'rows of a sum, 1 … 1e6' },
  check: (options: { blockRows: number }) => ({
    blockRows: integer({ blockRows: options.blockRows }, 1, 1e6),
  }),
  inputs: () => ({ x: f32() }),
  outputs: () => ({ sum: f64() }),
  layout: () => ({ open: f64(1), filled: i32(1) }),
  emits: 'batches',
  step({ options: { blockRows }, state: { open, filled }, emit }, { numRows, x }) {
    const sums: number[] = [];
    for (let t = 0; t < numRows; t++) {
      open[0]! += x[t]!;
      if (++filled[0]! < blockRows) continue;
      sums.push(open[0]!);
      open[0] = filled[0] = 0;
    }
    emit({ sum: Float64Array.from(sums) }, sums.length);
  },
  flush({ state: { open, filled }, emit }) {
    if (filled[0]! > 0) emit({ sum: open.slice() }, 1);
    open[0] = filled[0] = 0;
  },
  tolerance: 0,
  examples: [{ blockRows: 7 }, { blockRows: 1000 }],
});

/** A generator whose whole state is a slot. */
export const noise = defineOperator({
  name: 'noise',
  version: 1,
  summary: 'adds a seeded random number to each value',
  options: { seed: 'equal seeds draw equal numbers, 0 … 2^31' },
  check: (options: { seed: number }) => ({ seed: integer({ seed: options.seed }, 0, 2 ** 31) }),
  inputs: () => ({ x: f32() }),
  outputs: () => ({ noisy: f64() }),
  layout: () => ({ random: randomSlot(), rows: f64(1) }),
  step({ options: { seed }, state: { random, rows } }, { numRows, x, noisy }) {
    if (rows[0] === 0 && numRows > 0) seedRandom(random, seed);
    for (let t = 0; t < numRows; t++) noisy[t] = x[t]! + nextUnit(random);
    rows[0]! += numRows;
  },
  tolerance: 0,
  examples: [{ seed: 7 }],
});

interface NoOptions {
  readonly columns?: never;
}

/** A pair that undo each other. */
export const differences = defineOperator({
  name: 'differences',
  version: 1,
  summary: 'each number less the one before',
  options: {},
  check: (_: NoOptions) => ({}),
  inputs: () => ({ plain: i32() }),
  outputs: () => ({ coded: i32() }),
  layout: () => ({ last: i32(1) }),
  step({ state: { last } }, { numRows, plain, coded }) {
    for (let t = 0; t < numRows; t++) {
      coded[t] = plain[t]! - last[0]!;
      last[0] = plain[t]!;
    }
  },
  inverse: (): Operator => sums({}),
  tolerance: 0,
  examples: [{}],
});

export const sums = defineOperator({
  name: 'sums',
  version: 1,
  summary: 'the sum of all numbers so far',
  options: {},
  check: (_: NoOptions) => ({}),
  inputs: () => ({ coded: i32() }),
  outputs: () => ({ plain: i32() }),
  layout: () => ({ last: i32(1) }),
  step({ state: { last } }, { numRows, coded, plain }) {
    for (let t = 0; t < numRows; t++) plain[t] = last[0]! += coded[t]!;
  },
  inverse: (): Operator => differences({}),
  tolerance: 0,
  examples: [{}],
});

/** Rows of any length, text and a column that may be absent, without kernels: what each row holds, and the sum so far. */
export const rowSums = defineOperator({
  name: 'rowSums',
  version: 1,
  summary: 'the sum of all pairs so far, and how many bytes each text has',
  options: {},
  check: (_: object) => ({}),
  inputs: () => ({ pairs: list(f64(2)), text: utf8(), counts: optional(bool()) }),
  outputs: () => ({ sum: f64(2), bytes: i32() }),
  layout: () => ({ total: f64(2) }),
  step({ state: { total } }, { numRows, pairs, text, counts, sum, bytes }) {
    for (let t = 0; t < numRows; t++) {
      const counted = counts === undefined || counts[t] === 1;
      for (let i = pairs.offsets[t]!; counted && i < pairs.offsets[t + 1]!; i++) {
        total[0]! += pairs.values[2 * i]!;
        total[1]! += pairs.values[2 * i + 1]!;
      }
      sum.set(total, 2 * t);
      bytes[t] = text.offsets[t + 1]! - text.offsets[t]!;
    }
  },
  tolerance: 1e-12,
  examples: [{}],
});

/** Ids in, lists of ids out, in batches of its own. */
export const recentIds = defineOperator({
  name: 'recentIds',
  version: 1,
  summary: 'after each row, its id and the one before',
  options: {},
  check: (_: object) => ({}),
  inputs: () => ({ id: key() }),
  outputs: () => ({ recent: list(key()) }),
  codec: () => ({
    empty: (): { before?: bigint | string } => ({}),
    encode: ({ before }) => new TextEncoder().encode(JSON.stringify(before?.toString() ?? null)),
    decode: (bytes: Uint8Array) => {
      const before = JSON.parse(new TextDecoder().decode(bytes)) as string | null;
      return before === null ? {} : { before: BigInt(before) };
    },
  }),
  emits: 'batches',
  step({ state, emit }, { numRows, id }) {
    const offsets = new Int32Array(numRows + 1);
    const values: (bigint | string)[] = [];
    for (let t = 0; t < numRows; t++) {
      if (state.before !== undefined) values.push(state.before);
      state.before = id[t]!;
      values.push(state.before);
      offsets[t + 1] = values.length;
    }
    emit({ recent: { offsets, values } }, numRows);
  },
  tolerance: 0,
  examples: [{}],
  skipLaws: { oracle: 'ids are not numbers' },
});
