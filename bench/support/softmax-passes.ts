/**
 * The two algorithms of `softmax-passes.c`, over numbers that are already in their memory.
 */
import { builtKernels } from './build-kernels.js';
import type { Peer } from './peers.js';

const SEGMENT = 4096;

export interface SoftmaxPasses {
  /** Numbers that they take: those of `x` but for the last that fill no segment. */
  readonly numbers: number;
  readonly onePowerEach: Peer;
  readonly twoPasses: Peer;
}

export async function softmaxPasses(x: Float32Array): Promise<SoftmaxPasses> {
  const numbers = Math.floor(x.length / SEGMENT) * SEGMENT;
  const memoryBytes = Math.ceil((8 * numbers + 2 ** 20) / 65536) * 65536;
  const exports = await builtKernels('softmax-passes.c', ['softmax.c'], memoryBytes);
  const { buffer } = exports.memory as WebAssembly.Memory;
  const base = Math.ceil((exports.__heap_base as WebAssembly.Global<'i32'>).value / 64) * 64;
  new Float32Array(buffer, base, numbers).set(x.subarray(0, numbers));
  const p = new Float32Array(buffer, base + 4 * numbers, numbers);
  const peer =
    (name: string): Peer =>
    () => {
      (exports[name] as (x: number, p: number, n: number) => void)(base, p.byteOffset, numbers);
      return p;
    };
  return { numbers, onePowerEach: peer('onePowerEach'), twoPasses: peer('twoPasses') };
}
