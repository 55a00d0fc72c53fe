/**
 * CSV files: a header, then one line a row.
 */

import { delimiterOption } from '../sources/csv-fields.js';
import { optionRange } from '../src/errors.js';
import { checked, truth } from '../src/options.js';
import type { Sink } from '../src/sink.js';
import { cellTexts } from './cell-text.js';
import { compact } from './compact-data.js';
import { type EncodedFileOptions, encodedFileSink, fileOptions } from './encoded-file-sink.js';

export interface CsvSinkOptions extends EncodedFileOptions {
  /** What separates two cells: one ASCII character, not a quote or line break. Default ','. */
  readonly delimiter?: string;
  /** Whether the first line names the columns. Default true. */
  readonly header?: boolean;
  /** What stands for a null, without quotes; the same text as a value is written in quotes. Default ''. */
  readonly nullValue?: string;
}

/**
 * Cells are quoted where they must be. An empty text is `""`, so that it is not taken for a null. Dates, timestamps,
 * big integers and decimals have all their digits (see `cell-text.ts`); lists, vectors, structs and maps are JSON in
 * one cell.
 */
export function csvSink(path: string, options: CsvSinkOptions = {}): Sink<'exactly once'> {
  const { delimiter, header, nullValue, ...file } = checked('csvSink', options, [], () => ({
    ...fileOptions(path, options),
    delimiter: delimiterOption(options.delimiter ?? ','),
    header: truth({ header: options.header ?? true }),
    nullValue: nullOption(options.nullValue ?? '', options.delimiter ?? ','),
  }));
  const encoder = new TextEncoder();
  const quoted = (cell: string) => {
    const isPlain = cell !== '' && cell !== nullValue && !cell.includes(delimiter) && !/["\r\n]/.test(cell);
    return isPlain ? cell : `"${cell.replaceAll('"', '""')}"`;
  };
  return encodedFileSink('csvSink', path, file, () => ({ schema, data, numRows }, isFirst) => {
    const columns = data.children.map((column) => cellTexts(compact(column)));
    const names = schema.fields.map(({ name }) => quoted(String(name)));
    let lines = isFirst && header ? `${names.join(delimiter)}\n` : '';
    for (let row = 0; row < numRows; row++) {
      const cells = columns.map((cellText) => {
        const cell = cellText(row);
        return cell === null ? nullValue : quoted(cell);
      });
      lines += `${cells.join(delimiter)}\n`;
    }
    return encoder.encode(lines);
  });
}

/** A null must read as one cell, so it needs no quotes. */
function nullOption(nullValue: unknown, delimiter: string): string {
  const isBare =
    typeof nullValue === 'string' && !/["\r\n]/.test(nullValue) && !nullValue.includes(delimiter);
  if (isBare) return nullValue;
  throw optionRange('', 'nullValue', 'text without quotes, delimiters or line breaks', nullValue);
}
