/**
 * The first rows of a batch as text, for people to look at.
 */
import type { RecordBatch } from 'apache-arrow';
import { cellTexts } from '../../sinks/cell-text.js';
import { compact } from '../../sinks/compact-data.js';
import { sliceRows } from '../columns.js';

export interface Sample {
  /** Rows that the whole batch has. */
  readonly numRows: number;
  /** Columns beyond those shown. */
  readonly moreColumns: number;
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  /** Rows of cells; a null is null. */
  readonly rows: readonly (readonly (string | null)[])[];
}

const MOST_ROWS = 6;
const MOST_COLUMNS = 24;
const MOST_CHARACTERS = 60;

export function sampleOf(batch: RecordBatch): Sample {
  const { schema, data, numRows } = sliceRows(batch, 0, Math.min(MOST_ROWS, batch.numRows));
  const fields = schema.fields.slice(0, MOST_COLUMNS);
  const cells = fields.map((_, c) => cellTexts(compact(data.children[c]!)));
  return {
    numRows: batch.numRows,
    moreColumns: schema.fields.length - fields.length,
    columns: fields.map(({ name, type }) => ({ name: cut(String(name)), type: cut(String(type)) })),
    rows: Array.from({ length: numRows }, (_, row) => cells.map((cell) => shown(cell(row)))),
  };
}

const cut = (text: string) =>
  text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS - 1)}…` : text;

/** Numbers of a list have four digits, so that more of them can be seen. */
const shown = (text: string | null) =>
  text === null ? null : cut(text.startsWith('[') ? text.replace(LONG_NUMBERS, short) : text);

const LONG_NUMBERS = /-?\d+\.\d{5,}(?:e[+-]?\d+)?/g;

const short = (number: string) => String(Number(Number(number).toPrecision(4)));
