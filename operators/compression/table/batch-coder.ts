/**
 * Record batches as payloads and back: the schema with the first, then each batch's rows. What was learned goes on.
 *
 * Both ways tell the raw bytes that a payload stands for, by their number and checksum: the leaves' nulls, numbers and
 * text, one behind the other.
 */
import { MessageHeader, type RecordBatch, type Schema } from 'apache-arrow';
import { encodeSchema } from '../../../sinks/ipc-encoder.js';
import { attempt, decodeMetadata } from '../../../sources/ipc-metadata.js';
import { crc32c } from '../../../src/checksum.js';
import { describeSchema, sameSchema } from '../../../src/columns.js';
import { corruptInput, schemaChanged } from '../../../src/errors.js';
import type { Backend } from '../../../src/kernels/kernel.js';
import { pack, unpack } from '../../../src/snapshot.js';
import { batchFromTable } from './arrow-from-table.js';
import { Column } from './column.js';
import { Decisions, type ModelSize } from './decisions.js';
import { FieldWriter } from './fields.js';
import { RowCoder } from './row-coder.js';
import { named, unnamed } from './saved.js';
import { outlineOf, type Table } from './table.js';
import { type SavedTable, type Shared, TableCoder } from './table-coder.js';
import { tableFromBatch } from './table-from-arrow.js';
import { TextColumn } from './text-column.js';

const MOST_ROWS = 2 ** 31 - 1;
/** A schema message's prefix: FF FF FF FF and its length. */
const PREFIX_BYTES = 8;
const MOST_SCHEMA_BYTES = 1 << 22;

export interface BatchLimits {
  /** The most cells of a batch: rows × columns, those inside of lists and dictionaries too. */
  readonly maxBatchCells: number;
  /** The most bytes of text in a batch that is decompressed. */
  readonly maxTextBytes: number;
}

/** What a payload stands for. */
export interface Raw {
  readonly bytes: number;
  /** CRC-32C, continued from the payload before. */
  readonly checksum: number;
}

interface SavedCoder {
  readonly beside: unknown;
  readonly checksum: number;
  readonly schema: Uint8Array | undefined;
  readonly decisions: ReturnType<Decisions['save']>;
  readonly rows: ReturnType<RowCoder['save']>;
  readonly table: SavedTable | undefined;
}

export class BatchCoder {
  readonly #decisions: Decisions;
  readonly #shared: Shared;
  readonly #schemaColumn = new Column(0, 'text');
  #schema: Schema | undefined;
  #table: TableCoder | undefined;
  #checksum = 0;
  readonly #mostTextBytes: number;

  constructor(size: ModelSize, { maxBatchCells, maxTextBytes }: BatchLimits, backend?: Backend) {
    this.#decisions = new Decisions(size, backend);
    this.#mostTextBytes = maxTextBytes;
    this.#shared = {
      decisions: this.#decisions,
      rows: new RowCoder(this.#decisions),
      nextIndex: 1,
      mostCells: maxBatchCells,
      room: { bytes: maxTextBytes },
      cellsLeft: 0,
    };
  }

  /** Everything that was learned, with what its user wants to keep beside it. */
  save(beside: unknown): Uint8Array {
    const state = {
      beside,
      checksum: this.#checksum,
      schema: this.#schema && encodeSchema(this.#schema).bytes.subarray(PREFIX_BYTES),
      decisions: this.#decisions.save(),
      rows: this.#shared.rows.save(),
      table: this.#table?.save(),
    };
    return pack(named(state));
  }

  /** What was kept beside. */
  static saved(bytes: Uint8Array): unknown {
    return (unnamed(unpack(bytes)) as SavedCoder).beside;
  }

  /** Goes on from what was saved; answers what was kept beside. */
  restore(bytes: Uint8Array): unknown {
    const state = unnamed(unpack(bytes)) as SavedCoder;
    this.#checksum = state.checksum;
    this.#decisions.restore(state.decisions);
    this.#shared.rows.restore(state.rows);
    if (state.schema !== undefined && state.table !== undefined) {
      this.#begin(decodeMetadata('compressBatches', state.schema).header() as unknown as Schema);
      this.#table!.restore(state.table);
    }
    return state.beside;
  }

