/**
 * Batches of messages: what all sources of messages have in common.
 *
 * 1. A batch is cut when it has `batchRows` rows, or when its first message has waited for `batchMs`. So a live stream may
 *    be cut otherwise when it is read again; the rows are the same.
 * 2. The first batch waits until the columns are known: for `sampleRows` messages or `sampleMs`.
 * 3. A message that is no row is handled by option `badRows`, and lies behind the next position with the others; where
 *    no row comes, a batch without rows carries that position.
 * 4. A position holds the feed's place, the columns, and where the rejects end.
 */

import { corruptInput } from '../src/errors.js';
import type { Position, Sourced } from '../src/source.js';
import { BadRows } from './bad-rows.js';
import { type Column, isColumnType } from './column-type.js';
import type { Flaw } from './columns-from-rows.js';
import { ArrowMessages } from './message-arrow.js';
import type { MessageFeed, MessageKind, Place, ResolvedMessageOptions } from './message-options.js';
import { JsonPayload, MessageRows, type MessageTable, PlainPayload } from './message-rows.js';
import { foreignPosition, positionFields } from './position.js';

/** One reading of a source of messages. */
export interface MessageReading<M> {
  readonly who: string;
  /** The stream's or topic's name, which rejects are told by. */
  readonly origin: string;
  readonly kind: MessageKind<M>;
  readonly feed: MessageFeed<M>;
  readonly options: ResolvedMessageOptions;
}

export async function* messageBatches<M>(
  reading: MessageReading<M>,
  from: Position | undefined,
  signal: AbortSignal,
): AsyncGenerator<Sourced> {
  const { who, origin, options } = reading;
  const table = tableOf(reading, knownColumns(who, from));
  const rejects = from === undefined ? undefined : positionFields(from)?.rejects;
  const bad = await BadRows.open(options.badRows, origin, rejects, signal);
  let isDone = false;
  try {
    yield* new Cutter(reading, table, bad).batches(from === undefined);
    isDone = true;
  } finally {
    await bad.close(isDone);
  }
}

class Cutter<M> {
  readonly #reading: MessageReading<M>;
  readonly #table: MessageTable<M>;
  readonly #bad: BadRows;
  #place: Place;
  /** The newest message of the open batch, and when its first one came. */
  #last: M | undefined;
  #beganMs = 0;

  constructor(reading: MessageReading<M>, table: MessageTable<M>, bad: BadRows) {
    this.#reading = reading;
    this.#table = table;
    this.#bad = bad;
    this.#place = reading.feed.start;
  }

  async *batches(isFromStart: boolean): AsyncGenerator<Sourced> {
    const { feed, options } = this.#reading;
    let isFirst = isFromStart;
    for (;;) {
      const most = options.format === 'arrow' ? 1 : this.#fullRows - this.#table.rows;
      const messages = await feed.take(most, this.#waitMs);
      if (messages === undefined) break;
      for (const message of messages) await this.#take(message);
      if (!this.#table.isTyped && this.#isDue) this.#settle();
      if (this.#table.isTyped && this.#isDue) {
        yield await this.#cut();
        isFirst = false;
      }
    }
    if ((isFirst || this.#last !== undefined) && this.#settle()) yield await this.#cut();
  }

  /** Rows that are enough: for a batch or, before there are columns, for a sample. */
  get #fullRows(): number {
    const { batchRows, sampleRows } = this.#reading.options;
    return this.#table.isTyped ? batchRows : Math.min(sampleRows, batchRows);
  }

  get #waitMs(): number {
    if (this.#last === undefined) return Number.POSITIVE_INFINITY;
    const { batchMs, sampleMs } = this.#reading.options;
    return Math.max(0, this.#beganMs + (this.#table.isTyped ? batchMs : sampleMs) - performance.now());
  }

  get #isDue(): boolean {
    return this.#table.rows >= this.#fullRows || this.#waitMs === 0;
  }

  async #take(message: M): Promise<void> {
    if (this.#last === undefined) this.#beganMs = performance.now();
    this.#last = message;
    const taken = this.#table.take(message);
    const flaw = taken instanceof Promise ? await taken : taken;
    if (flaw !== undefined) {
      this.#reject(message, flaw);
      await this.#bad.relieve(this.#reading.options.batchRows);
    }
    this.#place = this.#reading.feed.placeBehind(message);
  }

  /** Decides on the columns. Where no message was a row yet, it waits once more. */
  #settle(): boolean {
    const isSettled = this.#table.settle((message, flaw) => this.#reject(message, flaw));
    if (!isSettled) this.#beganMs = performance.now();
    return isSettled;
  }

  #reject(message: M, flaw: Flaw): void {
    const { kind, who } = this.#reading;
    const { column, reason } = flaw;
    const line = kind.number(message);
    this.#bad.add(
      () => ({ line, column, reason, text: new TextDecoder().decode(kind.payload(message)) }),
      () => {
        const what = `message ${line}${column === null ? '' : `, column '${column}'`}`;
        const at = { line, ...(column !== null && { column }) };
        return corruptInput(who, what, 'a row that fits (or another option badRows)', reason, at);
      },
    );
  }

  async #cut(): Promise<Sourced> {
    const { feed, kind } = this.#reading;
    const last = this.#last;
    const batch = this.#table.batch();
    const columns = this.#table.columns?.map(({ name, type }) => [name, type]);
    const next = { ...this.#place, ...(columns && { columns }), ...(await this.#bad.position()) };
    this.#last = undefined;
    if (last === undefined) return { batch, next };
    feed.cut?.(last);
    const behind = kind.behind?.(last);
    const lagMs = kind.timeMs && Math.max(0, Date.now() - kind.timeMs(last));
    return {
      batch,
      next,
      ...this.#bad.counts(),
      ...(behind !== undefined && { behind }),
      ...(lagMs !== undefined && { lagMs }),
    };
  }
}

function tableOf<M>(
  { who, kind, options }: MessageReading<M>,
  known: readonly Column[] | undefined,
): MessageTable<M> {
  const { format } = options;
  if (format === 'arrow') return new ArrowMessages(who, kind, options);
  if (format === 'json') return new MessageRows(kind, new JsonPayload(who, known), options, known);
  const payload = new PlainPayload(format);
  return new MessageRows(kind, payload, options, payload.columns());
}

/** The columns that an earlier run has found. */
function knownColumns(who: string, from: Position | undefined): readonly Column[] | undefined {
  const columns = from === undefined ? undefined : positionFields(from)?.columns;
  if (columns === undefined) return undefined;
  const isColumn = (pair: unknown) =>
    Array.isArray(pair) && typeof pair[0] === 'string' && isColumnType(pair[1]);
  if (!Array.isArray(columns) || !columns.every(isColumn))
    throw foreignPosition(who, 'columns and their types', columns);
  return columns.map(([name, type]) => ({ name, type }));
}
