/**
 * Arrays in an arena, as a kernel gets them, with guards between that show whether it wrote outside.
 */
import { type Backend, type KernelSet, type Kernels, openArena } from '../../src/kernels/kernel.js';

const GUARD_FLOATS = 16;

/** Arrays of so many floats each, full of NaN; the one named `last` ends where memory ends. */
export function guardedArrays<K extends Kernels, N extends string>(
  set: KernelSet<K>,
  lengths: Readonly<Record<N, number>>,
  backend: Backend,
  last: NoInfer<N>,
) {
  const names = Object.keys(lengths) as N[];
  const floats = names.reduce((sum, name) => sum + GUARD_FLOATS + lengths[name], 0);
  const { kernels, buffer } = openArena(set, 4 * floats, backend);
  const all = new Float32Array(buffer, buffer.byteLength - 4 * floats, floats).fill(Number.NaN);
  const arrays = {} as Record<N, Float32Array>;
  const guards: Float32Array[] = [];
  let at = 0;
  for (const name of [...names.filter((one) => one !== last), last]) {
    guards.push(all.subarray(at, at + GUARD_FLOATS));
    at += GUARD_FLOATS;
    arrays[name] = all.subarray(at, at + lengths[name]);
    at += lengths[name];
  }
  const untouched = () => guards.every((guard) => guard.every(Number.isNaN));
  return { kernels, arrays, untouched };
}
