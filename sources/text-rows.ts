/**
 * Sources of rows in text: what CSV and JSON lines have in common.
 *
 * 1. The first `sampleRows` rows say which columns there are and of which types; what option `schema` names is taken.
 * 2. Batches have `batchRows` good rows each, however the bytes arrive.
 * 3. A row that does not fit is CORRUPT_INPUT and ends the run, unless option `badRows` says otherwise.
 * 4. A position holds the place in the input, the columns, and where the rejects end: a resumed run reads the same types
 *    and neither loses nor doubles a reject.
 */
import { DataflowError } from '../src/errors.js';
import { integer } from '../src/options.js';
import type { Position, Sourced } from '../src/source.js';
import { BadRows, type BadRowsPolicy, badRowsOption } from './bad-rows.js';
import {
  type Column,
  type ColumnType,
  type ColumnTypes,
  columnTypesOption,
  isColumnType,
} from './column-type.js';
import { foreignPosition, integersAt, positionFields } from './position.js';
import { type RowFormat, RowReader } from './row-reader.js';
import { inputBytes, inputName, type SeekableInput, type TextInput, textChunks } from './text-input.js';
import { type TextPlace, textRecords } from './text-records.js';

export interface TextRowsOptions {
  /** Types of columns; those that it does not name have theirs inferred. */
  readonly schema?: ColumnTypes;
  /** Rows that types are inferred from. 1 … 1,000,000, default 1000. */
  readonly sampleRows?: number;
  /** Rows in a batch. 1 … 10,000,000, default 4096. */
  readonly batchRows?: number;
  /** Most bytes that one row may take. Default 4 MiB. */
  readonly maxRecordBytes?: number;
  /**
   * What becomes of a row that does not fit: it ends the run (`fail`, the default), is passed over and counted (`skip`),
   * or goes to a sink as columns file, line, column, reason, text, and is counted.
   */
  readonly badRows?: BadRowsPolicy;
}

export interface ResolvedOptions {
  readonly schema: Readonly<Record<string, ColumnType>>;
  readonly sampleRows: number;
  readonly batchRows: number;
  readonly maxRecordBytes: number;
  readonly badRows: BadRowsPolicy;
}

export function textRowsOptions(options: TextRowsOptions): ResolvedOptions {
  return {
    schema: columnTypesOption(options.schema ?? {}),
    sampleRows: integer({ sampleRows: options.sampleRows ?? 1000 }, 1, 1_000_000),
    batchRows: integer({ batchRows: options.batchRows ?? 4096 }, 1, 10_000_000),
    maxRecordBytes: integer({ maxRecordBytes: options.maxRecordBytes ?? 2 ** 22 }, 1, 2 ** 29),
    badRows: badRowsOption(options.badRows),
  };
}

interface Place extends TextPlace {
  readonly columns: readonly Column[] | undefined;
  readonly rejects: Position | undefined;
}

/** One reading of a source of rows. */
export interface TextReading<Row> {
  readonly who: string;
  readonly input: TextInput | SeekableInput;
  /** Makes the format, told the columns that a resumed run knows already. */
  readonly begin: (known: readonly Column[] | undefined) => RowFormat<Row>;
  readonly options: ResolvedOptions;
  /** Whether the last line may still be written: it is left for later then, if it has no end yet. */
  readonly isGrowing?: boolean;
}

/** Reads typed rows of one input. */
export async function* textRows<Row extends object>(
  { who, input, begin, options, isGrowing = false }: TextReading<Row>,
  from: Position | undefined,
  signal: AbortSignal,
): AsyncGenerator<Sourced> {
  const start = placeOf(who, from);
  const file = inputName(input);
  const badRows = await BadRows.open(options.badRows, file, start.rejects, signal);
  let isDone = false;
  try {
    const format = begin(start.columns);
    const chunks = textChunks(who, input, start.bytes, signal);
    const reader = new RowReader({ ...options, who, file, format, badRows }, start, start.columns);
    const size = await inputBytes(input);
    const told = (sourced: Sourced): Sourced =>
      size ? { ...sourced, fraction: (sourced.next as unknown as TextPlace).bytes / size } : sourced;
    const most = options.maxRecordBytes;
    for await (const records of textRecords(who, chunks, start, format.find, most, isGrowing)) {
      for await (const sourced of reader.take(records)) yield told(sourced);
    }
    const end = isGrowing ? reader.pause() : reader.end(from === undefined);
    for await (const sourced of end) yield told(sourced);
    isDone = !isGrowing;
  } catch (error) {
    throw error instanceof DataflowError ? error.within({ file }) : error;
  } finally {
    await badRows.close(isDone);
  }
}

function placeOf(who: string, from: Position | undefined): Place {
  if (from === undefined) return { bytes: 0, line: 1, columns: undefined, rejects: undefined };
  const place = integersAt(who, from, ['bytes', 'line']);
  const { columns, rejects } = positionFields(from)!;
  const isColumn = (pair: unknown) =>
    Array.isArray(pair) && typeof pair[0] === 'string' && isColumnType(pair[1]);
  if (!Array.isArray(columns) || !columns.every(isColumn))
    throw foreignPosition(who, 'columns and their types', columns);
  return { ...place, columns: columns.map(([name, type]) => ({ name, type })), rejects };
}
