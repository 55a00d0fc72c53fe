/**
 * The grammar of CSV (RFC 4180): where a record ends, and what its cells are.
 *
 * A cell that begins with a quote ends at the next single quote; `""` inside is a quote, line breaks and delimiters
 * are text. A quote inside a cell that does not begin with one is text. A record whose quotes do not add up ends with
 * its first line, so that what follows can be read.
 */
import { optionRange } from '../src/errors.js';
import { type FindRecord, type FoundRecord, findLine } from './text-records.js';

const QUOTE = 34;

/** A cell, and whether it was in quotes. */
export interface CsvCell {
  readonly text: string;
  readonly isQuoted: boolean;
}

export function delimiterOption(delimiter: unknown): string {
  const isOne = typeof delimiter === 'string' && delimiter.length === 1 && !'"\r\n'.includes(delimiter);
  if (isOne && delimiter.charCodeAt(0) < 128) return delimiter;
  throw optionRange('', 'delimiter', 'one ASCII character, not a quote or line break', delimiter);
}

/** Finds the end of a CSV record, which may hold line breaks in quotes; quotes may reach over `mostBytes` at most. */
export function findCsvRecord(delimiter: string, mostBytes: number): FindRecord {
  const separator = delimiter.charCodeAt(0);
  return (bytes, from, to, isLast) => {
    const line = findLine(bytes, from, to, isLast);
    const firstQuote = bytes.indexOf(QUOTE, from);
    if (firstQuote < 0 || (line !== undefined && firstQuote >= line.end)) return line;
    const end = quotedEnd(bytes, from, to, separator);
    if (end !== undefined && (end < to || isLast)) return { end };
    if (isLast || to - from > mostBytes) return flawed(line, 'a quote is never closed');
    return undefined;
  };
}

const flawed = (line: FoundRecord | undefined, flaw: string) => line && { ...line, flaw };

/** The line break behind the record at `from`, or `to`; undefined while a quote is open. */
function quotedEnd(bytes: Uint8Array, from: number, to: number, separator: number): number | undefined {
  let isStart = true;
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!;
    if (isStart && byte === QUOTE) {
      for (at++; ; at += 2) {
        at = bytes.indexOf(QUOTE, at);
        if (at < 0 || at >= to) return undefined;
        if (bytes[at + 1] !== QUOTE || at + 1 >= to) break;
      }
      isStart = false;
    } else if (byte === 10) return at;
    else isStart = byte === separator;
  }
  return to;
}

/** The cells of a record, or what is wrong with its quotes. */
export function csvCells(record: string, delimiter: string): CsvCell[] | string {
  if (!record.includes('"')) return record.split(delimiter).map((text) => ({ text, isQuoted: false }));
  const cells: CsvCell[] = [];
  for (let at = 0; at <= record.length; at++) {
    const isQuoted = record[at] === '"';
    const end = isQuoted ? closingQuote(record, at + 1) + 1 : record.indexOf(delimiter, at);
    if (isQuoted && end === 0) return 'a quote is never closed';
    if (isQuoted && end < record.length && record[end] !== delimiter) return 'text behind a closing quote';
    const stop = end < 0 ? record.length : end;
    const text = isQuoted ? record.slice(at + 1, stop - 1).replaceAll('""', '"') : record.slice(at, stop);
    cells.push({ text, isQuoted });
    at = stop;
  }
  return cells;
}

/** The place of the quote that ends a cell, or −1. */
function closingQuote(record: string, from: number): number {
  let at = record.indexOf('"', from);
  while (at >= 0 && record[at + 1] === '"') at = record.indexOf('"', at + 2);
  return at;
}
