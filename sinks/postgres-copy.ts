/**
 * Batches in PostgreSQL's text format of `COPY`: a line a row, cells separated by tabs, `\N` for a null.
 *
 * Text rather than binary, since the server then reads each value as its own column's type: an Int32 goes into a bigint, a
 * Utf8 into a uuid or json.
 */
import type { RecordBatch } from 'apache-arrow';
import { compact } from './compact-data.js';
import { postgresTexts, type TargetColumn } from './postgres-values.js';

const CHUNK_CHARACTERS = 1 << 18;
const SPECIAL = /[\\\n\r\t]/;
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** The rows of a batch, in pieces of about a quarter of a megabyte. */
export function* copyChunks(
  who: string,
  batch: RecordBatch,
  columns: readonly TargetColumn[],
): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  const readers = batch.data.children.map((data, c) => postgresTexts(who, compact(data), columns[c]!));
  let lines = '';
  for (let row = 0; row < batch.numRows; row++) {
    for (let c = 0; c < readers.length; c++) lines += (c === 0 ? '' : '\t') + copyText(readers[c]!(row));
    lines += '\n';
    if (lines.length >= CHUNK_CHARACTERS) {
      yield encoder.encode(lines);
      lines = '';
    }
  }
  if (lines !== '') yield encoder.encode(lines);
}

function copyText(cell: string | null): string {
  if (cell === null) return '\\N';
  return SPECIAL.test(cell) ? cell.replace(/[\\\n\r\t]/g, (character) => ESCAPES[character]!) : cell;
}
