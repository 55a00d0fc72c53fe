/**
 * Rows that are kept until their sequence is whole: for operators whose every row may attend to every other.
 */
import { limitExceeded } from '../../src/errors.js';

/** 'end': the stream is one sequence. 'full': as many rows as there is room for are one, and then the next begins. */
export type EmitAt = 'end' | 'full';

interface Collecting {
  readonly name: string;
  /** How many rows the sequence has so far. */
  readonly rows: Int32Array;
  readonly maxRows: number;
  readonly emit: EmitAt;
  /** Keeps rows `from` … `from + count − 1` of the step as rows `before` … of the sequence. */
  append(from: number, count: number, before: number): void;
  /** Answers the rows that are there and forgets them. */
  answer(): void;
}

/** Appends a step's rows to the sequence. Where there is room for no more, it is answered, or refused: see `EmitAt`. */
export function collectRows(
  { name, rows, maxRows, emit, append, answer }: Collecting,
  numRows: number,
): void {
  for (let from = 0; from < numRows; ) {
    const before = rows[0]!;
    const count = Math.min(numRows - from, maxRows - before);
    if (count === 0) throw limitExceeded(name, 'maxRows', maxRows, "Raise it, or say emit: 'full'.");
    append(from, count, before);
    rows[0] = before + count;
    from += count;
    if (emit === 'full' && rows[0] === maxRows) answer();
  }
}

/** Copies `count` rows of packed columns to the slots of the same roles, from row `from` there to row `before` here. */
export function copyRows<R extends string>(
  columns: Readonly<Record<NoInfer<R>, Float32Array>>,
  slots: Readonly<Record<R, Float32Array>>,
  maxRows: number,
  from: number,
  count: number,
  before: number,
): void {
  for (const role in slots) {
    const width = slots[role].length / maxRows;
    slots[role].set(columns[role].subarray(from * width, (from + count) * width), before * width);
  }
}
