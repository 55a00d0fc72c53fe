/**
 * CSV files as typed columns.
 */
import { columnMissing, corruptInput, optionRange } from '../src/errors.js';
import { checked, truth } from '../src/options.js';
import type { Source } from '../src/source.js';
import type { Column, ColumnType } from './column-type.js';
import { Flaw } from './columns-from-rows.js';
import { compressionOption } from './compression.js';
import { csvCells, delimiterOption, findCsvRecord } from './csv-fields.js';
import { inferColumns } from './infer-types.js';
import type { RowFormat } from './row-reader.js';
import { inputName, type TextInput, textInput } from './text-input.js';
import { textRowsOptions } from './text-rows.js';
import { type TextFileOptions, textSource } from './text-source.js';

export interface CsvFileOptions extends TextFileOptions {
  /** What separates two cells: one ASCII character, not a quote or line break. Default ','. */
  readonly delimiter?: string;
  /** Whether the first line names the columns; otherwise they are column1, column2, … or those of `schema`. Default true. */
  readonly header?: boolean;
  /** Texts that stand for a null where they are not in quotes. Default ['']. */
  readonly nullValues?: readonly string[];
}

type Cells = (string | null)[];

/**
 * Reads CSV (RFC 4180, UTF-8, with or without a byte order mark, lines ended by LF or CR LF) from a file, compressed or not,
 * or from any stream of bytes. Types are inferred from the first rows (see `infer-types.ts`) unless `schema` names them.
 *
 * A row with too many or too few cells, or with a cell that is not of its column's type, is CORRUPT_INPUT with file,
 * line and column, or what option `badRows` says. Blank lines are passed over, except where there is only
 * one column: there they are nulls. A file without even a header is CORRUPT_INPUT; a header alone is a batch of no rows.
 */
export function csvFile(
  path: TextInput,
  options: CsvFileOptions = {},
): Source<'exactly once' | 'at most once'> {
  const { delimiter, header, nullValues, compression, ...rows } = checked('csvFile', options, [], () => ({
    ...textRowsOptions(options),
    compression: compressionOption(options.compression, path),
    delimiter: delimiterOption(options.delimiter ?? ','),
    header: truth({ header: options.header ?? true }),
    nullValues: nullValuesOption(options.nullValues ?? ['']),
  }));
  const who = `csvFile '${inputName(textInput('csvFile', path))}'`;
  const begin = (known: readonly Column[] | undefined) =>
    new CsvFormat(who, delimiter, nullValues, header, rows.maxRecordBytes, known);
  return textSource('csvFile', path, compression, { who, begin, options: rows });
}

function nullValuesOption(nullValues: unknown): ReadonlySet<string> {
  const isTexts = Array.isArray(nullValues) && nullValues.every((value) => typeof value === 'string');
  if (isTexts) return new Set(nullValues);
  throw optionRange('', 'nullValues', 'a list of texts', nullValues);
}

class CsvFormat implements RowFormat<Cells> {
  readonly find;
  readonly #who: string;
  readonly #delimiter: string;
  readonly #nullValues: ReadonlySet<string>;
  readonly #hasHeader: boolean;
  #names: readonly string[] | undefined;
  /** Cells in the first record. */
  #width: number | undefined;

  constructor(
    who: string,
    delimiter: string,
    nullValues: ReadonlySet<string>,
    hasHeader: boolean,
    maxRecordBytes: number,
    known: readonly Column[] | undefined,
  ) {
    this.find = findCsvRecord(delimiter, maxRecordBytes);
    this.#who = who;
    this.#delimiter = delimiter;
    this.#nullValues = nullValues;
    this.#hasHeader = hasHeader;
    this.#names = known?.map(({ name }) => name);
  }

  get expectsHeader(): boolean {
    return this.#hasHeader && this.#names === undefined;
  }

  parse(text: string): Cells | undefined {
    const isHeader = this.expectsHeader;
    if (text === '' && (this.#names?.length ?? this.#width) !== 1) return undefined;
    const cells = csvCells(text, this.#delimiter, isHeader ? new Set() : this.#nullValues);
    this.#width ??= cells.length;
    if (!isHeader) return cells;
    this.#names = this.#headerNames(cells as string[]);
    return undefined;
  }

  columns(sample: readonly Cells[], given: Readonly<Record<string, ColumnType>>): Column[] {
    const named = Object.keys(given);
    this.#names ??= named.length > 0 ? named : sample[0]?.map((_, c) => `column${c + 1}`);
    const names = this.#names;
    if (names === undefined) throw corruptInput(this.#who, 'input', 'a header or rows', 'an empty file');
    const missing = named.find((name) => !names.includes(name));
    if (missing !== undefined) throw columnMissing(this.#who, 'schema', missing, names);
    const whole = sample.filter((cells) => cells.length === names.length);
    return inferColumns(names, whole, given, true);
  }

  cells(row: Cells, columns: readonly Column[]): Cells | Flaw {
    if (row.length === columns.length) return row;
    return new Flaw(null, `expected ${columns.length} cells, got ${row.length}`);
  }

  #headerNames(cells: readonly string[]): string[] {
    const names = cells.map((name, c) => name || `column${c + 1}`);
    const twice = names.find((name, c) => names.indexOf(name) !== c);
    if (twice === undefined) return names;
    throw corruptInput(this.#who, 'header', 'a name of its own for each column', `'${twice}' twice`, {
      column: twice,
    });
  }
}
