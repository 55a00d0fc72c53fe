/**
 * Golden vectors of submodular maximisation, by set and name.
 */
import { readFileSync } from 'node:fs';

interface Entry {
  readonly arrays: Readonly<
    Record<string, { readonly file: string; readonly dtype: 'f64' | 'i64' | 'i32'; readonly shape: number[] }>
  >;
}

const folder = new URL('../golden/submodular/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('manifest.json', folder), 'utf8')) as Record<string, Entry>;

/** The values of an array as numbers. */
export function goldenArray(set: string, name: string): number[] {
  const { file, dtype } = manifest[set]!.arrays[name]!;
  const bytes = readFileSync(new URL(file, folder));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const width = dtype === 'i32' ? 4 : 8;
  return Array.from({ length: bytes.length / width }, (_, i) => {
    if (dtype === 'f64') return view.getFloat64(width * i, true);
    return dtype === 'i32' ? view.getInt32(width * i, true) : Number(view.getBigInt64(width * i, true));
  });
}

/** An array of rows of `width` numbers. */
export function goldenRows(set: string, name: string): number[][] {
  const width = manifest[set]!.arrays[name]!.shape[1]!;
  const values = goldenArray(set, name);
  return Array.from({ length: values.length / width }, (_, row) =>
    values.slice(row * width, (row + 1) * width),
  );
}

/** Sets of items, as lists of numbers. */
export function goldenSets(set: string): number[][] {
  const [offsets, items] = [goldenArray(set, 'set_offsets'), goldenArray(set, 'set_items')];
  return offsets.slice(1).map((end, i) => items.slice(offsets[i]!, end));
}
