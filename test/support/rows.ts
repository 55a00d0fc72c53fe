/**
 * Seeded rows for an operator's inputs, as columns by role, and batches of them.
 */
import type { RecordBatch } from 'apache-arrow';
import { Field, Schema } from 'apache-arrow';
import { columnData, newBatch } from '../../src/columns.js';
import { type AnyArray, type ArrayType, allocate } from '../../src/layout.js';
import { pickRows } from '../../src/move-rows.js';
import { idTypeOf } from '../../src/output-columns.js';
import {
  type ColumnView,
  isArrayType,
  isListType,
  type RowType,
  type RowTypes,
  type Varying,
} from '../../src/row-types.js';
import { uniform } from './property.js';

/** Rows by role (or by column name, where a test renames them). */
export type Rows = Readonly<Record<string, ColumnView>>;

type Options = Readonly<Record<string, unknown>>;

/**
 * What a role's values are like where any number in [-1, 1) will not do; `operator.role` goes before `role`. `u` is
 * uniform in [0, 1).
 */
const domains: Readonly<Record<string, (u: number) => number>> = {
  g: (u) => -2 * u,
  beta: (u) => 0.05 + 0.9 * u,
  'selectiveScan.dt': (u) => 0.01 + 0.5 * u,
  // What a row writes of what it was told has to be small, or the memory would grow without bound.
  'rwkv7.b': (u) => 0.2 * (2 * u - 1),
  'mlstm.i': (u) => 12 * u - 6,
  'mlstm.f': (u) => 10 * u - 3,
  'arithmeticCode.symbol': (u) => 10 * u * u,
};

/** Rows for each role of `inputs`; keys are of length 1 per head, as the delta rules ask for. */
export function rowsOf(
  operator: string,
  inputs: RowTypes,
  options: Options,
  numRows: number,
  seed: number,
): Rows {
  const random = uniform(seed);
  const rows: Record<string, ColumnView> = {};
  for (const [role, type] of Object.entries(inputs)) {
    rows[role] = randomColumn(type, numRows, random, domains[`${operator}.${role}`] ?? domains[role]);
    if (role === 'k' && rows[role] instanceof Float32Array) normalizeKeys(rows[role], options.keyDim);
    if (operator === 'decodeAttention' && role === 'v')
      rows[role] = asLongAs(rows.k as Varying, type, random);
  }
  return rows;
}

type Domain = ((u: number) => number) | undefined;
const MOST_ELEMENTS = 5;

function randomColumn(type: RowType, numRows: number, random: () => number, domain: Domain): ColumnView {
  if (isArrayType(type))
    return filled(allocate(type.dtype, numRows * type.length), random, domain, type.dtype);
  if (!isListType(type)) return Array.from({ length: numRows }, () => BigInt(Math.floor(random() * 50)));
  const offsets = new Int32Array(numRows + 1);
  for (let t = 0; t < numRows; t++) offsets[t + 1] = offsets[t]! + Math.floor(random() * MOST_ELEMENTS);
  const values = allocate(type.element.dtype, offsets[numRows]! * type.element.length);
  if (type.kind === 'utf8')
    return { offsets, values: Uint8Array.from(values as Uint8Array, () => 97 + Math.floor(26 * random())) };
  return { offsets, values: filled(values, random, domain, type.element.dtype) };
}

/** Lists of a type as long as those of another column. */
function asLongAs({ offsets }: Varying, type: RowType, random: () => number): ColumnView {
  const { element } = type as Extract<RowType, { element: ArrayType }>;
  const values = allocate(element.dtype, offsets.at(-1)! * element.length);
  return { offsets: offsets.slice(), values: filled(values, random, undefined, element.dtype) };
}

function filled(values: AnyArray, random: () => number, given: Domain, dtype?: string): AnyArray {
  const isFloat = values instanceof Float32Array || values instanceof Float64Array;
  const domain = given ?? (isFloat ? (u: number) => 2 * u - 1 : (u: number) => 200 * u - 100);
  for (let i = 0; i < values.length; i++) {
    if (isFloat) values[i] = domain(random());
    else if (values instanceof BigInt64Array) values[i] = BigInt(Math.floor(domain(random())));
    else values[i] = dtype === 'bool' ? Math.floor(2 * random()) : Math.floor(domain(random()));
  }
  return values;
}

