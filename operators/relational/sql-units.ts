/**
 * The rows that a query is asked about together: which they are, and which still wait.
 */
import { type RecordBatch, RecordBatchStreamWriter, tableFromIPC } from 'apache-arrow';
import { describeSchema, sameSchema } from '../../src/columns.js';
import { concatBatches } from '../../src/concat.js';
import { limitExceeded, nullRefused, schemaChanged } from '../../src/errors.js';
import { rebatch } from '../../src/rebatch.js';
import { pack, unpack } from '../../src/snapshot.js';
import { columnOf } from './columns.js';
import { eventTimes } from './event-times.js';
import { pickRows } from './pick-rows.js';
import type { CheckedSql, SqlWindows } from './sql.js';
import { tooLate } from './too-late.js';

/** Rows to be asked about; of a window, where it begins. */
export interface Unit {
  readonly batch: RecordBatch;
  readonly startMs?: number;
}

export interface Units {
  /** The units that a batch completes. */
  take(batch: RecordBatch): Unit[];
  /** Late rows of the batch taken last. */
  readonly late?: RecordBatch | undefined;
  /** What waits at the end. */
  end(): Unit[];
  snapshot(): Uint8Array;
  restore(bytes: Uint8Array): void;
}

export function unitsOf(per: CheckedSql['per']): Units {
  if (per === 'batch') return eachBatch();
  return 'rows' in per ? everyRows(per.rows) : new TimeUnits(per);
}

const eachBatch = (): Units => ({
  take: (batch) => [{ batch }],
  end: () => [],
  snapshot: () => new Uint8Array(),
  restore: () => {},
});

function everyRows(rows: number): Units {
  const open = rebatch({ rows }).open();
  const emitted = (work: (emit: (batch: RecordBatch) => void) => void): Unit[] => {
    const units: Unit[] = [];
    work((batch) => units.push({ batch }));
    return units;
  };
  return {
    take: (batch) => emitted((emit) => open.step(batch, emit)),
    end: () => emitted((emit) => open.flush(emit)),
    snapshot: () => open.snapshot(),
    restore: (bytes) => open.restore(bytes),
  };
}

/** Rows by window of event time, until the watermark has passed it. */
class TimeUnits implements Units {
  late: RecordBatch | undefined;
  readonly #per: Required<SqlWindows>;
  readonly #waiting = new Map<number, RecordBatch[]>();
  #template: RecordBatch | undefined;
  #rows = 0;
  #latest = Number.NEGATIVE_INFINITY;
  #hasGiven = false;

  constructor(per: Required<SqlWindows>) {
    this.#per = per;
  }

  take(batch: RecordBatch): Unit[] {
    const { time, windowMs, allowedLatenessMs, late } = this.#per;
    this.#template ??= batch.slice(0, 0);
    if (!sameSchema(this.#template.schema, batch.schema)) {
      throw schemaChanged('sql', describeSchema(this.#template.schema), describeSchema(batch.schema));
    }
    const times = eventTimes('sql', time, columnOf('sql', batch, time));
    const lateRows: number[] = [];
    const byStart = new Map<number, number[]>();
    for (let row = 0; row < batch.numRows; row++) {
      const at = times[row]!;
      if (Number.isNaN(at)) throw nullRefused('sql', time, row);
      const start = Math.floor(at / windowMs) * windowMs;
      const watermark = this.#latest - allowedLatenessMs;
      if (start + windowMs <= watermark) {
        if (late === 'error') throw tooLate('sql', time, row, at, watermark, allowedLatenessMs);
        lateRows.push(row);
        continue;
      }
      const rows = byStart.get(start);
      if (rows === undefined) byStart.set(start, [row]);
      else rows.push(row);
      if (at > this.#latest) this.#latest = at;
    }
    for (const [start, rows] of byStart) this.#add(start, pickRows(batch, Int32Array.from(rows)));
    this.late = pickRows(batch, Int32Array.from(lateRows));
    return this.#release(this.#latest - allowedLatenessMs - windowMs);
  }

  /** What waits; of a stream without rows, a unit of none, so that the schema is not lost. */
  end(): Unit[] {
    const units = this.#release(Number.POSITIVE_INFINITY);
    const isEmpty = units.length === 0 && !this.#hasGiven && this.#template !== undefined;
    return isEmpty ? [{ batch: this.#template! }] : units;
  }

  snapshot(): Uint8Array {
    const starts = [...this.#waiting.keys()].sort((a, b) => a - b);
    const batches = starts.map((start) => concatBatches(this.#waiting.get(start)!));
    const rows = this.#template === undefined ? undefined : concatBatches([this.#template, ...batches]);
    return pack({
      head: Float64Array.of(this.#latest, Number(this.#hasGiven)),
      starts: Float64Array.from(starts),
      lengths: Float64Array.from(batches, ({ numRows }) => numRows),
      rows: rows === undefined ? undefined : RecordBatchStreamWriter.writeAll([rows]).toUint8Array(true),
    });
  }

  restore(bytes: Uint8Array): void {
    const { head, starts, lengths, rows } = unpack(bytes) as {
      head: Float64Array;
      starts: Float64Array;
      lengths: Float64Array;
      rows: Uint8Array | undefined;
    };
    this.#latest = head[0]!;
    this.#hasGiven = head[1] === 1;
    const batch = rows && tableFromIPC(rows).batches[0];
    if (batch === undefined) return;
    this.#template = batch.slice(0, 0);
    let from = 0;
    for (const [i, start] of starts.entries()) {
      this.#add(start, batch.slice(from, from + lengths[i]!));
      from += lengths[i]!;
    }
  }

  #add(start: number, batch: RecordBatch): void {
    this.#rows += batch.numRows;
    if (this.#rows > this.#per.maxRows) {
      throw limitExceeded('sql', 'per.maxRows', this.#per.maxRows, 'Raise it, or make the windows shorter.');
    }
    const waiting = this.#waiting.get(start);
    if (waiting === undefined) this.#waiting.set(start, [batch]);
    else waiting.push(batch);
  }

  /** The windows that begin at `last` or before. */
  #release(last: number): Unit[] {
    const starts = [...this.#waiting.keys()].filter((start) => start <= last).sort((a, b) => a - b);
    return starts.map((startMs) => {
      const batch = concatBatches(this.#waiting.get(startMs)!);
      this.#waiting.delete(startMs);
      this.#rows -= batch.numRows;
      this.#hasGiven = true;
      return { batch, startMs };
    });
  }
}
