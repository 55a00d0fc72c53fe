/**
 * Event time window: aggregates rows over tumbling or sliding windows of the time that they speak of, and tells late rows apart.
 *
 *   watermark_t = max(time_0 .. time_t) - allowedLatenessMs
 *   window k is [offsetMs + k slideMs, offsetMs + k slideMs + windowMs), closed once watermark_t has reached its end
 *   row t is late where a window that it belongs to was closed before it
 *
 * In      time  Timestamp, Date, or numbers of milliseconds since 1970; key and aggregated columns plain, or dictionaries
 * Out     window_start, window_end  Timestamp<ms, UTC>; the key; the aggregates; late_rows  Int64, late rows of the whole stream
 *         until then. One row for each window that has rows, once it is closed, by start and key; the rest at the end
 * State   the open windows, at most `maxWindows` times keys
 * Cost    O(windowMs / slideMs) a row and aggregate
 * Error   COLUMN_MISSING, COLUMN_TYPE, NOT_FINITE for a row without time, CORRUPT_INPUT for a late row, LIMIT_EXCEEDED
 * Nulls   of aggregated values passed over, as in SQL; a null key is a key; rows without time as `onNullTime` says
 * Differs from Flink: a row counts in all of its windows or in none
 * Source  Akidau et al., The Dataflow Model, 2015; Begoli et al., Watermarks in Stream Processing Systems, 2021
 */
import type { RecordBatch, Schema } from 'apache-arrow';
import { RecordBatchStreamWriter, tableFromIPC } from 'apache-arrow';
import { emptyBatch } from '../../sources/empty-data.js';
import type { AsyncOperator, OpenAsyncOperator } from '../../src/async-operator.js';
import { batchOperator } from '../../src/batch-operator.js';
import { describeSchema, sameSchema } from '../../src/columns.js';
import { optionRange, schemaChanged } from '../../src/errors.js';
import type { Emit, OpenOperator, Operator } from '../../src/operator.js';
import { checked, integer, oneOf, text } from '../../src/options.js';
import type { Sink } from '../../src/sink.js';
import { pack, unpack } from '../../src/snapshot.js';
import { type Aggregate, aggregate } from './aggregates.js';
import { byName } from './columns.js';
import { pickRows } from './pick-rows.js';
import { SideOutput } from './side-output.js';
import { Windowing } from './windowing.js';

/** Hears of late rows, a batch for each batch that had some. A resumed run tells of them again. */
export type LateListener = (rows: RecordBatch) => void;

export interface EventTimeWindowOptions {
  /** The column with each row's time: a timestamp, a date, or numbers of milliseconds since 1970. */
  readonly time: string;
  /** The length of a window in milliseconds, 1 … 2^43. */
  readonly windowMs: number;
  /** Milliseconds between two windows' starts, 1 … windowMs (default windowMs: windows that do not overlap). */
  readonly slideMs?: number;
  /** Where a window starts, in milliseconds since 1970, 0 … 2^43 (default 0). */
  readonly offsetMs?: number;
  /** How many milliseconds a row may be behind the latest one before its window closes, 0 … 2^43 (default 0). */
  readonly allowedLatenessMs?: number;
  /** A column by whose values rows are grouped within a window. */
  readonly key?: string;
  /** What to say of each window, by the name of the column that says it: `{ n: 'count', total: { sum: 'fare' } }`. */
  readonly aggregates: Readonly<Record<string, Aggregate>>;
  /** Where late rows go: an error (default), a sink of their own, or in TypeScript a function that hears of them. */
  readonly late?: 'error' | Sink | LateListener;
  /** What a row without time is: an error (default), or a late row. */
  readonly onNullTime?: 'error' | 'late';
  /** The most windows open at once, counted for each key, 1 … 2^24 (default 65,536). */
  readonly maxWindows?: number;
}

/** The options with their defaults. */
export type WindowOptions = Required<Omit<EventTimeWindowOptions, 'key'>> & {
  readonly key: string | undefined;
};

const MOST_MS = 2 ** 43;
const WHO = 'eventTimeWindow';

/**
 * Aggregates rows over windows of event time. Late rows are an error, or go to a sink of their own: then it is an asynchronous step,
 * and late rows are written before the next batch comes. Killed and resumed, each is written as often as the sink's guarantee
 * says. Errors: OPTION_RANGE at the call, others as in the header.
 */
export function eventTimeWindow(options: EventTimeWindowOptions & { readonly late: Sink }): AsyncOperator;
export function eventTimeWindow(
  options: EventTimeWindowOptions & { readonly late?: 'error' | LateListener },
): Operator;
export function eventTimeWindow(options: EventTimeWindowOptions): Operator | AsyncOperator;
export function eventTimeWindow(given: EventTimeWindowOptions): Operator | AsyncOperator {
  const options = checked(WHO, given, [], () => check(given));
  const { late } = options;
  const lateInWords = isSink(late) ? late.name : typeof late === 'string' ? late : 'function';
  const operator = batchOperator({
    name: WHO,
    version: 1,
    summary: 'aggregates rows over windows of event time, late ones apart',
    options: { ...options, late: lateInWords },
    stateBytes: 0,
    open: () => new EventTimeWindows(options),
  });
  if (!isSink(late)) return operator;
  const { name, description, stateBytes } = operator;
  const openAsync = () => withSink(new EventTimeWindows(options), new SideOutput(late));
  return { name, description, stateBytes, sinks: [late], openAsync };
}

