/**
 * Sources, sinks and steps small enough to see through, for tests of the engine.
 */
import { Field, type RecordBatch, Schema } from 'apache-arrow';
import { expect } from 'vitest';
import { numbersOf } from '../../src/batches.js';
import { arrowType, columnData, newBatch } from '../../src/columns.js';
import { defineOperator } from '../../src/define-operator.js';
import { DataflowError, type ErrorCode } from '../../src/errors.js';
import { f64 } from '../../src/layout.js';
import type { Sink, SinkWriter } from '../../src/sink.js';
import type { Position, Source, Sourced } from '../../src/source.js';

const schemaOf = (name: string) => new Schema([new Field(name, arrowType(f64()), false)]);
const xSchema = schemaOf('x');

/** A batch with one column of numbers. */
export function batchOf(values: readonly number[], name = 'x'): RecordBatch {
  const schema = name === 'x' ? xSchema : schemaOf(name);
  return newBatch(schema, values.length, [columnData(f64(), Float64Array.from(values), values.length)]);
}

export const valuesOf = (batch: RecordBatch, name = 'x'): number[] => [...numbersOf(batch, name)];

/** The next turn of the event loop. */
export const tick = (ms = 0) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export const forever = new Promise<never>(() => {});

export interface CountingOptions {
  readonly name?: string;
  readonly rows?: number;
  readonly column?: string;
  /** Runs before each batch. */
  readonly before?: (batch: number, signal: AbortSignal) => unknown;
}

/** A source of `count` batches that number their rows, and what it was seen doing. */
export class Counting implements Source {
  readonly name: string;
  given = 0;
  begun = 0;
  ended = 0;
  readonly froms: (Position | undefined)[] = [];
  readonly #count: number;
  readonly #options: CountingOptions;

  constructor(count: number, options: CountingOptions = {}) {
    this.name = options.name ?? 'counting';
    this.#count = count;
    this.#options = options;
  }

  async *read(from: Position | undefined, signal: AbortSignal): AsyncGenerator<Sourced> {
    const { rows = 4, before, column } = this.#options;
    this.froms.push(from);
    this.begun++;
    try {
      for (let i = (from as number | undefined) ?? 0; i < this.#count; i++) {
        if (before !== undefined) await before(i, signal);
        this.given++;
        const values = Array.from({ length: rows }, (_, row) => i * rows + row);
        yield { batch: batchOf(values, column), next: i + 1, fraction: (i + 1) / this.#count };
      }
    } finally {
      this.ended++;
    }
  }
}

export interface RecordingOptions {
  readonly name?: string;
  readonly column?: string;
  /** What each `write` answers, by the number of the batch. */
  readonly write?: (batch: number, signal: AbortSignal) => void | Promise<void>;
  readonly finish?: () => void | Promise<void>;
}

/** A sink that keeps the numbers it was given, can be cut back, and notes how it was used. */
export class Recording implements Sink {
  readonly name: string;
  values: number[] = [];
  written = 0;
  opened: (Position | undefined)[] = [];
  finished = 0;
  abandoned: boolean[] = [];
  /** Calls that began before the one before had ended. */
  overlaps = 0;
  #isBusy = false;
  readonly #options: RecordingOptions;

  constructor(options: RecordingOptions = {}) {
    this.name = options.name ?? 'recording';
    this.#options = options;
  }

  open(resume: Position | undefined, signal: AbortSignal): SinkWriter {
    this.opened.push(resume);
    this.values.length = (resume as number | undefined) ?? 0;
    const { write, column, finish } = this.#options;
    return {
      bytes: 0,
      write: (batch) => {
        if (this.#isBusy) this.overlaps++;
        const number = this.written++;
        const answer = write?.(number, signal);
        if (answer === undefined) return this.#take(batch, column);
        this.#isBusy = true;
        return answer.then(() => {
          this.#isBusy = false;
          this.#take(batch, column);
        });
      },
      position: () => {
        if (this.#isBusy) this.overlaps++;
        return this.values.length;
      },
      finish: async () => {
        if (this.#isBusy) this.overlaps++;
        await finish?.();
        this.finished++;
      },
      abandon: (keep) => {
        if (this.#isBusy) this.overlaps++;
        this.abandoned.push(keep);
        if (!keep) this.values.length = 0;
      },
    };
  }

  #take(batch: RecordBatch, column?: string): void {
    for (const value of valuesOf(batch, column)) this.values.push(value);
  }
}

/** The sum of all rows so far: the least that keeps a state. */
export const runningSum = defineOperator({
  name: 'runningSum',
  version: 1,
  summary: 'the sum of all rows so far',
  options: { start: 'what the sum starts with (default 0)' },
  check: ({ start = 0 }: { start?: number }) => ({ start }),
  inputs: () => ({ x: f64() }),
  outputs: () => ({ sum: f64() }),
  layout: () => ({ total: f64() }),
  step({ state, options }, { numRows, x, sum }) {
    let total = state.total[0]!;
    for (let t = 0; t < numRows; t++) {
      total += x[t]!;
      sum[t] = total + options.start;
    }
    state.total[0] = total;
  },
  tolerance: 0,
  examples: [{}],
});

/** The numbers 0 … count − 1. */
export const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** The running sums of the numbers 0 … count − 1. */
export function sumsUpTo(count: number): number[] {
  let sum = 0;
  return upTo(count).map((i) => {
    sum += i;
    return sum;
  });
}

/** What the work was rejected with. */
export async function rejection(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => expect.unreachable('the work should have failed'),
    (error: unknown) => error,
  );
}

/** The error of the work, which must be one of ours with that code. */
export async function failure(work: Promise<unknown>, code: ErrorCode): Promise<DataflowError> {
  const error = await rejection(work);
  expect(error).toBeInstanceOf(DataflowError);
  expect((error as DataflowError).code, (error as DataflowError).message).toBe(code);
  return error as DataflowError;
}

/** The error that the work throws at once. */
export function thrown(work: () => unknown): DataflowError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(DataflowError);
    return error as DataflowError;
  }
  return expect.unreachable('the work should have thrown');
}
