/**
 * Which rows of a stream are at the broker already, so that the others, and only they, are sent.
 */
import type { RecordBatch } from 'apache-arrow';
import { sliceRows } from '../src/columns.js';

/** Rows `first` … `end` − 1. */
export interface RowRange {
  readonly first: number;
  readonly end: number;
}

export class SentRows {
  /** Apart from each other and in order; none ends before the next row that comes. */
  #ranges: RowRange[] = [];

  add(range: RowRange): void {
    const apart = this.#ranges.filter(({ first, end }) => end < range.first || first > range.end);
    const joined = this.#ranges.filter((other) => !apart.includes(other));
    const first = Math.min(range.first, ...joined.map((other) => other.first));
    const end = Math.max(range.end, ...joined.map((other) => other.end));
    this.#ranges = [...apart, { first, end }].sort((a, b) => a.first - b.first);
  }

  /** The parts of a batch, whose first row is number `row`, that are not there. */
  missing(batch: RecordBatch, row: number): { readonly batch: RecordBatch; readonly row: number }[] {
    const end = row + batch.numRows;
    this.#ranges = this.#ranges.filter((range) => range.end > row);
    const parts: { batch: RecordBatch; row: number }[] = [];
    let from = row;
    for (const range of [...this.#ranges, { first: end, end }]) {
      const to = Math.min(range.first, end);
      if (to > from) parts.push({ batch: sliceRows(batch, from - row, to - row), row: from });
      from = Math.max(from, Math.min(range.end, end));
    }
    return parts;
  }

  /** Whether all rows of a range are there. */
  has({ first, end }: RowRange): boolean {
    return this.#ranges.some((range) => range.first <= first && range.end >= end);
  }
}