function check(given: EventTimeWindowOptions): WindowOptions {
  const { windowMs, late = 'error', key } = given;
  const length = integer({ windowMs }, 1, MOST_MS);
  const isLate = late === 'error' || typeof late === 'function' || isSink(late);
  if (!isLate) throw optionRange('', 'late', "'error', a sink or a function", late);
  const aggregates = byName({ aggregates: given.aggregates }, (one, name) =>
    aggregate(`aggregates.${name}`, one),
  );
  const taken = ['window_start', 'window_end', 'late_rows', key].find(
    (name) => name !== undefined && name in aggregates,
  );
  if (taken !== undefined) throw optionRange('', `aggregates.${taken}`, 'a name that is free', taken);
  return {
    time: text({ time: given.time }),
    windowMs: length,
    slideMs: integer({ slideMs: given.slideMs ?? length }, 1, length),
    offsetMs: integer({ offsetMs: given.offsetMs ?? 0 }, 0, MOST_MS),
    allowedLatenessMs: integer({ allowedLatenessMs: given.allowedLatenessMs ?? 0 }, 0, MOST_MS),
    key: key === undefined ? undefined : text({ key }),
    aggregates,
    late,
    onNullTime: oneOf({ onNullTime: given.onNullTime ?? 'error' }, ['error', 'late']),
    maxWindows: integer({ maxWindows: given.maxWindows ?? 65_536 }, 1, 2 ** 24),
  };
}

const isSink = (late: unknown): late is Sink =>
  late !== null && typeof late === 'object' && typeof (late as Sink).open === 'function';

class EventTimeWindows implements OpenOperator {
  readonly #options: WindowOptions;
  #windowing: Windowing | undefined;
  #schema: Schema | undefined;
  #hasEmitted = false;

  constructor(options: WindowOptions) {
    this.#options = options;
  }

  step(batch: RecordBatch, emit: Emit): void {
    const late = this.take(batch, emit);
    const { late: listener } = this.#options;
    if (late.numRows > 0 && typeof listener === 'function') listener(late);
  }

  /** A step that hands its late rows over. */
  take(batch: RecordBatch, emit: Emit): RecordBatch {
    this.#schema ??= batch.schema;
    if (!sameSchema(this.#schema, batch.schema)) {
      throw schemaChanged(WHO, describeSchema(this.#schema), describeSchema(batch.schema));
    }
    this.#windowing ??= new Windowing(this.#options, batch.schema);
    const late = this.#windowing.take(batch);
    this.#emitClosed(emit);
    return pickRows(batch, late);
  }

  flush(emit: Emit): void {
    this.#windowing?.end();
    this.#emitClosed(emit);
    // Of a stream without windows, an empty batch, so that the schema is not lost.
    if (!this.#hasEmitted && this.#windowing) emit(this.#windowing.none());
  }

  /** The schema, the watermark, and the open windows as a batch. */
  snapshot(): Uint8Array {
    const windowing = this.#windowing;
    if (windowing === undefined) return new Uint8Array();
    const { latest, lateRows, windows, keyType } = windowing;
    return pack({
      head: Float64Array.of(latest, lateRows, Number(this.#hasEmitted)),
      schema: toIpc(emptyBatch(this.#schema!)),
      windows: toIpc(windows.toBatch(keyType)),
    });
  }

  restore(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const { head, schema, windows } = unpack(bytes) as {
      head: Float64Array;
      schema: Uint8Array;
      windows: Uint8Array;
    };
    this.#schema = tableFromIPC(schema).schema;
    this.#windowing = new Windowing(this.#options, this.#schema, head[0], head[1]);
    this.#hasEmitted = head[2] === 1;
    for (const batch of tableFromIPC(windows).batches) this.#windowing.windows.restore(WHO, batch);
  }

  #emitClosed(emit: Emit): void {
    const closed = this.#windowing?.closed();
    if (closed === undefined) return;
    this.#hasEmitted = true;
    emit(closed);
  }
}

const toIpc = (batch: RecordBatch): Uint8Array =>
  RecordBatchStreamWriter.writeAll([batch]).toUint8Array(true);

/** The same step, its late rows written to a sink. */
function withSink(windows: EventTimeWindows, side: SideOutput): OpenAsyncOperator {
  return {
    async step(batch) {
      const out: RecordBatch[] = [];
      await side.write(windows.take(batch, (closed) => out.push(closed)));
      return out;
    },
    async flush() {
      const out: RecordBatch[] = [];
      windows.flush((closed) => out.push(closed));
      await side.finish();
      return out;
    },
    async snapshot() {
      return pack({ windows: windows.snapshot(), side: await side.position() });
    },
    async restore(bytes) {
      const saved = unpack(bytes) as { windows: Uint8Array; side: Uint8Array };
      windows.restore(saved.windows);
      side.restore(saved.side);
    },
    committed: () => side.committed(),
    close: () => side.close(),
  };
}
