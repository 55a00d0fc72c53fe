/**
 * Conditions over a batch: for each row whether it holds, does not, or is unknown.
 */
import { type Data, DataType, type RecordBatch } from 'apache-arrow';
import { cellTexts } from '../../sinks/cell-text.js';
import { plainColumn } from '../../sources/plain-column.js';
import { columnType } from '../../src/errors.js';
import { columnOf } from './columns.js';
import { comparer } from './comparing.js';
import type { Condition } from './condition.js';

export const FALSE = 0;
export const TRUE = 1;
export const UNKNOWN = 2;

/** A byte for each row: FALSE, TRUE or UNKNOWN. Throws COLUMN_MISSING, and COLUMN_TYPE where a value is of no use. */
export function testRows(who: string, batch: RecordBatch, where: Condition): Uint8Array {
  if ('not' in where) return testRows(who, batch, where.not).map((truth) => NOT[truth]!);
  if ('and' in where) return all(who, batch, where.and, TRUE, AND);
  if ('or' in where) return all(who, batch, where.or, FALSE, OR);
  const column = columnOf(who, batch, where.column);
  const isDictionary = DataType.isDictionary(column.type) && column.dictionary?.data.length === 1;
  if (!isDictionary || 'isNull' in where) return testColumn(who, column, where);
  // Each entry of the dictionary is looked at once.
  const entries = testColumn(who, column.dictionary!.data[0]!, where);
  const indices = column.values as Int32Array;
  return byRow(column, (row) => entries[Number(indices[row])] ?? UNKNOWN);
}

const NOT = [TRUE, FALSE, UNKNOWN];
const AND = [
  [FALSE, FALSE, FALSE],
  [FALSE, TRUE, UNKNOWN],
  [FALSE, UNKNOWN, UNKNOWN],
];
const OR = [
  [FALSE, TRUE, UNKNOWN],
  [TRUE, TRUE, TRUE],
  [UNKNOWN, TRUE, UNKNOWN],
];

function all(
  who: string,
  batch: RecordBatch,
  parts: readonly Condition[],
  start: number,
  table: readonly (readonly number[])[],
): Uint8Array {
  const truths = new Uint8Array(batch.numRows).fill(start);
  for (const part of parts) {
    const more = testRows(who, batch, part);
    for (let row = 0; row < truths.length; row++) truths[row] = table[truths[row]!]![more[row]!]!;
  }
  return truths;
}

type ColumnCondition = Extract<Condition, { column: string }>;

function testColumn(who: string, given: Data, where: ColumnCondition): Uint8Array {
  if ('isNull' in where) {
    const truths = new Uint8Array(given.length);
    for (let row = 0; row < given.length; row++)
      truths[row] = given.getValid(row) === where.isNull ? FALSE : TRUE;
    return truths;
  }
  const column = plainColumn(given);
  if ('matches' in where) {
    if (!DataType.isUtf8(column.type) && !DataType.isLargeUtf8(column.type)) {
      throw columnType(who, where.column, 'text for matches', String(column.type));
    }
    const pattern = new RegExp(where.matches, 'u');
    const textOf = cellTexts(column);
    return byRow(column, (row) => (pattern.test(textOf(row)!) ? TRUE : FALSE));
  }
  const compare = comparer(who, where.column, column);
  if ('in' in where) {
    const tests = where.in.map((value) => compare('==', value));
    return byRow(column, (row) => (tests.some((test) => test(row)) ? TRUE : FALSE));
  }
  const test = compare(where.op, where.value);
  return byRow(column, (row) => (test(row) ? TRUE : FALSE));
}

/** What `test` says of the rows that hold a value. */
function byRow(column: Data, test: (row: number) => number): Uint8Array {
  const truths = new Uint8Array(column.length);
  const hasNulls = column.nullCount > 0 || DataType.isNull(column.type);
  for (let row = 0; row < truths.length; row++) {
    truths[row] = hasNulls && !column.getValid(row) ? UNKNOWN : test(row);
  }
  return truths;
}
