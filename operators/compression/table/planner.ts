/**
 * Decides in which order a row's columns are coded, and which earlier ones each looks at first.
 *
 * 1. For each column: what it costs by itself, and how much less where one other column is known.
 * 2. Greedily: next comes the column that is cheap now and saves the later ones most; text comes last.
 * 3. Its parents are the earlier columns, by what they save: the first three as a set, the others by themselves.
 */
import { type Cells, type Column, FLAG } from './column.js';
import { adaptiveBits, type Classes, classesOf, residualBits } from './estimate.js';

export interface Job {
  readonly column: Column;
  readonly cells: Cells;
}

/** Rows that the plan looks at: fewer, the more pairs of columns there are. */
const PAIR_ROWS = 4_000_000;
const MOST_ROWS = 20_000;
/** Columns further apart in a wide table are not compared. */
const WINDOW = 32;
/** Bits of a byte of text, for want of knowing better. */
const TEXT_BITS = 2.8;
const MOST_SET = 3;

export interface Planned {
  /** Places of the jobs in the order in which they are coded, and by job the places of its parents. */
  readonly order: readonly number[];
  readonly parents: readonly (readonly number[])[];
}

/** A column as the planner sees it: the first rows. */
interface Sample {
  readonly job: Job;
  readonly values: Float64Array;
  readonly classes: Classes;
  readonly isNull: (row: number) => boolean;
  readonly isNumber: boolean;
  readonly isText: boolean;
}

export function planRows(jobs: readonly Job[], rows: number): Planned {
  const n = jobs.length;
  const most = Math.min(
    rows,
    MOST_ROWS,
    Math.max(256, Math.floor(PAIR_ROWS / (n * Math.min(n, 2 * WINDOW)))),
  );
  const samples = jobs.map((job) => sampleOf(job, most));
  const alone = samples.map(aloneBits);
  const saved = samples.map((sample, c) =>
    samples.map((other, j) =>
      c === j || Math.abs(c - j) > WINDOW || sample.isText
        ? 0
        : Math.max(0, alone[c]! - givenBits(sample, other, alone[c]!)),
    ),
  );
  const order = greedyOrder(samples, alone, saved);
  const parents = samples.map((sample, c) => {
    const earlier = order.slice(0, order.indexOf(c));
    return parentsOf(sample, samples, earlier, saved[c]!, alone[c]!);
  });
  return { order, parents };
}

function sampleOf(job: Job, rows: number): Sample {
  const { column, cells } = job;
  const values = cells.values.subarray(0, rows);
  const { flags } = cells;
  const isNull = flags === undefined ? () => false : (row: number) => flags[row] !== FLAG.value;
  const bits = column.kind === 'number' ? column.plan.bits : 14;
  return {
    job,
    values,
    isNull,
    classes: classesOf(values, isNull, bits),
    isNumber: column.kind === 'number',
    isText: column.kind === 'text',
  };
}

function aloneBits(sample: Sample): number {
  const { job, classes, isNumber, isText, values, isNull } = sample;
  if (isText) {
    const text = job.cells.text!;
    return (TEXT_BITS * text.offsets[text.length]! * values.length) / Math.max(1, job.cells.values.length);
  }
  const counted = adaptiveBits(classes, []);
  if (!isNumber) return counted;
  const bits = [counted];
  for (const isLine of [false, true]) {
    const residuals = differences(sample, (last, before) => (isLine ? 2 * last - before : last));
    bits.push(residualBits(residuals), adaptiveBits(classesOf(residuals, isNull, classes.bits), []));
  }
  return Math.min(...bits);
}

function differences(
  { values, isNull }: Sample,
  guess: (last: number, before: number) => number,
): Float64Array {
  const residuals = new Float64Array(values.length).fill(Number.NaN);
  let last = 0;
  let before = 0;
  for (let row = 0; row < values.length; row++) {
    if (isNull(row)) continue;
    residuals[row] = values[row]! - guess(last, before);
    before = last;
    last = values[row]!;
  }
  return residuals;
}

