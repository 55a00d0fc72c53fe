/**
 * Arrays as they are saved: without the stretches of zeros that fresh tables consist of.
 */

const PAGE_BYTES = 4096;

/** The pages that are not all zeros, and which they are. */
export interface Saved {
  readonly pages: Uint32Array;
  readonly bytes: Uint8Array;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);

export function saved(array: ArrayBufferView): Saved {
  const all = bytesOf(array);
  const pages: number[] = [];
  for (let at = 0; at < all.length; at += PAGE_BYTES) {
    const end = Math.min(all.length, at + PAGE_BYTES);
    let i = at;
    while (i < end && all[i] === 0) i++;
    if (i < end) pages.push(at / PAGE_BYTES);
  }
  const bytes = new Uint8Array(pages.length * PAGE_BYTES);
  pages.forEach((page, i) => {
    bytes.set(all.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES), i * PAGE_BYTES);
  });
  return { pages: Uint32Array.from(pages), bytes };
}

export function restore({ pages, bytes }: Saved, array: ArrayBufferView): void {
  const all = bytesOf(array).fill(0);
  pages.forEach((page, i) => {
    const at = page * PAGE_BYTES;
    all.set(bytes.subarray(i * PAGE_BYTES, i * PAGE_BYTES + Math.min(PAGE_BYTES, all.length - at)), at);
  });
}

const ARRAYS = { Float64Array, Float32Array, Int32Array, Uint32Array } as const;
type ArrayName = keyof typeof ARRAYS;

/** Plain data in which typed arrays are told by name and bytes. */
export function named(value: unknown): unknown {
  if (value instanceof Uint8Array) return value;
  if (ArrayBuffer.isView(value)) return { array: value.constructor.name, bytes: bytesOf(value).slice() };
  if (Array.isArray(value)) return value.map(named);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, named(inner)]));
}

/** What `named` was given. */
export function unnamed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unnamed);
  if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value;
  const { array, bytes } = value as { array?: ArrayName; bytes?: Uint8Array };
  if (array !== undefined && bytes instanceof Uint8Array && array in ARRAYS) {
    return new ARRAYS[array](bytes.slice().buffer);
  }
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, unnamed(inner)]));
}
