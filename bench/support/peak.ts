/**
 * The most multiplications and additions a second that plain 128-bit WebAssembly reaches on this machine.
 */
import { builtKernels } from './build-kernels.js';

const OPERATIONS_PER_ROUND = 12 * 4 * 2;
const ROUNDS = 1_000_000;

/** Operations of one call of what `peakRun` gives. */
export const PEAK_OPERATIONS = ROUNDS * OPERATIONS_PER_ROUND;

/** Builds `peak.c` and gives a function that runs it for some milliseconds. */
export async function peakRun(): Promise<() => void> {
  const exports = await builtKernels('peak.c', []);
  const multiplyAdds = exports.multiplyAdds as (rounds: number, factor: number, term: number) => number;
  const factor = 0.5;
  return () => {
    const result = multiplyAdds(ROUNDS, factor, 1);
    const expected = 12 * 4 * (1 / (1 - factor));
    if (result !== expected) throw new Error(`peak: expected ${expected}, got ${result}`);
  };
}