function givenBits(sample: Sample, other: Sample, most: number): number {
  const { classes, isNumber } = sample;
  let least = Math.min(most, adaptiveBits(classes, [other.classes.ids]));
  if (other.isNumber) {
    for (let shift = 3; shift < other.classes.bits && shift <= 15; shift += 4) {
      const { ids } = classesOf(other.values, other.isNull, 0, shift);
      least = Math.min(least, adaptiveBits(classes, [ids]));
    }
  }
  if (!isNumber) return least;
  least = Math.min(least, residualBits(sinceSame(sample, [other])));
  if (other.isNumber && other.job.column.unit === sample.job.column.unit) {
    least = Math.min(least, residualBits(apart(sample, other)));
  }
  return least;
}

/** How far each value is from the last one behind the same values of others, else from the last one. */
function sinceSame({ values, isNull }: Sample, others: readonly Sample[]): Float64Array {
  const residuals = new Float64Array(values.length).fill(Number.NaN);
  const known = new Map<number, number>();
  let last = 0;
  for (let row = 0; row < values.length; row++) {
    if (isNull(row)) continue;
    let key = 0;
    for (const { classes } of others) key = key * 65_537 + classes.ids[row]!;
    residuals[row] = values[row]! - (known.get(key) ?? last);
    known.set(key, values[row]!);
    last = values[row]!;
  }
  return residuals;
}

function apart({ values, isNull }: Sample, other: Sample): Float64Array {
  const residuals = new Float64Array(values.length).fill(Number.NaN);
  for (let row = 0; row < values.length; row++) {
    if (!isNull(row)) residuals[row] = values[row]! - (other.isNull(row) ? 0 : other.values[row]!);
  }
  return residuals;
}

function greedyOrder(
  samples: readonly Sample[],
  alone: readonly number[],
  saved: readonly (readonly number[])[],
): number[] {
  const order: number[] = [];
  const rest = new Set(samples.keys());
  /** What each still costs, given those that are placed. */
  const now = [...alone];
  while (rest.size > 0) {
    let best = -1;
    let bestScore = Number.POSITIVE_INFINITY;
    for (const c of rest) {
      let future = 0;
      let lost = 0;
      for (const d of rest) {
        if (d === c) continue;
        future += Math.max(0, now[d]! - (alone[d]! - saved[d]![c]!));
        lost = Math.max(lost, now[c]! - (alone[c]! - saved[c]![d]!));
      }
      const score = now[c]! * 0.02 + lost - future + (samples[c]!.isText ? 1e15 : 0);
      if (score < bestScore) {
        best = c;
        bestScore = score;
      }
    }
    rest.delete(best);
    order.push(best);
    for (const d of rest) now[d] = Math.min(now[d]!, alone[d]! - saved[d]![best]!);
  }
  return order;
}

/** The earlier columns by what they save: the first three each on top of those before. */
function parentsOf(
  sample: Sample,
  samples: readonly Sample[],
  earlier: readonly number[],
  saved: readonly number[],
  alone: number,
): number[] {
  const ranked = [...earlier].sort(
    (a, b) => saved[b]! - saved[a]! || earlier.indexOf(a) - earlier.indexOf(b),
  );
  if (sample.isText) return ranked;
  const chosen: number[] = [];
  let cost = alone;
  while (chosen.length < Math.min(MOST_SET, ranked.length)) {
    let best = -1;
    let bestCost = Number.POSITIVE_INFINITY;
    for (const j of ranked) {
      if (chosen.includes(j)) continue;
      const set = [...chosen, j].map((k) => samples[k]!);
      let bits = adaptiveBits(
        sample.classes,
        set.map(({ classes }) => classes.ids),
      );
      if (sample.isNumber) bits = Math.min(bits, residualBits(sinceSame(sample, set)));
      if (chosen.length === 0) bits = Math.min(bits, alone - saved[j]!);
      if (bits < bestCost) {
        best = j;
        bestCost = bits;
      }
    }
    if (chosen.length > 0 && bestCost >= cost) break;
    chosen.push(best);
    cost = Math.min(cost, bestCost);
  }
  return [...chosen, ...ranked.filter((j) => !chosen.includes(j))];
}
