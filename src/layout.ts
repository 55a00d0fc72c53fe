/**
 * Array types, and layouts of named slots carved from one block of memory.
 *
 * The same constructors say what a state slot is (`S: f32(H, K, V)`) and what a fixed-width column holds a row
 * (`q: f32(H * K)`, `beta: f32()`).
 */

export interface Arrays {
  /** Truth values: a byte of 0 or 1 each. */
  bool: Uint8Array;
  f32: Float32Array;
  f64: Float64Array;
  i8: Int8Array;
  i32: Int32Array;
  i64: BigInt64Array;
  u8: Uint8Array;
  u32: Uint32Array;
}
export type Dtype = keyof Arrays;
export type AnyArray = Arrays[Dtype];

/** A typed array of a fixed shape; `start` is what a state slot holds before the first row. */
export interface ArrayType<D extends Dtype = Dtype> {
  readonly dtype: D;
  readonly shape: readonly number[];
  /** Elements: the product of the shape, 1 for a scalar. */
  readonly length: number;
  readonly start: number;
  /** The smallest and the largest value that a column of it may hold. */
  readonly least: number;
  readonly most: number;
  /** Whether a column of it may hold -Infinity: a logit that is masked. */
  readonly masked?: true;
  /** Whether float64 numbers come as they are, and are not rounded to float32 first. */
  readonly unrounded?: true;
  /** Whether the step itself sees that a column is not finite, and then asks for it to be checked. */
  readonly checkedByStep?: true;
}

export type ArrayTypes = Readonly<Record<string, ArrayType>>;
/** The typed arrays that a record of array types stands for. */
export type Views<L> = { readonly [N in keyof L]: L[N] extends ArrayType<infer D> ? Arrays[D] : never };

const constructors = {
  bool: Uint8Array,
  f32: Float32Array,
  f64: Float64Array,
  i8: Int8Array,
  i32: Int32Array,
  i64: BigInt64Array,
  u8: Uint8Array,
  u32: Uint32Array,
} as const;

const arrayType =
  <D extends Dtype>(dtype: D) =>
  (...shape: number[]): ArrayType<D> => ({
    dtype,
    shape,
    length: shape.reduce((product, extent) => product * extent, 1),
    start: 0,
    least: Number.NEGATIVE_INFINITY,
    most: Number.POSITIVE_INFINITY,
  });

export const bool = arrayType('bool');
export const f32 = arrayType('f32');
export const f64 = arrayType('f64');
export const i8 = arrayType('i8');
export const i32 = arrayType('i32');
export const i64 = arrayType('i64');
export const u8 = arrayType('u8');
export const u32 = arrayType('u32');

/** The same slot, starting at another value than 0: a running maximum starts at -Infinity. */
export const startingAt = <D extends Dtype>(type: ArrayType<D>, start: number): ArrayType<D> => ({
  ...type,
  start,
});

/** The same column, whose values may not be larger: a log decay is at most 0. */
export const atMost = <D extends Dtype>(type: ArrayType<D>, most: number): ArrayType<D> => ({
  ...type,
  most,
});

/** The same column, whose values may not be larger than `bound` in magnitude. */
export const within = <D extends Dtype>(type: ArrayType<D>, bound: number): ArrayType<D> => ({
  ...type,
  least: -bound,
  most: bound,
});

/** The same column, which may hold -Infinity as well: the logit of what is left out. */
export const orMasked = <D extends Dtype>(type: ArrayType<D>): ArrayType<D> => ({ ...type, masked: true });

/** The same float32 column; where it holds float64 numbers, the step gets those. */
export const unrounded = (type: ArrayType<'f32'>): ArrayType<'f32'> => ({ ...type, unrounded: true });

/** The same column, checked when the step calls `check`: for a kernel whose own sums show that a number is not finite. */
export const checkedByStep = <D extends Dtype>(type: ArrayType<D>): ArrayType<D> => ({
  ...type,
  checkedByStep: true,
});

export const bytesPerElement = (dtype: Dtype): number => constructors[dtype].BYTES_PER_ELEMENT;

/** A fresh array of `length` elements. */
export const allocate = <D extends Dtype>(dtype: D, length: number): Arrays[D] =>
  new constructors[dtype](length) as Arrays[D];

export const isArrayOf = (dtype: Dtype, array: AnyArray): boolean => array instanceof constructors[dtype];

/** The array of `length` elements at a byte of a buffer. */
export const viewAt = <D extends Dtype>(
  dtype: D,
  buffer: ArrayBufferLike,
  byte: number,
  length: number,
): Arrays[D] => new constructors[dtype](buffer as ArrayBuffer, byte, length) as Arrays[D];

/** Where each slot lies, in bytes from the start of its block. */
export interface Layout<L extends ArrayTypes = ArrayTypes> {
  readonly slots: L;
  readonly offsets: Readonly<Record<keyof L, number>>;
  /** A multiple of 64. */
  readonly byteLength: number;
}

const ALIGNMENT_BYTES = 64;
export const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;

/** Places slots one behind the other in their given order, each at a multiple of 64 bytes. */
export function layoutOf<L extends ArrayTypes>(slots: L): Layout<L> {
  const offsets: Record<string, number> = {};
  let byteLength = 0;
  for (const [name, type] of Object.entries(slots)) {
    offsets[name] = byteLength;
    byteLength += aligned(type.length * bytesPerElement(type.dtype));
  }
  return { slots, offsets: offsets as Record<keyof L, number>, byteLength };
}

/** The slots' arrays in a block that begins at `base`. */
export function viewsOf<L extends ArrayTypes>(
  layout: Layout<L>,
  buffer: ArrayBufferLike,
  base: number,
): Views<L> {
  const views: Record<string, AnyArray> = {};
  for (const name in layout.slots) {
    const { dtype, length } = layout.slots[name]!;
    views[name] = viewAt(dtype, buffer, base + layout.offsets[name], length);
  }
  return views as Views<L>;
}

/** Fills every slot with its start value. */
export function fillStart(layout: Layout, views: Views<ArrayTypes>): void {
  for (const [name, { start, dtype }] of Object.entries(layout.slots)) {
    const view = views[name]!;
    if (dtype === 'i64') (view as BigInt64Array).fill(BigInt(start));
    else (view as Float32Array).fill(start);
  }
}

/** A layout in words, as snapshots carry it: `S f32[4,64,64] position i32[1]`. */
export const describeLayout = (slots: ArrayTypes): string =>
  Object.entries(slots)
    .map(([name, { dtype, shape }]) => `${name} ${dtype}[${shape.join(',')}]`)
    .join(' ');
