/**
 * Seeded rows for an operator's inputs, as packed arrays by role, and batches of them.
 */
import type { RecordBatch } from 'apache-arrow';
import { Field, Schema } from 'apache-arrow';
import { arrowType, columnData, newBatch } from '../../src/columns.js';
import { type AnyArray, type ArrayType, type ArrayTypes, allocate } from '../../src/layout.js';
import { uniform } from './property.js';

/** Packed rows by role (or by column name, where a test renames them). */
export type Rows = Readonly<Record<string, AnyArray>>;

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
};

/** Rows for each role of `inputs`; keys are of length 1 per head, as the delta rules ask for. */
export function rowsOf(
  operator: string,
  inputs: ArrayTypes,
  options: Options,
  numRows: number,
  seed: number,
): Rows {
  const random = uniform(seed);
  const rows: Record<string, AnyArray> = {};
  for (const [role, type] of Object.entries(inputs)) {
    const values = allocate(type.dtype, numRows * type.length);
    fillRandom(values, random, domains[`${operator}.${role}`] ?? domains[role]);
    if (role === 'k' && values instanceof Float32Array) normalizeKeys(values, options.keyDim);
    rows[role] = values;
  }
  return rows;
}

function fillRandom(values: AnyArray, random: () => number, domain = (u: number) => 2 * u - 1): void {
  const isFloat = values instanceof Float32Array || values instanceof Float64Array;
  for (let i = 0; i < values.length; i++) {
    if (isFloat) values[i] = domain(random());
    else if (values instanceof BigInt64Array) values[i] = BigInt(Math.floor(random() * 200 - 100));
    else values[i] = Math.floor(random() * 200 - 100);
  }
}

function normalizeKeys(keys: Float32Array, keyDim: unknown): void {
  if (typeof keyDim !== 'number') return;
  for (let from = 0; from < keys.length; from += keyDim) {
    const key = keys.subarray(from, from + keyDim);
    const length = Math.hypot(...key);
    for (let i = 0; i < keyDim; i++) key[i]! /= length;
  }
}

export const numRowsOf = (types: ArrayTypes, rows: Rows): number => {
  const [role, type] = Object.entries(types)[0]!;
  return rows[role]!.length / type.length;
};

/** The rows `from` … `to − 1`, viewed. */
export const rowsBetween = (types: ArrayTypes, rows: Rows, from: number, to: number): Rows =>
  mapRows(types, rows, (values, { length }) => values.subarray(from * length, to * length));

/** The rows whose numbers are listed, copied. */
export const rowsAt = (types: ArrayTypes, rows: Rows, listed: readonly number[]): Rows =>
  mapRows(types, rows, (values, { dtype, length }) => {
    const picked = allocate(dtype, listed.length * length);
    listed.forEach((row, i) => {
      (picked as Float32Array).set(
        values.subarray(row * length, (row + 1) * length) as Float32Array,
        i * length,
      );
    });
    return picked;
  });

export const mapRows = (
  types: ArrayTypes,
  rows: Rows,
  f: (values: AnyArray, type: ArrayType, role: string) => AnyArray,
): Rows =>
  Object.fromEntries(Object.entries(types).map(([role, type]) => [role, f(rows[role]!, type, role)]));

/** A copy that shares no memory. */
export const copyOf = (types: ArrayTypes, rows: Rows): Rows =>
  mapRows(types, rows, (values) => values.slice());

/** One batch of all rows, its columns named by `names` or else as their roles. */
export function batchOf(
  types: ArrayTypes,
  rows: Rows,
  names: Readonly<Record<string, string>> = {},
): RecordBatch {
  const numRows = numRowsOf(types, rows);
  const fields = Object.entries(types).map(
    ([role, type]) => new Field(names[role] ?? role, arrowType(type), true),
  );
  const columns = Object.entries(types).map(([role, type]) => columnData(type, rows[role]!, numRows));
  return newBatch(new Schema(fields), numRows, columns);
}

/** Batches of the given lengths, and one of the rows that remain. */
export function cutInto(types: ArrayTypes, rows: Rows, lengths: readonly number[]): RecordBatch[] {
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
