/**
 * The error for a late row, where none may be.
 */
import { corruptInput } from '../../src/errors.js';

/** Names the row, its time, and the watermark that had passed its windows. */
export function tooLate(
  who: string,
  column: string,
  row: number,
  at: number,
  watermark: number,
  allowedLatenessMs: number,
) {
  const what = `value of column '${column}' in row ${row}`;
  const expected = `a time whose windows are open at ${iso(watermark)} (allowedLatenessMs ${allowedLatenessMs})`;
  return corruptInput(who, what, expected, iso(at), { column, row });
}

const iso = (ms: number) => (Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : `${ms}`);
