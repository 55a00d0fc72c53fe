/**
 * The bytes of DuckDB's texts and blobs.
 *
 * A vector holds 16 bytes a row: the length, and the bytes themselves where there are at most 12, otherwise four of them and
 * a pointer. Most long texts lie end to end, so they are fetched in runs.
 */
import type { DuckDBVector } from '@duckdb/node-api';
import type { Vector as RawVector } from '@duckdb/node-bindings';
import { limitExceeded } from '../src/errors.js';
import type { Duckdb } from './duckdb.js';

const ROW_BYTES = 16;
const INLINE_BYTES = 12;
const MOST_BYTES = 2 ** 31 - 1;

/** The bytes of all rows end to end, and where each begins. Absent rows are empty. */
export function readBytes(
  bindings: Duckdb['bindings'],
  vector: RawVector,
  rows: number,
  present: ((row: number) => boolean) | undefined,
): { offsets: Int32Array; bytes: Uint8Array } {
  const heads = bindings.vector_get_data(vector, rows * ROW_BYTES);
  const buffer = heads.buffer as ArrayBuffer;
  const view = new DataView(buffer, heads.byteOffset, rows * ROW_BYTES);
  const offsets = new Int32Array(rows + 1);
  for (let row = 0, end = 0; row < rows; row++) {
    if (present === undefined || present(row)) end += view.getUint32(row * ROW_BYTES, true);
    if (end > MOST_BYTES)
      throw limitExceeded('column', 'bytes in a batch', MOST_BYTES, 'Use smaller batches.');
    offsets[row + 1] = end;
  }
  const bytes = new Uint8Array(offsets[rows]!);
  const pointer = (at: number) => view.getUint32(at + 8, true) + view.getUint32(at + 12, true) * 2 ** 32;
  for (let row = 0; row < rows; ) {
    const at = row * ROW_BYTES;
    const length = offsets[row + 1]! - offsets[row]!;
    if (length <= INLINE_BYTES) {
      for (let i = 0; i < length; i++) bytes[offsets[row]! + i] = heads[at + 4 + i]!;
      row++;
      continue;
    }
    const first = row++;
    let end = pointer(at) + length;
    while (row < rows) {
      const next = offsets[row + 1]! - offsets[row]!;
      if (next <= INLINE_BYTES || pointer(row * ROW_BYTES) !== end) break;
      end += next;
      row++;
    }
    const runBytes = offsets[row]! - offsets[first]!;
    bytes.set(bindings.get_data_from_pointer(buffer, heads.byteOffset + at + 8, runBytes), offsets[first]);
  }
  return { offsets, bytes };
}

/** The values of a vector in words. */
export function readWords(
  vector: DuckDBVector,
  rows: number,
  present: ((row: number) => boolean) | undefined,
): { offsets: Int32Array; bytes: Uint8Array } {
  const encoder = new TextEncoder();
  const words = Array.from({ length: rows }, (_, row) =>
    present === undefined || present(row) ? encoder.encode(String(vector.getItem(row))) : new Uint8Array(),
  );
  const offsets = new Int32Array(rows + 1);
  for (let row = 0; row < rows; row++) offsets[row + 1] = offsets[row]! + words[row]!.length;
  const bytes = new Uint8Array(offsets[rows]!);
  for (let row = 0; row < rows; row++) bytes.set(words[row]!, offsets[row]);
  return { offsets, bytes };
}
