/**
 * Seeded rows for attention, and operators run over them.
 */
import type { OperatorMaker } from '../../src/define-operator.js';
import type { Operator } from '../../src/operator.js';
import { run } from './outcome.js';
import { batchOf, cutInto, type Rows, rowsOf } from './rows.js';

/** Seeded columns of T rows; logits are about `size` times as large as for numbers in [-1, 1). */
export function attentionRows(operator: Operator, options: object, T: number, seed: number, size = 1): Rows {
  const { inputs, name } = operator.description;
  // Keys keep the length that was drawn: they are not normalized as those of delta rules.
  const rows = rowsOf(name, inputs, { ...options, keyDim: undefined }, T, seed);
  return rows.k instanceof Float32Array ? { ...rows, k: rows.k.map((x) => size * x) } : rows;
}

/** An operator's outputs for some rows, cut as asked. */
export function attended(operator: Operator, rows: Rows, lengths?: readonly number[]) {
  const { inputs } = operator.description;
  const batches = lengths === undefined ? [batchOf(inputs, rows)] : cutInto(inputs, rows, lengths);
  return run(operator, batches).outputs as Readonly<Record<string, Float32Array>>;
}

/** The same from options and a maker, with the rows that went in. */
export function attendedWith<O extends object>(
  maker: OperatorMaker<O>,
  options: O,
  T: number,
  seed: number,
  size = 1,
) {
  const operator = maker(options);
  const rows = attentionRows(operator, options, T, seed, size);
  return { operator, rows, outputs: attended(operator, rows) };
}
