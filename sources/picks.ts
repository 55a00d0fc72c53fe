/**
 * The buffers of a column made of picked rows: validity, bits, fixed-width values, offsets and bytes.
 */
import { type Data, DataType } from 'apache-arrow';

/** For each row to be made: the column part it comes from (always the first if `part` is absent) and its row there. */
export interface Picks {
  readonly part: Int32Array | undefined;
  /** −1 makes a null. */
  readonly row: Int32Array;
}

/** All rows of one column part, in order. */
export const allRows = (length: number): Picks => ({
  part: undefined,
  row: Int32Array.from({ length }, (_, row) => row),
});

export const isView = (type: DataType) => DataType.isUtf8View(type) || DataType.isBinaryView(type);

/** Which picked rows hold a value; no bitmap where all do. */
export function pickNulls(parts: readonly Data[], picks: Picks): { nullCount: number; bitmap?: Uint8Array } {
  const { row } = picks;
  if (parts.every(({ nullCount }) => nullCount === 0) && !row.includes(-1)) return { nullCount: 0 };
  const bitmap = pickBits(parts, picks, (part, at) => (part.getValid(at) ? 1 : 0));
  let valid = 0;
  for (let i = 0; i < row.length; i++) valid += (bitmap[i >> 3]! >> (i & 7)) & 1;
  return { nullCount: row.length - valid, bitmap };
}

/** One bit a row, packed; 0 for nulls. */
export function pickBits(
  parts: readonly Data[],
  { part, row }: Picks,
  bit: (part: Data, row: number) => number,
): Uint8Array {
  const bits = new Uint8Array((row.length + 7) >> 3);
  for (let i = 0; i < row.length; i++) {
    if (row[i]! >= 0 && bit(parts[part ? part[i]! : 0]!, row[i]!)) bits[i >> 3]! |= 1 << (i & 7);
  }
  return bits;
}

/** Values of fixed width, `stride` elements a row; 0 for nulls. */
export function pickFixed(parts: readonly Data[], { part, row }: Picks): Float64Array {
  const { stride, type } = parts[0]!;
  const arrays = parts.map(({ values }) => values as Float64Array);
  const out = new (type.ArrayType as Float64ArrayConstructor)(row.length * stride);
  for (let i = 0; i < row.length; i++) {
    const from = row[i]! * stride;
    if (from < 0) continue;
    const values = arrays[part ? part[i]! : 0]!;
    for (let s = 0; s < stride; s++) out[i * stride + s] = values[from + s]!;
  }
  return out;
}

/** Every pick as `count` picks of the child. */
export function repeated({ part, row }: Picks, count: number): Picks {
  const rows = new Int32Array(row.length * count);
  const owners = part && new Int32Array(rows.length);
  for (let i = 0, j = 0; i < row.length; i++) {
    for (let c = 0; c < count; c++, j++) {
      rows[j] = row[i]! < 0 ? -1 : row[i]! * count + c;
      if (owners) owners[j] = part[i]!;
    }
  }
  return { row: rows, part: owners };
}

/** Where each picked list ends, and the picks of its elements. A null is empty. */
export function pickRanges(
  parts: readonly Data[],
  { part, row }: Picks,
): { offsets: Float64Array; elements: Picks } {
  const offsets = new Float64Array(row.length + 1);
  for (let i = 0; i < row.length; i++) {
    const from = parts[part ? part[i]! : 0]!;
    const isNull = row[i]! < 0 || !from.getValid(row[i]!);
    const size = isNull ? 0 : Number(from.valueOffsets[row[i]! + 1]) - Number(from.valueOffsets[row[i]!]);
    offsets[i + 1] = offsets[i]! + size;
  }
  const rows = new Int32Array(offsets[row.length]!);
  const owners = part && new Int32Array(rows.length);
  for (let i = 0; i < row.length; i++) {
    if (offsets[i] === offsets[i + 1]) continue;
    const p = part ? part[i]! : 0;
    const shift = Number(parts[p]!.valueOffsets[row[i]!]) - offsets[i]!;
    for (let j = offsets[i]!; j < offsets[i + 1]!; j++) rows[j] = j + shift;
    owners?.fill(p, offsets[i]!, offsets[i + 1]!);
  }
  return { offsets, elements: { row: rows, part: owners } };
}

/** The bytes of each picked row, end to end. A null is empty. */
export function pickBytes(
  parts: readonly Data[],
  { part, row }: Picks,
): { offsets: Float64Array; bytes: Uint8Array<ArrayBuffer> } {
  const pieces: (Uint8Array | undefined)[] = new Array(row.length);
  const offsets = new Float64Array(row.length + 1);
  for (let i = 0; i < row.length; i++) {
    const from = parts[part ? part[i]! : 0]!;
    const piece = row[i]! < 0 || !from.getValid(row[i]!) ? undefined : bytesAt(from, row[i]!);
    pieces[i] = piece;
    offsets[i + 1] = offsets[i]! + (piece?.length ?? 0);
  }
  const bytes = new Uint8Array(offsets[row.length]!);
  for (let i = 0; i < row.length; i++) if (pieces[i]) bytes.set(pieces[i]!, offsets[i]!);
  return { offsets, bytes };
}

/** The bytes of one row of a text or binary column. */
export function bytesAt(data: Data, row: number): Uint8Array {
  if (!isView(data.type)) {
    const { values, valueOffsets } = data;
    return values.subarray(Number(valueOffsets[row]), Number(valueOffsets[row + 1]));
  }
  const { buffer, byteOffset } = data.values as Uint8Array;
  const view = new DataView(buffer, byteOffset + row * 16, 16);
  const size = view.getInt32(0, true);
  if (size <= 12) return new Uint8Array(buffer, byteOffset + row * 16 + 4, size);
  const start = view.getInt32(12, true);
  return data.variadicBuffers[view.getInt32(8, true)]!.subarray(start, start + size);
}
