/**
 * Byte strings as the rows of one column.
 */
import type { Varying } from '../../src/row-types.js';

export function joinRows(rows: readonly Uint8Array[]): Varying {
  const offsets = new Int32Array(rows.length + 1);
  for (const [row, { length }] of rows.entries()) offsets[row + 1] = offsets[row]! + length;
  const values = new Uint8Array(offsets[rows.length]!);
  for (const [row, bytes] of rows.entries()) values.set(bytes, offsets[row]);
  return { offsets, values };
}
