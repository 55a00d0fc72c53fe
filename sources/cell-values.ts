/**
 * What a cell means: text of a CSV cell, or a value of JSON, as a value of a column's type.
 *
 * Nothing is rounded or guessed: a cell that does not fit exactly is refused. (A float takes any number, as floats do.)
 */
import { type ColumnType, vectorLength } from './column-type.js';

/** Stands for "does not fit". */
export const UNFIT = Symbol('unfit');
export type CellReader = (cell: unknown) => unknown;

const INTEGER = /^-?(0|[1-9]\d*)$/;
const FLOAT = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const SPECIAL = new Set(['NaN', 'Infinity', '-Infinity']);
const TRUTHS = new Map([
  ['true', true],
  ['false', false],
  ['True', true],
  ['False', false],
  ['TRUE', true],
  ['FALSE', false],
]);
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const DAY = /^(\d{4}|[+-]\d{6})-(\d{2})-(\d{2})$/;
const TIME =
  /^((?:\d{4}|[+-]\d{6})-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d{1,9}))?(Z|[+-]\d{2}:?\d{2})?$/;

const INTEGER_RANGES: Record<string, readonly [number | bigint, number | bigint]> = {
  int8: [-(2 ** 7), 2 ** 7 - 1],
  int16: [-(2 ** 15), 2 ** 15 - 1],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint8: [0, 2 ** 8 - 1],
  uint16: [0, 2 ** 16 - 1],
  uint32: [0, 2 ** 32 - 1],
  uint64: [0, 2n ** 64n - 1n],
};

/** How cells of a column are read. */
export function cellReader(type: ColumnType): CellReader {
  const range = INTEGER_RANGES[type];
  if (range !== undefined) return integerReader(range[0], range[1]);
  const length = vectorLength(type);
  if (length !== undefined) return (cell) => readVector(cell, length);
  switch (type) {
    case 'bool':
      return (cell) => (typeof cell === 'boolean' ? cell : (TRUTHS.get(cell as string) ?? UNFIT));
    case 'float32':
    case 'float64':
      return readFloat;
    case 'date':
      return (cell) => (typeof cell === 'string' ? readDay(cell) : UNFIT);
    case 'timestamp':
      return (cell) => (typeof cell === 'string' ? readTime(cell) : UNFIT);
    case 'binary':
      return readBytes;
    case 'list<float64>':
      return (cell) => readList(cell, readFloat);
    case 'list<utf8>':
      return (cell) => readList(cell, (element) => (typeof element === 'string' ? element : UNFIT));
    default:
      return (cell) => (typeof cell === 'string' ? cell : jsonText(cell));
  }
}

/** A JSON value as text; big integers are digits. */
export function jsonText(value: unknown): string {
  if (typeof value === 'bigint') return `${value}`;
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, inner]) => `${JSON.stringify(key)}:${jsonText(inner)}`)
    .join(',')}}`;
}

function integerReader(least: number | bigint, most: number | bigint): CellReader {
  const isBig = typeof most === 'bigint';
  return (cell) => {
    const isText = typeof cell === 'string' && INTEGER.test(cell);
    if (!isText && typeof cell !== 'bigint' && !Number.isSafeInteger(cell)) return UNFIT;
    const value = isBig ? BigInt(cell as string) : Number(cell);
    return value >= least && value <= most ? value : UNFIT;
  };
}

function readFloat(cell: unknown): number | typeof UNFIT {
  if (typeof cell === 'number' || typeof cell === 'bigint') return Number(cell);
  return typeof cell === 'string' && (FLOAT.test(cell) || SPECIAL.has(cell)) ? Number(cell) : UNFIT;
}

/** Bytes as they are, or of Base64. */
function readBytes(cell: unknown): Uint8Array | typeof UNFIT {
  if (cell instanceof Uint8Array) return cell;
  if (typeof cell !== 'string' || !BASE64.test(cell)) return UNFIT;
  return Uint8Array.from(atob(cell), (character) => character.charCodeAt(0));
}

function readList(cell: unknown, read: CellReader): unknown {
  const list = typeof cell === 'string' ? parsedArray(cell) : cell;
  if (!Array.isArray(list)) return UNFIT;
  const values = list.map((element) => (element === null ? null : read(element)));
  return values.includes(UNFIT) ? UNFIT : values;
}

function readVector(cell: unknown, length: number): unknown {
  const values = readList(cell, readFloat);
  return Array.isArray(values) && values.length === length && !values.includes(null) ? values : UNFIT;
}

/** The array that a text is in JSON. */
export function parsedArray(text: string): unknown[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Days since 1970 of a day that the calendar has. */
export function readDay(text: string): number | typeof UNFIT {
  const match = DAY.exec(text);
  if (match === null) return UNFIT;
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const isInCalendar = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return isInCalendar ? date.getTime() / 86_400_000 : UNFIT;
}

/** Milliseconds since 1970; UTC where no zone is given. Digits that milliseconds cannot hold do not fit. */
export function readTime(text: string): number | typeof UNFIT {
  const match = TIME.exec(text);
  if (match === null) {
    const day = readDay(text);
    return day === UNFIT ? UNFIT : day * 86_400_000;
  }
  const [, day, clock, fraction = '', zone = 'Z'] = match as unknown as [
    string,
    string,
    string,
    string?,
    string?,
  ];
  const digits = fraction.padEnd(3, '0');
  if (readDay(day) === UNFIT || /[1-9]/.test(digits.slice(3))) return UNFIT;
  const seconds = clock.length === 5 ? `${clock}:00` : clock;
  const colon = zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone;
  const ms = Date.parse(`${day}T${seconds}.${digits.slice(0, 3)}${colon}`);
  return Number.isNaN(ms) ? UNFIT : ms;
}
