/**
 * Golden vectors: arrays made by public reference implementations, as packed rows of one stream.
 */
import { readFileSync } from 'node:fs';

interface ManifestEntry {
  readonly params: Readonly<Record<string, unknown>> & { readonly layout: string };
  readonly arrays: Readonly<
    Record<string, { readonly file: string; readonly dtype: 'f32' | 'f64' | 'i64'; readonly shape: number[] }>
  >;
}

interface GoldenArray {
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

export interface Golden {
  readonly params: Readonly<Record<string, unknown>>;
  /** How many independent streams there are. */
  readonly streams: number;
  /** An array that belongs to no stream. */
  whole(name: string): Float64Array;
  /** A stream's rows, packed: the axes of the manifest's layout but for B and T, in their order. */
  rows(name: string, stream: number): Float64Array;
  /** A stream's part of an array without rows, such as a state. */
  part(name: string, stream: number): Float64Array;
}

const elements = {
  f32: [4, (view: DataView, at: number) => view.getFloat32(at, true)],
  f64: [8, (view: DataView, at: number) => view.getFloat64(at, true)],
  i64: [8, (view: DataView, at: number) => Number(view.getBigInt64(at, true))],
} as const;

const folder = new URL('../golden/', import.meta.url);

/** `layout` names the axes of the rows where the set's own words for them are others than B and T. */
export function golden(set: string, layout?: string): Golden {
  const manifest = JSON.parse(readFileSync(new URL('manifest.json', folder), 'utf8'));
  const { params, arrays } = (manifest as Record<string, ManifestEntry>)[set]!;
  const axes = axesOf(layout ?? params.layout).map((axis) => (axis === 'S' ? 'T' : axis));
  const array = (name: string): GoldenArray => {
    const { file, shape, dtype } = arrays[name]!;
    const bytes = readFileSync(new URL(file, folder));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const [elementBytes, read] = elements[dtype];
    const length = bytes.length / elementBytes;
    return { shape, values: Float64Array.from({ length }, (_, i) => read(view, elementBytes * i)) };
  };
  const [first] = Object.values(arrays);
  const streams = first!.shape[axes.indexOf('B')] ?? 1;
  const part = (name: string, stream: number) => {
    const { values } = array(name);
    const length = values.length / streams;
    return values.slice(stream * length, (stream + 1) * length);
  };
  return {
    params,
    streams,
    whole: (name) => array(name).values,
    rows: (name, stream) => rowsOfStream(array(name), axes, stream),
    part,
  };
}

/** B, T and the others; a set that names them array by array has them in small letters, and rows as l. */
const axesOf = (layout: string): string[] =>
  /^[BT],/.test(layout)
    ? layout.split(',')
    : /\b[a-z](,[a-z])+/.exec(layout)![0].toUpperCase().replace('L', 'T').split(',');

/** Transposes to [T, …] what is stored in the order of `axes`; an array may have fewer axes than are named. */
function rowsOfStream({ shape, values }: GoldenArray, axes: readonly string[], stream: number): Float64Array {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const [b, t] = [axes.indexOf('B'), axes.indexOf('T')];
  const order = [t, ...shape.keys()].filter((axis, i) => i === 0 || (axis !== b && axis !== t));
  let offsets = [stream * (strides[b] ?? 0)];
  for (const axis of order) {
    offsets = offsets.flatMap((offset) =>
      Array.from({ length: shape[axis]! }, (_, i) => offset + i * strides[axis]!),
    );
  }
  return Float64Array.from(offsets, (offset) => values[offset]!);
}
