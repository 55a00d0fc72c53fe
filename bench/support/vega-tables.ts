/**
 * Real tables with sensible types, made from the files of vega-datasets: each as record batches of one schema.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  type DataType,
  DateDay,
  Dictionary,
  Float64,
  Int32,
  Int64,
  Table,
  TimestampSecond,
  tableFromIPC,
  Utf8,
  type Vector,
  vectorFromArray,
} from 'apache-arrow';
import { parse } from 'csv-parse/sync';

type Cell = string | number | null | undefined;
/** A column's type, and what a cell of the file is in it. */
interface ColumnType {
  readonly type: () => DataType;
  readonly value: (cell: Cell) => unknown;
}

const DAY_MS = 86_400_000;
const isEmpty = (cell: Cell): cell is null | undefined | '' =>
  cell === null || cell === undefined || cell === '';
const orNull = (value: (cell: string | number) => unknown) => (cell: Cell) =>
  isEmpty(cell) ? null : value(cell);
const text: ColumnType['value'] = (cell) => (cell === null || cell === undefined ? null : String(cell));

const types = {
  text: { type: () => new Utf8(), value: text },
  filledText: { type: () => new Utf8(), value: orNull(String) },
  word: { type: () => new Dictionary(new Utf8(), new Int32()), value: text },
  filledWord: { type: () => new Dictionary(new Utf8(), new Int32()), value: orNull(String) },
  integer: { type: () => new Int32(), value: orNull(Number) },
  long: { type: () => new Int64(), value: orNull(BigInt) },
  real: { type: () => new Float64(), value: orNull(Number) },
  day: {
    type: () => new DateDay(),
    value: orNull((cell) => {
      const ms = Date.parse(`${cell} UTC`);
      return Number.isFinite(ms) ? new Date(Math.round(ms / DAY_MS) * DAY_MS) : null;
    }),
  },
  second: { type: () => new TimestampSecond(), value: orNull((cell) => Date.parse(`${cell}Z`)) },
} satisfies Record<string, ColumnType>;
type TypeName = keyof typeof types;

const DATA = new URL('../../node_modules/vega-datasets/data/', import.meta.url);
const path = (file: string) => fileURLToPath(new URL(file, DATA));

function tableOf(
  rows: readonly Readonly<Record<string, Cell>>[],
  columns: Readonly<Record<string, TypeName>>,
): Table {
  const vectors = Object.entries(columns).map(([name, typeName]): [string, Vector] => {
    const { type, value } = types[typeName];
    return [
      name,
      vectorFromArray(
        rows.map((row) => value(row[name])),
        type(),
      ),
    ];
  });
  return new Table(Object.fromEntries(vectors));
}

const csv = (file: string, names: readonly TypeName[]): Table => {
  const rows = parse(readFileSync(path(file)), { columns: true, skip_empty_lines: true }) as Record<
    string,
    string
  >[];
  const columns = Object.keys(rows[0]!).map((name, i) => [name, names[i]!] as const);
  return tableOf(rows, Object.fromEntries(columns));
};

const MOVIES: Readonly<Record<string, TypeName>> = {
  Title: 'text',
  'US Gross': 'long',
  'Worldwide Gross': 'long',
  'US DVD Sales': 'integer',
  'Production Budget': 'integer',
  'Release Date': 'day',
  'MPAA Rating': 'word',
  'Running Time min': 'integer',
  Distributor: 'word',
  Source: 'word',
  'Major Genre': 'word',
  'Creative Type': 'word',
  Director: 'text',
  'Rotten Tomatoes Rating': 'integer',
  'IMDB Rating': 'real',
  'IMDB Votes': 'integer',
};

/** The tables by name, each made when it is asked for. */
export const vegaTables: Readonly<Record<string, () => Table>> = {
  'flights-200k': () => tableFromIPC(readFileSync(path('flights-200k.arrow'))),
  zipcodes: () => csv('zipcodes.csv', ['text', 'real', 'real', 'text', 'word', 'word']),
  birdstrikes: () =>
    csv('birdstrikes.csv', [
      'filledText',
      'filledWord',
      'filledWord',
      'day',
      'filledWord',
      'filledWord',
      'filledWord',
      'filledWord',
      'filledText',
      'filledWord',
      'integer',
      'integer',
      'integer',
      'integer',
    ]),
  movies: () => tableOf(JSON.parse(readFileSync(path('movies.json'), 'utf8')), MOVIES),
  sp500: () => csv('sp500-2000.csv', ['day', 'real', 'real', 'real', 'real', 'real', 'long']),
  'seattle hourly': () => csv('seattle-weather-hourly-normals.csv', ['second', 'real', 'real', 'real']),
};
