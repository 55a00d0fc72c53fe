/**
 * The references of the fixture operators, by the same names.
 */
import { nextUnit, seedRandom } from '../../src/random.js';

type Numbers = ArrayLike<number>;

export function runningTotal(
  { dim }: { dim: number },
  { x }: { x: Numbers },
  initial: { sum?: Numbers } = {},
) {
  const sum = initial.sum ? Float64Array.from(initial.sum) : new Float64Array(dim);
  const total = Float64Array.from(x, (value, i) => (sum[i % dim]! += value));
  return { total, sum };
}

export function timesSeen(_: object, { id }: { id: Numbers }) {
  const ids = Array.from(id);
  return {
    times: ids.map((one, t) => ids.slice(0, t + 1).filter((other) => other === one).length),
    numbers: [...new Set(ids)],
  };
}

export function blockSums({ blockRows }: { blockRows: number }, { x }: { x: Numbers }) {
  const blocks = Array.from({ length: Math.ceil(x.length / blockRows) }, (_, b) =>
    Array.from(x).slice(b * blockRows, (b + 1) * blockRows),
  );
  return { sum: blocks.map((block) => block.reduce((sum, value) => sum + value, 0)) };
}

export function noise({ seed }: { seed: number }, { x }: { x: Numbers }) {
  const random = new Uint32Array(4);
  seedRandom(random, seed);
  return { noisy: Array.from(x, (value) => value + nextUnit(random)) };
}

export function differences(_: object, { plain }: { plain: Numbers }) {
  return { coded: Array.from(plain, (value, t) => value - (plain[t - 1] ?? 0)) };
}

export function sums(_: object, { coded }: { coded: Numbers }) {
  let last = 0;
  return { plain: Array.from(coded, (value) => (last += value)) };
}

interface Texts {
  readonly offsets: Numbers;
  readonly values: Numbers;
}

export function rowSums(
  _: object,
  { pairs, text, counts }: { pairs: Texts; text: Texts; counts?: Numbers },
  initial: { total?: Numbers } = {},
) {
  const numRows = text.offsets.length - 1;
  let total = [initial.total?.[0] ?? 0, initial.total?.[1] ?? 0];
  const sum: number[] = [];
  for (let t = 0; t < numRows; t++) {
    const own = Array.from(pairs.values).slice(2 * pairs.offsets[t]!, 2 * pairs.offsets[t + 1]!);
    for (let i = 0; i < own.length && counts?.[t] !== 0; i += 2)
      total = [total[0]! + own[i]!, total[1]! + own[i + 1]!];
    sum.push(...total);
  }
  return {
    sum,
    bytes: Array.from({ length: numRows }, (__, t) => text.offsets[t + 1]! - text.offsets[t]!),
    total,
  };
}
