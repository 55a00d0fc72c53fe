/**
 * Cuts bytes into records (a line, or several where a quoted cell has line breaks), each with its place in the file.
 *
 * 1. Chunks are joined until they hold a whole record; a chunk border may be anywhere, inside of a character too.
 * 2. What looks unfinished is looked at again only once twice as much is there, so long records cost no more per byte.
 * 3. A byte order mark in front is passed over.
 * 4. A record longer than `maxRecordBytes` is LIMIT_EXCEEDED.
 */
import { limitExceeded } from '../src/errors.js';
import { joinBytes } from './join-bytes.js';

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
export type FindRecord = (
  bytes: Uint8Array,
  from: number,
  to: number,
  isLast: boolean,
) => FoundRecord | undefined;

const NEWLINE = 10;
const RETURN = 13;
/** What some editors put in front of UTF-8 text. */
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];

/**
 * All records behind `start`, in lists as they become known. Of input that is growing, the last one is only a record once
 * its end is there.
 */
export async function* textRecords(
  who: string,
  chunks: AsyncIterable<Uint8Array>,
  start: TextPlace,
  find: FindRecord,
  maxRecordBytes: number,
  isGrowing = false,
): AsyncGenerator<TextRecord[]> {
  let { bytes: offset, line } = start;
  let pending: Uint8Array = new Uint8Array(0);
  let isEnough = 0;
  const tooLong = () => limitExceeded(who, 'maxRecordBytes', maxRecordBytes, `Line ${line} is longer.`);
  const cut = (isLast: boolean): TextRecord[] => {
    const records: TextRecord[] = [];
    if (offset === 0 && pending.length < BYTE_ORDER_MARK.length && !isLast) return records;
    let from =
      offset === 0 && BYTE_ORDER_MARK.every((byte, i) => pending[i] === byte) ? BYTE_ORDER_MARK.length : 0;
    while (from < pending.length) {
      const found = find(pending, from, pending.length, isLast);
      if (found === undefined) break;
      const { end, flaw } = found;
      const next = end + (pending[end] === NEWLINE ? 1 : 0);
      const first = line;
      if (end - from > maxRecordBytes) throw tooLong();
      line += lineBreaks(pending, from, next);
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
    if (pending.length > maxRecordBytes) throw tooLong();
    isEnough = pending.length * 2;
    return records;
  };
  let parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    parts.push(chunk);
    size += chunk.length;
    if (size < isEnough) continue;
    pending = joinBytes(parts);
    yield cut(false);
    parts = [pending];
    size = pending.length;
  }
  pending = joinBytes(parts);
  yield cut(!isGrowing);
}

/** Lines, whatever is in them. */
export const findLine: FindRecord = (bytes, from, to, isLast) => {
  const end = bytes.indexOf(NEWLINE, from);
  if (end >= 0 && end < to) return { end };
  return isLast ? { end: to } : undefined;
};

function lineBreaks(bytes: Uint8Array, from: number, to: number): number {
  let found = 0;
  for (let at = from; at < to; at++) if (bytes[at] === NEWLINE) found++;
  return found;
}