function normalizeKeys(keys: Float32Array, keyDim: unknown): void {
  if (typeof keyDim !== 'number') return;
  for (let from = 0; from < keys.length; from += keyDim) {
    const key = keys.subarray(from, from + keyDim);
    const length = Math.hypot(...key);
    for (let i = 0; i < keyDim; i++) key[i]! /= length;
  }
}

/** How many rows a column has. */
const lengthOf = (type: RowType, view: ColumnView): number =>
  isArrayType(type)
    ? (view as AnyArray).length / type.length
    : 'offsets' in view
      ? view.offsets.length - 1
      : view.length;

export const numRowsOf = (types: RowTypes, rows: Rows): number => {
  const [role, type] = Object.entries(types).find(([name]) => rows[name] !== undefined)!;
  return lengthOf(type, rows[role]!);
};

const mapColumns = (types: RowTypes, rows: Rows, f: (view: ColumnView, type: RowType) => ColumnView): Rows =>
  Object.fromEntries(
    Object.entries(types).flatMap(([role, type]) =>
      rows[role] === undefined ? [] : [[role, f(rows[role], type)]],
    ),
  );

/** The rows `from` … `to − 1`, viewed. */
export const rowsBetween = (types: RowTypes, rows: Rows, from: number, to: number): Rows =>
  mapColumns(types, rows, (view, type) => pickRows(view, type, undefined, from, to - from));

/** The rows whose numbers are listed, copied. */
export const rowsAt = (types: RowTypes, rows: Rows, listed: readonly number[]): Rows =>
  mapColumns(types, rows, (view, type) => pickRows(view, type, Int32Array.from(listed), 0, listed.length));

/** The same rows, the numbers in them (of an array column, or inside of lists) mapped. Ids stay. */
export const mapRows = (
  types: RowTypes,
  rows: Rows,
  f: (values: AnyArray, type: ArrayType) => AnyArray,
): Rows =>
  mapColumns(types, rows, (view, type) => {
    if (isArrayType(type)) return f(view as AnyArray, type);
    if (!isListType(type)) return view;
    const { offsets, values } = view as Varying;
    return { offsets, values: f(values, type.element) };
  });

/** The types, those of arrays (alone, or inside of lists) mapped. */
export const mapTypes = (types: RowTypes, f: (type: ArrayType) => ArrayType): RowTypes =>
  Object.fromEntries(
    Object.entries(types).map(([role, type]) => {
      if (isArrayType(type)) return [role, f(type)];
      return [role, isListType(type) ? { ...type, element: f(type.element) } : type];
    }),
  );

/** A copy that shares no memory. */
export const copyOf = (types: RowTypes, rows: Rows): Rows =>
  rowsAt(types, rows, [...Array(numRowsOf(types, rows)).keys()]);

/** The typed arrays that hold a column's rows. */
export const arraysOf = (view: ColumnView): AnyArray[] => {
  if (ArrayBuffer.isView(view)) return [view as AnyArray];
  return 'offsets' in view && ArrayBuffer.isView(view.values) ? [view.offsets, view.values as AnyArray] : [];
};

/** One batch of all rows, its columns named by `names` or else as their roles. */
export function batchOf(
  types: RowTypes,
  rows: Rows,
  names: Readonly<Record<string, string>> = {},
): RecordBatch {
  const numRows = numRowsOf(types, rows);
  const present = Object.entries(types).filter(([role]) => rows[role] !== undefined);
  const columns = present.map(([role, type]) =>
    columnData(type, rows[role]!, numRows, idTypeOf(rows[role]!)),
  );
  const fields = present.map(([role], i) => new Field(names[role] ?? role, columns[i]!.type, true));
  return newBatch(new Schema(fields), numRows, columns);
}

/** Batches of the given lengths, and one of the rows that remain. */
export function cutInto(types: RowTypes, rows: Rows, lengths: readonly number[]): RecordBatch[] {
  const numRows = numRowsOf(types, rows);
  const batches: RecordBatch[] = [];
  let from = 0;
  for (const length of [...lengths, numRows]) {
    const to = Math.min(from + length, numRows);
    batches.push(batchOf(types, rowsBetween(types, rows, from, to)));
    from = to;
    if (from === numRows) break;
  }
  return batches;
}
