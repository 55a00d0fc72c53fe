/**
 * JSON lines as typed columns.
 */
import { corruptInput, reason } from '../src/errors.js';
import { checked } from '../src/options.js';
import type { Source } from '../src/source.js';
import type { Column, ColumnType } from './column-type.js';
import { Flaw } from './columns-from-rows.js';
import { compressionOption } from './compression.js';
import { inferColumns } from './infer-types.js';
import type { RowFormat } from './row-reader.js';
import { inputName, type TextInput, textInput } from './text-input.js';
import { findLine } from './text-records.js';
import { textRowsOptions } from './text-rows.js';
import { type TextFileOptions, textSource } from './text-source.js';

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads one JSON object a line, from a file, compressed or not, or from any stream of bytes. Types are inferred from the first rows (see
 * `infer-types.ts`) unless `schema` names them: arrays of numbers of one length become vectors, objects stay JSON text.
 *
 * The columns are the keys of the sampled rows and of `schema`. A missing key is a null; a key that is no column, a
 * value that does not fit, or a line that is no object is CORRUPT_INPUT with file, line and column, or what option
 * `badRows` says. Integers keep all their digits. Blank lines are passed over.
 */
export function jsonLines(
  path: TextInput,
  options: TextFileOptions = {},
): Source<'exactly once' | 'at most once'> {
  const { compression, ...rows } = checked('jsonLines', options, [], () => ({
    ...textRowsOptions(options),
    compression: compressionOption(options.compression, path),
  }));
  const who = `jsonLines '${inputName(textInput('jsonLines', path))}'`;
  const begin = (known: readonly Column[] | undefined) => new JsonLinesFormat(who, known);
  return textSource('jsonLines', path, compression, { who, begin, options: rows });
}

/** Rows of JSON objects, one a line. */
export class JsonLinesFormat implements RowFormat<JsonObject> {
  readonly find = findLine;
  readonly expectsHeader = false;
  readonly #who: string;
  #names: ReadonlySet<string>;

  constructor(who: string, known: readonly Column[] = []) {
    this.#who = who;
    this.#names = new Set(known.map(({ name }) => name));
  }

  parse(text: string): JsonObject | Flaw | undefined {
    if (text.trim() === '') return undefined;
    try {
      const value = parseJson(text);
      const isObject = value !== null && typeof value === 'object' && !Array.isArray(value);
      return isObject ? (value as JsonObject) : new Flaw(null, 'expected a JSON object');
    } catch (error) {
      return new Flaw(null, `expected JSON: ${reason(error)}`);
    }
  }

  columns(sample: readonly JsonObject[], given: Readonly<Record<string, ColumnType>>): Column[] {
    const names = [...new Set([...sample.flatMap((row) => Object.keys(row)), ...Object.keys(given)])];
    if (names.length === 0)
      throw corruptInput(this.#who, 'input', 'rows with keys, or option schema', 'none');
    this.#names = new Set(names);
    const rows = sample.map((row) => names.map((name) => valueAt(row, name)));
    return inferColumns(names, rows, given, false);
  }

  cells(row: JsonObject, columns: readonly Column[]): readonly unknown[] | Flaw {
    for (const key in row) {
      if (!this.#names.has(key))
        return new Flaw(key, 'no such column in the sampled rows; name it in option schema');
    }
    return columns.map(({ name }) => valueAt(row, name));
  }
}

const valueAt = (row: JsonObject, name: string) => (Object.hasOwn(row, name) ? row[name] : null);

const LONG_DIGITS = /\d{16}/;
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const LONG_INTEGER = /^-?\d{16,}$/;
const MARK = 'chunkwise:integer';

/** JSON in which integers beyond what a double holds exactly are big integers. */
function parseJson(text: string): unknown {
  if (!LONG_DIGITS.test(text)) return JSON.parse(text);
  const marked = text.replace(TOKENS, (token) =>
    LONG_INTEGER.test(token) ? `{"${MARK}":"${token}"}` : token,
  );
  return JSON.parse(marked, (_, value) => {
    const isMarked = value !== null && typeof value === 'object' && typeof value[MARK] === 'string';
    return isMarked ? BigInt(value[MARK]) : value;
  });
}