  encode(batch: RecordBatch): { readonly payload: Uint8Array<ArrayBuffer>; readonly raw: Raw } {
    if (this.#schema !== undefined && !sameSchema(this.#schema, batch.schema)) {
      throw schemaChanged('compressBatches', describeSchema(this.#schema), describeSchema(batch.schema));
    }
    this.#decisions.beginEncoding();
    this.#shared.cellsLeft = this.#shared.mostCells;
    this.#shared.room.bytes = this.#mostTextBytes;
    const raw = new RawBytes(this.#checksum);
    if (this.#table === undefined) raw.take(this.#putSchema(batch.schema));
    const table = tableFromBatch(batch);
    const rows = new FieldWriter();
    rows.put(table.rows);
    this.#table!.putFields(rows.bytes);
    this.#table!.encode(table);
    raw.takeTable(table);
    this.#checksum = raw.checksum;
    return { payload: this.#decisions.endEncoding(), raw };
  }

  decode(payload: Uint8Array): { readonly batch: RecordBatch; readonly raw: Raw } {
    this.#decisions.beginDecoding(payload);
    this.#shared.cellsLeft = this.#shared.mostCells;
    this.#shared.room.bytes = this.#mostTextBytes;
    const raw = new RawBytes(this.#checksum);
    if (this.#table === undefined) raw.take(this.#takeSchema());
    const table = this.#table!.decode(this.#table!.takeFields().take(MOST_ROWS));
    raw.takeTable(table);
    this.#checksum = raw.checksum;
    return { batch: batchFromTable(this.#schema!, table), raw };
  }

  #putSchema(schema: Schema): Uint8Array {
    const bytes = encodeSchema(schema).bytes.subarray(PREFIX_BYTES) as Uint8Array<ArrayBuffer>;
    const { texts } = this.#shared.rows;
    this.#begin(schema);
    const length = new FieldWriter();
    length.put(bytes.length);
    this.#table!.putFields(length.bytes);
    const text = new TextColumn(bytes, Float64Array.of(0, bytes.length), 1);
    texts.code(this.#schemaColumn, text, true, bytes.length);
    return bytes;
  }

  #takeSchema(): Uint8Array {
    const empty = new TableCoder({ leaves: [], tables: [] }, { ...this.#shared });
    const length = empty.takeFields().take(MOST_SCHEMA_BYTES);
    const text = new TextColumn();
    this.#shared.rows.texts.code(this.#schemaColumn, text, false, length);
    const bytes = text.at(0).slice();
    const message = decodeMetadata('decompressBatches', bytes);
    if (message.headerType !== MessageHeader.Schema) {
      throw corruptInput(
        'decompressBatches',
        'first message',
        'a schema',
        MessageHeader[message.headerType]!,
      );
    }
    const schema = attempt('decompressBatches', 'schema', () => message.header()) as unknown as Schema;
    attempt('decompressBatches', 'schema', () => this.#begin(schema));
    return bytes;
  }

  #begin(schema: Schema): void {
    this.#schema = schema;
    this.#table = new TableCoder(outlineOf(schema), this.#shared);
  }
}

/** Counts raw bytes and takes their checksum, in the order in which they are told. */
class RawBytes implements Raw {
  bytes = 0;
  checksum: number;

  constructor(checksum: number) {
    this.checksum = checksum;
  }

  take(bytes: Uint8Array): void {
    this.bytes += bytes.length;
    this.checksum = crc32c(bytes, this.checksum);
  }

  takeTable({ rows, leaves, tables }: Table): void {
    this.take(new Uint8Array(Float64Array.of(rows).buffer));
    for (const { nulls, numbers, text, told, dictionary, vector } of leaves) {
      if (told) this.takeTable(told);
      if (nulls) this.take(nulls);
      if (dictionary || vector)
        this.take(new Uint8Array(Float64Array.from(numbers as Int32Array, Number).buffer));
      else if (numbers) this.take(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength));
      else if (text) {
        this.take(new Uint8Array(text.offsets.slice(0, text.length + 1).buffer));
        this.take(text.bytes.subarray(0, text.offsets[text.length]!));
      }
    }
    for (const table of tables) this.takeTable(table);
  }
}
