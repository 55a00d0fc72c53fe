/**
 * Cuts bytes into records (a line, or several where a quoted cell has line breaks), each with its place in the file.
 *
 * 1. Chunks are joined until they hold a whole record; a chunk border may be anywhere, inside of a character too.
 * 2. What looks unfinished is looked at again only once twice as much is there, so long records cost no more per byte.
 * 3. A record longer than `maxRecordBytes` is LIMIT_EXCEEDED.
 */
import { limitExceeded } from '../src/errors.js';

export interface TextRecord {
  /** Without the line break. */
  readonly bytes: Uint8Array;
  /** The line that it begins in, from 1. */
  readonly line: number;
  /** Where the next record begins: bytes from the start of the input, and its line. */
  readonly next: TextPlace;
  /** What is wrong with it, where it could be cut out but not be understood. */
  readonly flaw: string | undefined;
}

export interface TextPlace {
  readonly bytes: number;
  readonly line: number;
}

/** Where a record that begins at `from` ends, in front of its line break; `end` if it is not known by then. */
export interface FoundRecord {
  readonly end: number;
  readonly flaw?: string;
}

/**
 * Looks for the end of the record at `from` in bytes up to `to`; undefined if it needs more of them. When `isLast`, no
 * more will come.
 */
export type FindRecord = (bytes: Uint8Array, from: number, to: number, isLast: boolean) => FoundRecord | undefined;

const NEWLINE = 10;
const RETURN = 13;

/** All records behind `start`, in lists as they become known. */
export async function* textRecords(
  who: string,
  chunks: AsyncIterable<Uint8Array>,
  start: TextPlace,
  find: FindRecord,
  maxRecordBytes: number,
): AsyncGenerator<TextRecord[]> {
  let { bytes: offset, line } = start;
  let pending: Uint8Array = new Uint8Array(0);
  let isEnough = 0;
  const cut = (isLast: boolean): TextRecord[] => {
    const records: TextRecord[] = [];
    let from = 0;
    while (from < pending.length) {
      const found = find(pending, from, pending.length, isLast);
      if (found === undefined) break;
      const { end, flaw } = found;
      const next = end + (pending[end] === NEWLINE ? 1 : 0);
      const first = line;
      line += count(pending, NEWLINE, from, next);
      const isReturn = end > from && pending[end - 1] === RETURN && next > end;
      records.push({
        bytes: pending.subarray(from, isReturn ? end - 1 : end),
        line: first,
        next: { bytes: offset + next, line },
        flaw,
      });
      from = next;
    }
    offset += from;
    pending = pending.subarray(from);
    if (pending.length > maxRecordBytes) {
      throw limitExceeded(who, 'maxRecordBytes', maxRecordBytes, `Line ${line} is longer.`);
    }
    isEnough = pending.length * 2;
    return records;
  };
  for await (const chunk of chunks) {
    pending = join(pending, chunk);
    if (pending.length >= isEnough) yield cut(false);
  }
  yield cut(true);
}

/** Lines, whatever is in them. */
export const findLine: FindRecord = (bytes, from, to, isLast) => {
  const end = bytes.indexOf(NEWLINE, from);
  if (end >= 0 && end < to) return { end };
  return isLast ? { end: to } : undefined;
};

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}

function count(bytes: Uint8Array, byte: number, from: number, to: number): number {
  let found = 0;
  for (let at = bytes.indexOf(byte, from); at >= 0 && at < to; at = bytes.indexOf(byte, at + 1)) found++;
  return found;
}
