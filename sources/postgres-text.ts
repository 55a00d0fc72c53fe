/**
 * What PostgreSQL's text of bytes and arrays means. `UNFIT` is what Arrow has nothing for: arrays of several dimensions.
 */
import { type CellReader, UNFIT } from './cell-values.js';

/** Bytes as `\x0aff`. */
export function readBytes(cell: unknown): Uint8Array | typeof UNFIT {
  const text = cell as string;
  if (!text.startsWith('\\x')) return UNFIT;
  const bytes = new Uint8Array((text.length - 2) / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 + 2 * i, 4 + 2 * i), 16);
  return bytes;
}

/** An array as `{1,NULL,"a, b"}`, its elements read by `read`. */
export function arrayReader(read: CellReader): CellReader {
  return (cell) => {
    const elements = elementTexts(cell as string);
    if (elements === undefined) return UNFIT;
    const values = elements.map((element) => (element === null ? null : read(element)));
    return values.includes(UNFIT) ? UNFIT : values;
  };
}

const ELEMENT = /"((?:[^"\\]|\\.)*)"|([^",{}\\]+)/sy;

/** The elements of an array of one dimension; undefined where it has another shape. */
function elementTexts(text: string): (string | null)[] | undefined {
  if (text === '{}') return [];
  if (text[0] !== '{') return undefined;
  const elements: (string | null)[] = [];
  for (let at = 1; at < text.length; at++) {
    ELEMENT.lastIndex = at;
    const match = ELEMENT.exec(text);
    if (match === null) return undefined;
    const [{ length }, quoted, bare] = match;
    elements.push(quoted?.replace(/\\(.)/gs, '$1') ?? (bare === 'NULL' ? null : bare!));
    at += length;
    if (text[at] !== ',' && text[at] !== '}') return undefined;
  }
  return elements;
}
