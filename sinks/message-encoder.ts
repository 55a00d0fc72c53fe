/**
 * Batches as messages: what all sinks of messages have in common.
 */
import { DataType, type RecordBatch, Schema } from 'apache-arrow';
import { joinBytes } from '../sources/join-bytes.js';
import { MESSAGE_FORMATS, type MessageFormat } from '../sources/message-options.js';
import { describeSchema, newBatch, sameSchema, sliceRows } from '../src/columns.js';
import {
  columnMissing,
  columnType,
  limitExceeded,
  nullRefused,
  optionRange,
  schemaChanged,
} from '../src/errors.js';
import { integer, oneOf, text } from '../src/options.js';
import { cellTexts } from './cell-text.js';
import { compact, compactBatch } from './compact-data.js';
import { END_MARKER, encodeBatch, encodeSchema } from './ipc-encoder.js';
import { jsonObjects } from './json-objects.js';

export interface MessageSinkOptions {
  /**
   * What a message holds: `json`, a row as an object (default); `arrow`, a batch as an Arrow IPC stream; `bytes` or `text`,
   * the value of the one column that is left beside those that address the message.
   */
  readonly format?: MessageFormat;
  /** The most bytes in a message. 1 … 2^30; default what the broker takes, or 1 MiB. An `arrow` batch is cut to it. */
  readonly maxMessageBytes?: number;
}

/** One message. */
export interface Outgoing {
  readonly payload: Uint8Array;
  /** The first row of the stream that it holds, and the one behind its last. */
  readonly first: number;
  readonly end: number;
  /** What columns say of it, by role: its subject, topic or key; null for a null. */
  readonly address: Readonly<Record<string, string | null>>;
}

/** A fixed text, or the column whose values it is. */
export type TextOrColumn = string | { readonly column: string };

export function textOrColumn(option: Readonly<Record<string, unknown>>): TextOrColumn {
  const [name, value] = Object.entries(option)[0]!;
  if (value === null || typeof value !== 'object') return text(option);
  return { column: text({ [`${name}.column`]: (value as { column?: unknown }).column }) };
}

export function messageSinkOptions({ format, maxMessageBytes }: MessageSinkOptions) {
  return {
    format: oneOf({ format: format ?? 'json' }, MESSAGE_FORMATS),
    ...(maxMessageBytes !== undefined && {
      maxMessageBytes: integer({ maxMessageBytes }, 1, 2 ** 30),
    }),
  };
}

/** Makes messages of batches; `roles` are columns that address a message, by role. They are in no payload but of `arrow`. */
export class MessageEncoder {
  readonly #who: string;
  readonly #format: MessageFormat;
  readonly #roles: readonly (readonly [role: string, column: string])[];
  readonly #encoder = new TextEncoder();
  #schema: Schema | undefined;

  constructor(who: string, format: MessageFormat, roles: Readonly<Record<string, TextOrColumn | undefined>>) {
    this.#who = who;
    this.#format = format;
    this.#roles = Object.entries(roles).flatMap(([role, value]) =>
      typeof value === 'object' ? [[role, value.column] as const] : [],
    );
    if (format === 'arrow' && this.#roles.length > 0) {
      const [role] = this.#roles[0]!;
      throw optionRange(who, role, "one for all rows where format is 'arrow'", 'a column');
    }
  }

  /** The messages of a batch whose first row is number `row` of the stream. */
  messages(batch: RecordBatch, row: number, maxBytes: number): Outgoing[] {
    this.#schema ??= batch.schema;
    if (!sameSchema(this.#schema, batch.schema)) {
      throw schemaChanged(this.#who, describeSchema(this.#schema), describeSchema(batch.schema));
    }
    if (batch.numRows === 0) return [];
    if (this.#format === 'arrow') return this.#streams(compactBatch(batch), row, maxBytes);
    const payload = this.#payloads(batch);
    const addresses = this.#roles.map(([role, column]) => [role, this.#texts(batch, column, role)] as const);
    return Array.from({ length: batch.numRows }, (_, i) => {
      const bytes = payload(i);
      if (bytes.length > maxBytes) throw this.#tooLarge(row + i, maxBytes);
      const address = Object.fromEntries(addresses.map(([role, read]) => [role, read(i)]));
      return { payload: bytes, first: row + i, end: row + i + 1, address };
    });
  }

  #payloads(batch: RecordBatch): (row: number) => Uint8Array {
    const addressing = new Set(this.#roles.map(([, column]) => column));
    if (this.#format === 'json') {
      const object = jsonObjects(batch, addressing);
      return (row) => this.#encoder.encode(object(row));
    }
    const left = batch.schema.fields.filter(({ name }) => !addressing.has(name));
    if (left.length !== 1) {
      throw columnType(this.#who, '*', `exactly one column for format '${this.#format}'`, `${left.length}`);
    }
    return this.#values(batch, left[0]!.name);
  }

  /** The bytes of a column's values. */
  #values(batch: RecordBatch, name: string): (row: number) => Uint8Array {
    const data = compact(batch.data.children[batch.schema.names.indexOf(name)]!);
    const { type, values, valueOffsets } = data;
    const holdsBytes =
      DataType.isUtf8(type) ||
      DataType.isLargeUtf8(type) ||
      DataType.isBinary(type) ||
      DataType.isLargeBinary(type);
    if (!holdsBytes) throw columnType(this.#who, name, 'Binary or Utf8', String(type));
    return (row) => {
      if (!data.getValid(row)) throw nullRefused(this.#who, name, row);
      return (values as Uint8Array).slice(Number(valueOffsets[row]), Number(valueOffsets[row + 1]));
    };
  }

  #texts(batch: RecordBatch, column: string, role: string): (row: number) => string | null {
    const names = batch.schema.names.map(String);
    if (!names.includes(column)) throw columnMissing(this.#who, role, column, names);
    return cellTexts(compact(batch.data.children[names.indexOf(column)]!));
  }

  /** The batch as one stream, or in halves until each is small enough. */
  #streams(batch: RecordBatch, row: number, maxBytes: number): Outgoing[] {
    const schema = new Schema(batch.schema.fields, batch.schema.metadata);
    const whole = newBatch(schema, batch.numRows, batch.data.children);
    const payload = joinBytes([encodeSchema(schema).bytes, encodeBatch(whole).bytes, END_MARKER]);
    const { numRows } = batch;
    if (payload.length <= maxBytes) return [{ payload, first: row, end: row + numRows, address: {} }];
    if (numRows === 1) throw this.#tooLarge(row, maxBytes);
    const half = numRows >> 1;
    const part = (from: number, to: number) =>
      this.#streams(compactBatch(sliceRows(batch, from, to)), row + from, maxBytes);
    return [...part(0, half), ...part(half, numRows)];
  }

  #tooLarge(row: number, maxBytes: number) {
    const advice = `Row ${row} of the stream is larger: raise the limit, here and at the broker.`;
    return limitExceeded(this.#who, 'maxMessageBytes', maxBytes, advice);
  }
}
