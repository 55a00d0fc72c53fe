/**
 * Cast: gives columns another type, where each value stays what it is.
 *
 * In      columns of integers, floats, decimals, truth values, text, dates, timestamps, lists; dictionaries of these
 * Out     the same columns in the types that `columns` names, in place
 * State   none
 * Cost    O(rows) a cast column
 * Error   COLUMN_MISSING, COLUMN_TYPE where no value of one type is one of the other, CORRUPT_INPUT with the row of a value that
 *         does not fit: out of range, no number, more digits than the type holds
 * Nulls   kept
 * Differs from SQL, which rounds: an integer that a float does not hold, a fraction in an integer, a time of day in a date are
 *         refused. Floats alone are rounded, to the nearest. Integers and timestamps are each other's counts
 * Source  ISO/IEC 9075-2 (SQL), 6.13 cast specification
 */
import { type Data, DataType, Vector } from 'apache-arrow';
import { UNFIT } from '../../sources/cell-values.js';
import { plainColumn } from '../../sources/plain-column.js';
import { batchByBatch, defineBatchOperator } from '../../src/batch-operator.js';
import { columnType, corruptInput, shown } from '../../src/errors.js';
import { oneOf } from '../../src/options.js';
import { type CastTarget, type CastType, castTarget } from './cast-types.js';
import { casting } from './casting.js';
import { byName, columnIndex, withColumns } from './columns.js';

export interface CastOptions {
  /** The new type of each column, by its name. */
  readonly columns: Readonly<Record<string, CastType>>;
  /** What becomes of a value that does not fit: an error (default), or null. */
  readonly onError?: 'error' | 'null';
}

/** Gives columns another type. Errors: OPTION_RANGE at the call; COLUMN_MISSING, COLUMN_TYPE and CORRUPT_INPUT later. */
export const cast = defineBatchOperator<CastOptions, Required<CastOptions>>({
  name: 'cast',
  version: 1,
  summary: 'gives columns another type, checking every value',
  options: {
    columns:
      'the new type of each column, by its name: int32, float64, utf8, date, timestamp[us, UTC], decimal(10, 2) …',
    onError: "what becomes of a value that does not fit: 'error' (default) or 'null'",
  },
  check: ({ columns, onError = 'error' }) => ({
    columns: byName({ columns }, (type, column) => castTarget(`columns.${column}`, type).name),
    onError: oneOf({ onError }, ['error', 'null']),
  }),
  open({ columns, onError }) {
    const targets = Object.entries(columns).map(([name, type]) => ({ name, target: castTarget(name, type) }));
    return batchByBatch((batch) => {
      const fields = [...batch.schema.fields];
      const children = [...batch.data.children];
      for (const { name, target } of targets) {
        const c = columnIndex('cast', batch, name);
        children[c] = castColumn(name, children[c]!, target, onError === 'null');
        fields[c] = fields[c]!.clone({ type: target.type, nullable: true });
      }
      return withColumns('cast', batch, fields, children);
    });
  },
  examples: [
    { columns: { amount: 'float32', name: 'dictionary' } },
    { columns: { at: 'utf8', amount: 'int16' }, onError: 'null' },
  ],
});

function castColumn(name: string, given: Data, target: CastTarget, isNullOnError: boolean): Data {
  const isWide = DataType.isDecimal(given.type) && given.type.bitWidth !== 128;
  if (String(given.type) === String(target.type) && !isWide && !DataType.isDictionary(given.type)) {
    return given.clone(target.type);
  }
  const column = plainColumn(given);
  const castRow = DataType.isNull(column.type) ? () => null : casting(column, target);
  if (castRow === undefined) {
    throw columnType('cast', name, `a type that can become ${target.name}`, String(given.type));
  }
  const builder = target.builder();
  const hasNulls = column.nullCount > 0;
  for (let row = 0; row < column.length; row++) {
    const value = hasNulls && !column.getValid(row) ? null : castRow(row);
    if (value !== UNFIT) builder.set(row, value);
    else if (isNullOnError) builder.set(row, null);
    else throw refused(name, column, row, target);
  }
  return builder.finish(column.length);
}

function refused(name: string, column: Data, row: number, target: CastTarget) {
  const got = shown(new Vector([column]).get(row));
  return corruptInput('cast', `value of column '${name}' in row ${row}`, target.name, got, {
    column: name,
    row,
  });
}
