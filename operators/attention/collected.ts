/**
 * Rows that are kept until their sequence is whole: for operators whose every row may attend to every other.
 */
import { limitExceeded } from '../../src/errors.js';

export type EmitAt = 'end' | 'full';

/** What collecting needs of a step: packed columns by role, the slots of the same names, and how many rows are in them. */
interface Collecting<R extends string> {
  readonly name: string;
  readonly columns: Readonly<Record<R, Float32Array>>;
  readonly slots: Readonly<Record<R, Float32Array>>;
  readonly rows: Int32Array;
  readonly maxRows: number;
  readonly emit: EmitAt;
}

/**
 * Appends `numRows` rows to the slots. Whenever they hold `maxRows`, `answer` is called, which takes them; with
 * `emit: 'end'` a row beyond that is refused instead.
 */
export function collectRows<R extends string>(
  { name, columns, slots, rows, maxRows, emit }: Collecting<R>,
  numRows: number,
  answer: () => void,
): void {
  for (let from = 0; from < numRows; ) {
    const before = rows[0]!;
    const count = Math.min(numRows - from, maxRows - before);
    if (count === 0) throw limitExceeded(name, 'maxRows', maxRows, "Raise it, or say emit: 'full'.");
    for (const role in slots) {
      const width = slots[role].length / maxRows;
      slots[role].set(columns[role].subarray(from * width, (from + count) * width), before * width);
    }
    rows[0] = before + count;
    from += count;
    if (emit === 'full' && rows[0] === maxRows) answer();
  }
}
