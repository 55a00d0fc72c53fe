/**
 * The windows of a stream that are still open, each with what it keeps of its rows.
 */
import { type DataType, Field, Float64, type RecordBatch, Schema } from 'apache-arrow';
import { newBatch } from '../../src/columns.js';
import { limitExceeded } from '../../src/errors.js';
import type { Accumulator, Kept } from './aggregates.js';
import { type RawValue, rawColumn, rawReader } from './raw-values.js';

/** What rows are grouped by; null for none, and for rows whose key is null. */
export type WindowKey = RawValue | null;

export interface OpenWindow {
  /** Where it begins, in milliseconds since 1970. */
  readonly start: number;
  readonly key: WindowKey;
  /** What each aggregate keeps. */
  readonly kept: readonly Kept[];
}

export class OpenWindows {
  readonly #accumulators: readonly Accumulator[];
  readonly #maxWindows: number;
  readonly #byStart = new Map<number, Map<WindowKey, OpenWindow>>();
  #size = 0;
  #earliest = Number.POSITIVE_INFINITY;

  constructor(accumulators: readonly Accumulator[], maxWindows: number) {
    this.#accumulators = accumulators;
    this.#maxWindows = maxWindows;
  }

  /** Where the earliest begins; infinity where none is open. */
  get earliest(): number {
    return this.#earliest;
  }

  /** The window of a start and a key, opened where there is none. Throws LIMIT_EXCEEDED. */
  at(who: string, start: number, key: WindowKey): OpenWindow {
    let keys = this.#byStart.get(start);
    if (keys === undefined) {
      keys = new Map();
      this.#byStart.set(start, keys);
      this.#earliest = Math.min(this.#earliest, start);
    }
    let window = keys.get(key);
    if (window === undefined) {
      if (this.#size === this.#maxWindows) {
        throw limitExceeded(who, 'maxWindows', this.#maxWindows, 'Raise it, or allow less lateness.');
      }
      window = { start, key, kept: this.#accumulators.map((accumulator) => accumulator.start()) };
      keys.set(key, window);
      this.#size++;
    }
    return window;
  }

  /** Closes the windows that begin at `start` or before, and hands them over, by start and key. */
  closeUntil(start: number): OpenWindow[] {
    const starts = this.#starts().filter((one) => one <= start);
    const closed = starts.flatMap((one) => this.#windowsAt(one));
    for (const one of starts) this.#byStart.delete(one);
    this.#size -= closed.length;
    this.#earliest = Number.POSITIVE_INFINITY;
    for (const one of this.#byStart.keys()) this.#earliest = Math.min(this.#earliest, one);
    return closed;
  }

  /** All open windows as a batch, to be saved. */
  toBatch(keyType: DataType): RecordBatch {
    const all = this.#starts().flatMap((start) => this.#windowsAt(start));
    const names = ['start', 'key'];
    const columns = [
      rawColumn(
        new Float64(),
        all.map(({ start }) => start),
      ),
      rawColumn(
        keyType,
        all.map(({ key }) => key),
      ),
    ];
    for (const [a, { kept }] of this.#accumulators.entries()) {
      for (const [k, type] of kept.entries()) {
        names.push(`${a}.${k}`);
        columns.push(
          rawColumn(
            type,
            all.map((window) => window.kept[a]![k]!),
          ),
        );
      }
    }
    const fields = names.map((name, c) => new Field(name, columns[c]!.type, true));
    return newBatch(new Schema(fields), all.length, columns);
  }

  /** Opens the windows that `toBatch` gave. */
  restore(who: string, batch: RecordBatch): void {
    const [starts, keys, ...rest] = batch.data.children.map(rawReader);
    for (let row = 0; row < batch.numRows; row++) {
      const { kept } = this.at(who, starts!(row) as number, keys!(row));
      let c = 0;
      for (const each of kept) for (let k = 0; k < each.length; k++) each[k] = rest[c++]!(row);
    }
  }

  #starts(): number[] {
    return [...this.#byStart.keys()].sort((a, b) => a - b);
  }

  #windowsAt(start: number): OpenWindow[] {
    return [...this.#byStart.get(start)!.values()].sort((a, b) => inOrder(a.key, b.key));
  }
}

/** Keys of one type in ascending order, null last. */
function inOrder(a: WindowKey, b: WindowKey): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  return a < b ? -1 : Number(a > b);
}
