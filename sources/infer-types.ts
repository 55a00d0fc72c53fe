/**
 * Infers the type of a column from its first cells.
 *
 *   bool                 true, false                    (also True, TRUE, …)
 *   int32, int64         integers; int64 as soon as one is beyond 32 bits. A leading zero makes text: 00501
 *   float64              other numbers, NaN, Infinity; integers among them too
 *   date, timestamp      ISO 8601; timestamp as soon as one has a time of day
 *   float32[n]           arrays of n numbers, all of one length
 *   list<float64>        other arrays of numbers;  list<utf8> of texts
 *   utf8                 everything else, and columns without a value. Objects and mixed cells are kept as JSON text
 *
 * Cells of CSV are text and are read by these rules; a JSON string is never a number or truth value, but may be a date.
 */
import { cellReader, parsedArray, UNFIT } from './cell-values.js';
import type { Column, ColumnType } from './column-type.js';

/** A column's type so far; an empty array fits every list. */
type Kind = ColumnType | 'empty list';

const fitsBool = cellReader('bool');
const fitsInt32 = cellReader('int32');
const fitsInt64 = cellReader('int64');
const fitsFloat = cellReader('float64');
const fitsDate = cellReader('date');
const fitsTime = cellReader('timestamp');

/** The columns of rows, given as one cell a column; `given` types are taken as they are. */
export function inferColumns(
  names: readonly string[],
  rows: readonly (readonly unknown[])[],
  given: Readonly<Record<string, ColumnType>>,
  cellsAreText: boolean,
): Column[] {
  return names.map((name, c) => {
    if (Object.hasOwn(given, name)) return { name, type: given[name]! };
    let kind: Kind | undefined;
    for (const row of rows) {
      const cell = row[c];
      if (cell !== null && cell !== undefined && kind !== 'utf8')
        kind = common(kind, kindOf(cell, cellsAreText));
    }
    return { name, type: kind === 'empty list' ? 'list<float64>' : (kind ?? 'utf8') };
  });
}

function kindOf(cell: unknown, isText: boolean): Kind {
  const array = typeof cell === 'string' && isText ? parsedArray(cell) : cell;
  if (Array.isArray(array)) return kindOfArray(array);
  const isString = typeof cell === 'string';
  if (!isString || isText) {
    if (fitsBool(cell) !== UNFIT) return 'bool';
    if (!Object.is(cell, -0) && cell !== '-0') {
      if (fitsInt32(cell) !== UNFIT) return 'int32';
      if (fitsInt64(cell) !== UNFIT) return 'int64';
    }
    if (fitsFloat(cell) !== UNFIT && !isLongInteger(cell)) return 'float64';
  }
  if (fitsDate(cell) !== UNFIT) return 'date';
  if (fitsTime(cell) !== UNFIT) return 'timestamp';
  return isString && /^(NaN|-?Infinity)$/.test(cell) ? 'float64' : 'utf8';
}

/** Digits that are no number to compute with: a float would lose some, and a leading zero says that it is a code. */
const isLongInteger = (cell: unknown) =>
  typeof cell === 'bigint' || (typeof cell === 'string' && /^[+-]?(\d{16,}$|0\d)/.test(cell));

function kindOfArray(array: readonly unknown[]): Kind {
  if (array.length === 0) return 'empty list';
  if (array.every((element) => typeof element === 'number')) return `float32[${array.length}]`;
  const isAll = (type: string) => array.every((element) => element === null || typeof element === type);
  return isAll('number') ? 'list<float64>' : isAll('string') ? 'list<utf8>' : 'utf8';
}

/** The narrowest type that holds both. */
function common(a: Kind | undefined, b: Kind): Kind {
  if (a === undefined || a === b) return b;
  const pair = new Set([a, b]);
  const isWithin = (...kinds: Kind[]) => [...pair].every((kind) => kinds.includes(kind));
  if (isWithin('int32', 'int64')) return 'int64';
  if (isWithin('int32', 'int64', 'float64')) return 'float64';
  if (isWithin('date', 'timestamp')) return 'timestamp';
  if (isWithin('empty list', 'list<utf8>')) return 'list<utf8>';
  const isNumbers = (kind: Kind) =>
    kind === 'empty list' || kind === 'list<float64>' || kind.startsWith('float32[');
  return isNumbers(a) && isNumbers(b) ? 'list<float64>' : 'utf8';
}
