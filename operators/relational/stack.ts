/**
 * Stack: puts columns of numbers side by side into one vector a row, which operators read.
 *
 *   as_t = [columns_1(t), columns_2(t), ...]
 *
 * In      columns of floats, integers of at most 32 bits, truth values (0 and 1), and vectors of floats
 * Out     as  FixedSizeList<Float32>[n], n the columns' widths together; the columns stay
 * State   none
 * Cost    O(n) a row
 * Error   COLUMN_MISSING, COLUMN_TYPE, NOT_FINITE for a null that `onNull` does not allow; values are rounded to float32
 * Nulls   as `onNull` says: an error, 0, or a vector that is null
 * Differs no known difference from Spark's VectorAssembler but the nulls
 * Source  Meng et al., MLlib: Machine Learning in Apache Spark, 2016, arXiv 1505.06807
 */
import {
  Data,
  DataType,
  Field,
  FixedSizeList,
  Float32,
  Precision,
  type RecordBatch,
  util,
} from 'apache-arrow';
import { uint16ToFloat64 } from 'apache-arrow/util/math';
import { batchByBatch, defineBatchOperator } from '../../src/batch-operator.js';
import { columnType, nullRefused } from '../../src/errors.js';
import { oneOf, text } from '../../src/options.js';
import { columnOf, names, withColumns } from './columns.js';

export interface StackOptions {
  /** The columns, in the order in which the vector has them. */
  readonly columns: readonly string[];
  /** The name of the vector. */
  readonly as: string;
  /** What becomes of a null: an error (default), the number 0, or a vector that is null as a whole. */
  readonly onNull?: 'error' | 'zero' | 'null';
}

/** Puts columns side by side into a vector. Errors: OPTION_RANGE at the call; COLUMN_MISSING, COLUMN_TYPE, NOT_FINITE. */
export const stack = defineBatchOperator<StackOptions, Required<StackOptions>>({
  name: 'stack',
  version: 1,
  summary: 'puts columns of numbers side by side into one vector a row',
  options: {
    columns: 'the columns, in the order in which the vector has them',
    as: 'the name of the vector',
    onNull: "what becomes of a null: 'error' (default), 'zero' or 'null'",
  },
  check: ({ columns, as, onNull = 'error' }) => ({
    columns: names({ columns }),
    as: text({ as }),
    onNull: oneOf({ onNull }, ['error', 'zero', 'null']),
  }),
  open: (options) => batchByBatch((batch) => stacked(batch, options)),
  examples: [
    { columns: ['amount', 'code'], as: 'x', onNull: 'zero' },
    { columns: ['code', 'amount', 'flag'], as: 'x', onNull: 'null' },
  ],
});

/** A column's numbers, `width` a row. */
interface Numbers {
  readonly name: string;
  readonly width: number;
  readonly values: ArrayLike<number>;
  isNull(row: number): boolean;
}

function stacked(batch: RecordBatch, { columns, as, onNull }: Required<StackOptions>): RecordBatch {
  const { numRows } = batch;
  const parts = columns.map((name) => numbersOf(name, columnOf('stack', batch, name)));
  const width = parts.reduce((sum, part) => sum + part.width, 0);
  const values = new Float32Array(numRows * width);
  const valid = onNull === 'null' ? new Uint8Array(numRows).fill(1) : undefined;
  let at = 0;
  for (const part of parts) {
    for (let row = 0; row < numRows; row++) {
      if (!part.isNull(row)) {
        for (let i = 0; i < part.width; i++)
          values[row * width + at + i] = part.values[row * part.width + i]!;
      } else if (onNull === 'error') throw nullRefused('stack', part.name, row);
      else if (valid) valid[row] = 0;
    }
    at += part.width;
  }
  const child = new Data(new Float32(), 0, values.length, 0, [undefined, values] as never);
  const type = new FixedSizeList(width, new Field('item', new Float32(), false));
  const nullCount = valid ? numRows - valid.reduce((sum, bit) => sum + bit, 0) : 0;
  const bits = nullCount > 0 ? util.packBools(valid!) : undefined;
  if (valid)
    for (let row = 0; row < numRows; row++) if (!valid[row]) values.fill(0, row * width, (row + 1) * width);
  const vector = new Data(type, 0, numRows, nullCount, [undefined, undefined, bits] as never, [child]);
  const field = new Field(as, type, onNull === 'null');
  return withColumns('stack', batch, [...batch.schema.fields, field], [...batch.data.children, vector]);
}

function numbersOf(name: string, column: Data): Numbers {
  const isVector = DataType.isFixedSizeList(column.type);
  const width = isVector ? column.type.listSize : 1;
  const elements = isVector ? column.children[0]! : column;
  const values = floatsOf(elements);
  if (values === undefined) {
    const advice = 'Cast it first, for instance to float64.';
    const expected = 'floats, integers of at most 32 bits, truth values or vectors of floats';
    throw columnType('stack', name, expected, String(column.type), advice);
  }
  const hasNulls = column.nullCount > 0 || elements.nullCount > 0;
  const isNull = (row: number) => {
    if (!hasNulls) return false;
    if (!column.getValid(row)) return true;
    for (let i = 0; isVector && i < width; i++) if (!elements.getValid(row * width + i)) return true;
    return false;
  };
  return { name, width, values, isNull };
}

function floatsOf({ type, values, offset, length }: Data): ArrayLike<number> | undefined {
  if (DataType.isBool(type)) {
    return Uint8Array.from({ length }, (_, i) => (values[(offset + i) >> 3] >> ((offset + i) & 7)) & 1);
  }
  if (DataType.isFloat(type)) {
    return type.precision === Precision.HALF ? Float32Array.from(values, uint16ToFloat64) : values;
  }
  return DataType.isInt(type) && type.bitWidth <= 32 ? values : undefined;
}
