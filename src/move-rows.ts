/**
 * Rows of a column to the front of another and back: all in order, or those whose numbers a list gives.
 */
import type { AnyArray } from './layout.js';
import {
  type ColumnView,
  type Id,
  isArrayType,
  isListType,
  type RowType,
  type Varying,
} from './row-types.js';

/** Rows in order, where no list of row numbers is given. */
export type RowNumbers = Int32Array | undefined;

/** Rows `from` … `from + count − 1` (of `rows`, where given), viewed where they lie together. */
export function pickRows(
  column: ColumnView,
  type: RowType,
  rows: RowNumbers,
  from: number,
  count: number,
): ColumnView {
  if (isArrayType(type)) {
    const array = column as AnyArray;
    if (rows === undefined) return array.subarray(from * type.length, (from + count) * type.length);
    const target = new (array.constructor as Float32ArrayConstructor)(count * type.length);
    gather(array, rows, from, count, type.length, target);
    return target;
  }
  if (isListType(type)) return pickVarying(column as Varying, rows, from, count, type.element.length);
  const ids = column as readonly Id[];
  return rows === undefined
    ? ids.slice(from, from + count)
    : Array.from({ length: count }, (_, i) => ids[rows[from + i]!]!);
}

function pickVarying(
  { offsets, values }: Varying,
  rows: RowNumbers,
  from: number,
  count: number,
  width: number,
): Varying {
  if (rows === undefined) return { offsets: offsets.subarray(from, from + count + 1), values };
  const picked = new Int32Array(count + 1);
  for (let i = 0; i < count; i++) {
    const row = rows[from + i]!;
    picked[i + 1] = picked[i]! + offsets[row + 1]! - offsets[row]!;
  }
  const target = new (values.constructor as Float32ArrayConstructor)(picked[count]! * width);
  for (let i = 0; i < count; i++) {
    const row = rows[from + i]!;
    const own = values.subarray(offsets[row]! * width, offsets[row + 1]! * width);
    target.set(own as Float32Array, picked[i]! * width);
  }
  return { offsets: picked, values: target };
}

/** Copies rows `from` … `from + count − 1` (of `rows`, where given) to the front of `target`. */
export function gather(
  column: AnyArray,
  rows: RowNumbers,
  from: number,
  count: number,
  width: number,
  target: AnyArray,
): void {
  if (rows === undefined) {
    (target as Float32Array).set(column.subarray(from * width, (from + count) * width) as Float32Array);
    return;
  }
  for (let i = 0; i < count; i++) copyRow(column, rows[from + i]! * width, target, i * width, width);
}

/** The reverse of `gather`. */
export function scatter(
  block: AnyArray,
  rows: RowNumbers,
  from: number,
  count: number,
  width: number,
  column: AnyArray,
): void {
  if (rows === undefined) {
    (column as Float32Array).set(block.subarray(0, count * width) as Float32Array, from * width);
    return;
  }
  for (let i = 0; i < count; i++) copyRow(block, i * width, column, rows[from + i]! * width, width);
}

/** Short rows are faster copied one by one than by a call. */
const SHORT = 32;

function copyRow(
  source: AnyArray,
  sourceAt: number,
  target: AnyArray,
  targetAt: number,
  width: number,
): void {
  if (width > SHORT) {
    (target as Float32Array).set(source.subarray(sourceAt, sourceAt + width) as Float32Array, targetAt);
    return;
  }
  for (let i = 0; i < width; i++) target[targetAt + i] = source[sourceAt + i]!;
}
