/**
 * Arrays in an arena, as a kernel gets them, with guards between that show whether it wrote outside.
 */
import { type Backend, type KernelSet, type Kernels, openArena } from '../../src/kernels/kernel.js';
import { type ArrayType, bytesPerElement, f32, type Views, viewAt } from '../../src/layout.js';

const GUARD_BYTES = 64;
/** Bytes that make a NaN of every float. */
const POISON = 0xff;

/** Arrays of the given types, full of NaN; the one named `last` ends where memory ends. */
export function guardedViews<K extends Kernels, L extends Readonly<Record<string, ArrayType>>>(
  set: KernelSet<K>,
  types: L,
  backend: Backend,
  last: keyof L | undefined,
) {
  const names = Object.keys(types).sort((a, b) => Number(a === last) - Number(b === last));
  const bytesOf = ({ dtype, length }: ArrayType) => length * bytesPerElement(dtype);
  /** Before an array: a guard, and what brings the array's end to a multiple of 8. */
  const gapBefore = (type: ArrayType) => GUARD_BYTES + (bytesOf(type) % 8);
  const total = names.reduce((sum, name) => sum + gapBefore(types[name]!) + bytesOf(types[name]!), 0);
  const { kernels, buffer } = openArena(set, total, backend);
  let at = buffer.byteLength - total;
  new Uint8Array(buffer, at).fill(POISON);
  const guards: Uint8Array[] = [];
  const arrays = Object.fromEntries(
    names.map((name) => {
      const { dtype, length } = types[name]!;
      const start = at + gapBefore(types[name]!);
      guards.push(new Uint8Array(buffer, at, start - at));
      at = start + bytesOf(types[name]!);
      return [name, viewAt(dtype, buffer, start, length)];
    }),
  ) as Views<L>;
  const untouched = () => guards.every((guard) => guard.every((byte) => byte === POISON));
  return { kernels, arrays, untouched };
}

/** The same for arrays of so many floats each. */
export function guardedArrays<K extends Kernels, N extends string>(
  set: KernelSet<K>,
  lengths: Readonly<Record<N, number>>,
  backend: Backend,
  last: NoInfer<N>,
) {
  const types = Object.entries<number>(lengths).map(([name, length]) => [name, f32(length)]);
  return guardedViews(set, Object.fromEntries(types) as Record<N, ArrayType<'f32'>>, backend, last);
}
