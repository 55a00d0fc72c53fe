/**
 * The grammar of CSV (RFC 4180): where a record ends, and what its cells are.
 *
 * A cell that begins with a quote ends at the next single quote; `""` inside is a quote, line breaks and delimiters
 * are text. A quote inside a cell that does not begin with one is text. A record whose quotes do not add up ends with
 * its first line, so that what follows can be read.
 */
import { optionRange } from '../src/errors.js';
import { type FindRecord, findLine } from './text-records.js';

const QUOTE = 34;
const NEWLINE = 10;
const RETURN = 13;
const FLAW = 'quotes that do not add up';

export function delimiterOption(delimiter: unknown): string {
  const isOne = typeof delimiter === 'string' && delimiter.length === 1 && !'"\r\n'.includes(delimiter);
  if (isOne && delimiter.charCodeAt(0) < 128) return delimiter;
  throw optionRange('', 'delimiter', 'one ASCII character, not a quote or line break', delimiter);
}

/** Finds the end of a CSV record, which may hold line breaks in quotes. A quote open for over `mostBytes` is a flaw. */
export function findCsvRecord(delimiter: string, mostBytes: number): FindRecord {
  const separator = delimiter.charCodeAt(0);
  let searched: Uint8Array | undefined;
  let nextQuote = 0;
  return (bytes, from, to, isLast) => {
    const line = findLine(bytes, from, to, isLast);
    if (line === undefined) return undefined;
    if (searched !== bytes || nextQuote < from) {
      searched = bytes;
      const at = bytes.indexOf(QUOTE, from);
      nextQuote = at < 0 ? Number.POSITIVE_INFINITY : at;
    }
    if (nextQuote >= line.end) return line;
    const end = quotedEnd(bytes, from, to, separator, isLast);
    if (end !== 'open') return end === 'flawed' || end - from > mostBytes ? { ...line, flaw: FLAW } : { end };
    return isLast || to - from > mostBytes + 2 ? { ...line, flaw: FLAW } : undefined;
  };
}

/**
 * The line break behind the record at `from`, or the end of the input; 'open' while more bytes could bring it, 'flawed'
 * where a closing quote has text behind it.
 */
function quotedEnd(
  bytes: Uint8Array,
  from: number,
  to: number,
  separator: number,
  isLast: boolean,
): number | 'open' | 'flawed' {
  let isStart = true;
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!;
    if (byte === NEWLINE) return at;
    if (isStart && byte === QUOTE) {
      at = closingByte(bytes, at + 1, to);
      const isKnown = at < to - 2 || (isLast && at < to);
      if (!isKnown) return 'open';
      const next = at + 1 === to ? NEWLINE : bytes[at + 1];
      const isReturn = next === RETURN && bytes[at + 2] === NEWLINE;
      if (next !== separator && next !== NEWLINE && !isReturn) return 'flawed';
    }
    isStart = byte === separator;
  }
  return isLast ? to : 'open';
}

/** The place of the quote that ends a cell, or `to`. */
function closingByte(bytes: Uint8Array, from: number, to: number): number {
  let at = bytes.indexOf(QUOTE, from);
  while (at >= 0 && at + 1 < to && bytes[at + 1] === QUOTE) at = bytes.indexOf(QUOTE, at + 2);
  return at < 0 ? to : at;
}

/** The cells of a record that `findCsvRecord` found; null for those that are a null value without quotes. */
export function csvCells(
  record: string,
  delimiter: string,
  nullValues: ReadonlySet<string>,
): (string | null)[] {
  if (!record.includes('"')) return withNulls(record.split(delimiter), nullValues);
  const cells: (string | null)[] = [];
  for (let at = 0; at <= record.length; at++) {
    const isQuoted = record[at] === '"';
    const found = isQuoted ? closingQuote(record, at + 1) + 1 : record.indexOf(delimiter, at);
    const end = found < 0 ? record.length : found;
    const cell = isQuoted ? record.slice(at + 1, end - 1).replaceAll('""', '"') : record.slice(at, end);
    cells.push(!isQuoted && nullValues.has(cell) ? null : cell);
    at = end;
  }
  return cells;
}

function withNulls(cells: (string | null)[], nullValues: ReadonlySet<string>): (string | null)[] {
  for (let c = 0; c < cells.length; c++) if (nullValues.has(cells[c]!)) cells[c] = null;
  return cells;
}

/** The place of the quote that ends a cell. */
function closingQuote(record: string, from: number): number {
  let at = record.indexOf('"', from);
  while (record[at + 1] === '"') at = record.indexOf('"', at + 2);
  return at;
}
