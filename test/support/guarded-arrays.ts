/**
 * Arrays in an arena, as a kernel gets them, with guards between that show whether it wrote outside.
 */
import { type Backend, type KernelSet, type Kernels, openArena } from '../../src/kernels/kernel.js';
import { f32, f64, layoutOf, viewsOf } from '../../src/layout.js';

const GUARD_BYTES = 64;
const POISON = 0xff;

type GuardedArrays<N extends string, W extends string> = Readonly<Record<Exclude<N, W>, Float32Array>> &
  Readonly<Record<Extract<N, W>, Float64Array>>;

/** Arrays of so many floats each, or doubles if `wide` names them, full of NaN; `last` ends where memory ends. */
export function guardedArrays<K extends Kernels, N extends string, W extends string = never>(
  set: KernelSet<K>,
  lengths: Readonly<Record<N, number>>,
  backend: Backend,
  last: NoInfer<N>,
  wide: readonly W[] = [],
) {
  const names = Object.keys(lengths) as N[];
  const typeOf = (name: N) =>
    (wide as readonly string[]).includes(name) ? f64(lengths[name]) : f32(lengths[name]);
  const layouts = names.map((name) => layoutOf({ [name]: typeOf(name) }));
  const bytes = layouts.reduce((sum, { byteLength }) => sum + GUARD_BYTES + byteLength, 0);
  const { kernels, buffer } = openArena(set, bytes, backend);
  new Uint8Array(buffer).fill(POISON, buffer.byteLength - bytes);
  const arrays: Record<string, Float32Array | Float64Array> = {};
  const guards: Uint8Array[] = [];
  let end = buffer.byteLength;
  for (const name of [last, ...names.filter((one) => one !== last)]) {
    const layout = layouts[names.indexOf(name)]!;
    const array = viewsOf(layout, buffer, end - layout.byteLength)[name] as Float32Array;
    const start = name === last ? end - array.byteLength : array.byteOffset;
    arrays[name] = new (array.constructor as Float32ArrayConstructor)(buffer, start, array.length);
    guards.push(new Uint8Array(buffer, start + array.byteLength, end - start - array.byteLength));
    end -= layout.byteLength + GUARD_BYTES;
    guards.push(new Uint8Array(buffer, end, start - end));
  }
  const untouched = () => guards.every((guard) => guard.every((byte) => byte === POISON));
  return { kernels, arrays: arrays as GuardedArrays<N, W>, untouched };
}
