/**
 * Float arrays in a kernel's arena with guards between them: what is read or written outside of them shows.
 */
import { type Backend, type KernelSet, type Kernels, openArena } from '../../src/kernels/kernel.js';

const GUARD_FLOATS = 16;

export interface Guarded<K extends Kernels, N extends string> {
  readonly kernels: K;
  readonly arrays: Readonly<Record<N, Float32Array>>;
  /** Whether the guards still hold what they held. */
  untouched(): boolean;
}

/** Arrays of the given lengths, full of NaN; the one named `last` ends where memory ends. */
export function guardedArrays<K extends Kernels, N extends string>(
  set: KernelSet<K>,
  backend: Backend,
  lengths: Readonly<Record<N, number>>,
  last: N,
): Guarded<K, N> {
  const names = Object.keys(lengths) as N[];
  const floats = names.reduce((sum, name) => sum + GUARD_FLOATS + lengths[name], 0);
  const { kernels, buffer } = openArena(set, 4 * floats, backend);
  const all = new Float32Array(buffer, buffer.byteLength - 4 * floats, floats).fill(Number.NaN);
  const guards: Float32Array[] = [];
  let offset = 0;
  const take = (length: number) => {
    offset += length;
    return all.subarray(offset - length, offset);
  };
  const arrays = Object.fromEntries(
    [...names.filter((name) => name !== last), last].map((name) => {
      guards.push(take(GUARD_FLOATS));
      return [name, take(lengths[name])];
    }),
  ) as Record<N, Float32Array>;
  return { kernels, arrays, untouched: () => guards.every((guard) => guard.every(Number.isNaN)) };
}
