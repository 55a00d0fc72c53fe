/**
 * What every source of messages is told, and what a broker's feed of messages is.
 */
import { optionRange } from '../src/errors.js';
import { integer, oneOf, text } from '../src/options.js';
import type { Position } from '../src/source.js';
import { type BadRowsPolicy, badRowsOption } from './bad-rows.js';
import { type ColumnType, type ColumnTypes, columnTypesOption } from './column-type.js';

/**
 * What a message holds.
 *
 * - `json`: one object, which is one row. Types are inferred as `jsonLines` does.
 * - `arrow`: an Arrow IPC stream, of any number of rows. All messages have one schema.
 * - `bytes`: anything, as a Binary column `bytes`.
 * - `text`: UTF-8, as a Utf8 column `text`.
 */
export type MessageFormat = 'json' | 'arrow' | 'bytes' | 'text';

export const MESSAGE_FORMATS: readonly MessageFormat[] = ['json', 'arrow', 'bytes', 'text'];

export interface MessageOptions<About extends string = string> {
  /** What a message holds. Default 'json'. */
  readonly format?: MessageFormat;
  /** Types of columns of `json` messages; those that it does not name have theirs inferred. */
  readonly schema?: ColumnTypes;
  /** Messages that types are inferred from. 1 … 1,000,000, default 100. */
  readonly sampleRows?: number;
  /** The most milliseconds to wait for so many. 1 … 2^31 − 1, default 5000. */
  readonly sampleMs?: number;
  /** Rows in a batch; `arrow` messages stay whole, so that a batch may have more. 1 … 10,000,000, default 4096. */
  readonly batchRows?: number;
  /**
   * The most milliseconds that a row waits for its batch to fill. 1 … 2^31 − 1, default 200. Where a flow reads only what
   * is there (`until: 'end'`), no batch is cut by time.
   */
  readonly batchMs?: number;
  /** Columns for what the broker says of a message: what it is, and the column's name. Default: none. */
  readonly metadata?: Readonly<Partial<Record<About, string>>>;
  /**
   * What becomes of a message that is no row: it ends the run (`fail`, the default), is passed over and counted
   * (`skip`), or goes to a sink as columns file, line, column, reason, text, where `line` is the message's number. In
   * every case but the first it is acknowledged with the others.
   */
  readonly badRows?: BadRowsPolicy;
}

export interface ResolvedMessageOptions {
  readonly format: MessageFormat;
  readonly schema: Readonly<Record<string, ColumnType>>;
  readonly sampleRows: number;
  readonly sampleMs: number;
  readonly batchRows: number;
  readonly batchMs: number;
  readonly metadata: Readonly<Record<string, string>>;
  readonly badRows: BadRowsPolicy;
}

const MOST_MS = 2 ** 31 - 1;

export function messageOptions(
  options: MessageOptions,
  about: Readonly<Record<string, unknown>>,
): ResolvedMessageOptions {
  const metadata = Object.entries(options.metadata ?? {}).map(([name, column]): [string, string] => {
    const known = Object.keys(about);
    if (!known.includes(name)) throw optionRange('', 'metadata', `any of ${known.join(', ')}`, name);
    return [name, text({ [`metadata.${name}`]: column })];
  });
  return {
    format: oneOf({ format: options.format ?? 'json' }, MESSAGE_FORMATS),
    schema: columnTypesOption(options.schema ?? {}),
    sampleRows: integer({ sampleRows: options.sampleRows ?? 100 }, 1, 1_000_000),
    sampleMs: integer({ sampleMs: options.sampleMs ?? 5000 }, 1, MOST_MS),
    batchRows: integer({ batchRows: options.batchRows ?? 4096 }, 1, 10_000_000),
    batchMs: integer({ batchMs: options.batchMs ?? 200 }, 1, MOST_MS),
    metadata: Object.fromEntries(metadata),
    badRows: badRowsOption(options.badRows),
  };
}

/** The same where what is read is there already: no batch is cut by time, and so always in the same places. */
export const unhurried = (options: ResolvedMessageOptions): ResolvedMessageOptions => ({
  ...options,
  sampleMs: Number.POSITIVE_INFINITY,
  batchMs: Number.POSITIVE_INFINITY,
});

/** How a broker's messages are read. */
export interface MessageKind<M> {
  readonly payload: (message: M) => Uint8Array;
  /** The message's number where it is rejected. */
  readonly number: (message: M) => number;
  /** What the broker says of it, by the names of option `metadata`. */
  readonly about: Readonly<
    Record<string, { readonly type: ColumnType; readonly of: (message: M) => unknown }>
  >;
  /** Messages that wait behind it, and when it came into being, where that is known. */
  readonly behind?: (message: M) => number | undefined;
  readonly timeMs?: (message: M) => number;
}

/** Where a feed goes on: a part of the position. */
export type Place = Readonly<Record<string, Position>>;

/** Messages on their way in, in order. */
export interface MessageFeed<M> {
  /** Where it began. */
  readonly start: Place;
  /** Where it goes on behind a message. */
  placeBehind(message: M): Place;
  /**
   * 1 … `most` messages as soon as there are any, none where nothing came within `waitMs`, undefined at the end.
   * Rejects where the broker is gone, and when the reading's signal aborts.
   */
  take(most: number, waitMs: number): Promise<readonly M[] | undefined>;
  /** A batch ends with this message: its place may be committed. */
  cut?(message: M): void;
}
