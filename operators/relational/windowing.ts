/**
 * Windows over event time: rows go in one by one, the windows that the watermark has passed come out.
 *
 * The watermark is the latest time seen, less the allowed lateness. A window is closed once the watermark has reached its end. A
 * row is late where a window that it belongs to is closed; it then counts in none.
 */
import {
  type DataType,
  Field,
  Int64,
  type RecordBatch,
  Schema,
  TimestampMillisecond,
  Utf8,
} from 'apache-arrow';
import { plainColumn } from '../../sources/plain-column.js';
import { newBatch } from '../../src/columns.js';
import { columnType, nullRefused } from '../../src/errors.js';
import { type Accumulator, accumulatorOf } from './aggregates.js';
import { columnOf } from './columns.js';
import type { WindowOptions } from './event-time-window.js';
import { eventTimes } from './event-times.js';
import { type OpenWindow, OpenWindows, type WindowKey } from './open-windows.js';
import { isRawType, type RawValue, rawColumn, rawReader } from './raw-values.js';
import { tooLate } from './too-late.js';

const WHO = 'eventTimeWindow';

interface Closed extends OpenWindow {
  readonly lateRows: number;
}

export class Windowing {
  readonly windows: OpenWindows;
  readonly keyType: DataType;
  readonly #options: WindowOptions;
  readonly #names: readonly string[];
  readonly #accumulators: readonly Accumulator[];
  readonly #schema: Schema;
  #latest: number;
  #lateRows: number;
  #closed: Closed[] = [];

  /** For a stream of this schema; `latest` time and late rows are those that were seen before. */
  constructor(options: WindowOptions, schema: Schema, latest = Number.NEGATIVE_INFINITY, lateRows = 0) {
    const { key, aggregates } = options;
    this.#options = options;
    this.#names = Object.keys(aggregates);
    this.#accumulators = Object.values(aggregates).map((each) => accumulatorOf(WHO, schema, each));
    const keyField = schema.fields.find(({ name }) => name === key);
    this.keyType = keyField === undefined ? new Utf8() : keyTypeOf(keyField);
    this.#schema = this.#outputs(keyField);
    this.windows = new OpenWindows(this.#accumulators, options.maxWindows);
    this.#latest = latest;
    this.#lateRows = lateRows;
  }

  get latest(): number {
    return this.#latest;
  }

  get lateRows(): number {
    return this.#lateRows;
  }

  /** Takes a batch's rows; gives the numbers of those that are late. */
  take(batch: RecordBatch): Int32Array {
    const { time, key, windowMs, slideMs, offsetMs, allowedLatenessMs, late, onNullTime } = this.#options;
    const times = eventTimes(WHO, time, columnOf(WHO, batch, time));
    const keyOf = key === undefined ? () => null : rawReader(plainColumn(columnOf(WHO, batch, key)));
    const values = this.#accumulators.map(({ column }) =>
      column === undefined ? () => true : rawReader(plainColumn(columnOf(WHO, batch, column))),
    );
    const lateRows = new Int32Array(batch.numRows);
    let count = 0;
    for (let row = 0; row < batch.numRows; row++) {
      const at = times[row]!;
      const first = Math.floor((at - offsetMs - windowMs) / slideMs + 1) * slideMs + offsetMs;
      const watermark = this.#latest - allowedLatenessMs;
      const isTimeless = Number.isNaN(at);
      if (isTimeless && onNullTime === 'error') throw nullRefused(WHO, time, row);
      if (isTimeless || first + windowMs <= watermark) {
        if (late === 'error') throw tooLate(WHO, time, row, at, watermark, allowedLatenessMs);
        lateRows[count++] = row;
        this.#lateRows++;
        continue;
      }
      if (at > this.#latest) this.#advance(at);
      const group = keyOf(row);
      for (let start = first; start <= at; start += slideMs) {
        this.#add(this.windows.at(WHO, start, group), values, row);
      }
    }
    return lateRows.subarray(0, count);
  }

  /** Closes all windows: no more rows will come. */
  end(): void {
    this.#close(Number.POSITIVE_INFINITY);
  }

  /** The windows closed since the last call, one row each; undefined where there is none. */
  closed(): RecordBatch | undefined {
    return this.#closed.length === 0 ? undefined : this.#batchOf(this.#closed.splice(0));
  }

  /** A batch of no windows. */
  none(): RecordBatch {
    return this.#batchOf([]);
  }

  #advance(latest: number): void {
    this.#latest = latest;
    const last = latest - this.#options.allowedLatenessMs - this.#options.windowMs;
    if (this.windows.earliest <= last) this.#close(last);
  }

  #close(last: number): void {
    for (const window of this.windows.closeUntil(last))
      this.#closed.push({ ...window, lateRows: this.#lateRows });
  }

  #add({ kept }: OpenWindow, values: readonly ((row: number) => RawValue | null)[], row: number): void {
    for (let a = 0; a < kept.length; a++) {
      const value = values[a]!(row);
      if (value !== null) this.#accumulators[a]!.add(kept[a]!, value);
    }
  }

  #outputs(key: Field | undefined): Schema {
    const moment = new TimestampMillisecond('UTC');
    return new Schema([
      new Field('window_start', moment, false),
      new Field('window_end', moment, false),
      ...(key ? [new Field(key.name, this.keyType, true)] : []),
      ...this.#names.map((name, a) => new Field(name, this.#accumulators[a]!.type, true)),
      new Field('late_rows', new Int64(), false),
    ]);
  }

  #batchOf(closed: readonly Closed[]): RecordBatch {
    const { key, windowMs } = this.#options;
    const columns: (readonly (RawValue | null)[])[] = [
      closed.map(({ start }) => start),
      closed.map(({ start }) => start + windowMs),
      ...(key === undefined ? [] : [closed.map((window): WindowKey => window.key)]),
      ...this.#accumulators.map((accumulator, a) => closed.map(({ kept }) => accumulator.result(kept[a]!))),
      closed.map(({ lateRows }) => BigInt(lateRows)),
    ];
    const children = this.#schema.fields.map(({ type }, c) => rawColumn(type, columns[c]!));
    return newBatch(this.#schema, closed.length, children);
  }
}

function keyTypeOf({ name, type }: Field): DataType {
  const plain = plainTypeOf(type);
  if (isRawType(plain)) return plain;
  throw columnType(
    WHO,
    name,
    'text, numbers, truth values or times for a key',
    String(type),
    'Cast it first.',
  );
}

const plainTypeOf = (type: DataType): DataType =>
  (type as DataType & { dictionary?: DataType }).dictionary ?? type;
