/**
 * The most multiplications and additions a second that plain 128-bit WebAssembly reaches on this machine.
 */
import { readFileSync } from 'node:fs';
import { commands } from '@yowasp/clang';

const OPERATIONS_PER_ROUND = 12 * 4 * 2;
const ROUNDS = 1_000_000;

/** Operations of one call of what `peakRun` gives. */
export const PEAK_OPERATIONS = ROUNDS * OPERATIONS_PER_ROUND;

const FLAGS = [
  '--target=wasm32',
  '-std=c11',
  '-O3',
  '-msimd128',
  '-ffp-contract=off',
  '-ffreestanding',
  '-fvisibility=hidden',
  '-nostdlib',
  '-Wl,--no-entry',
  '-Wl,--export-dynamic',
];

/** Builds `peak.c` and gives a function that runs it for some milliseconds. */
export async function peakRun(): Promise<() => void> {
  const text = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');
  const sources = { 'peak.c': text('peak.c'), 'lanes.h': text('../../src/kernels/lanes.h') };
  const command = [...FLAGS, 'peak.c', '-o', 'peak.wasm'];
  const silent = { fetchProgress: () => {} };
  await commands.clang(undefined, {}, silent); // loads the compiler, without its progress lines
  const built = await commands.clang(command, sources, silent);
  const wasm = built?.['peak.wasm'] as Uint8Array<ArrayBuffer>;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(wasm));
  const multiplyAdds = exports.multiplyAdds as (rounds: number, factor: number, term: number) => number;
  const factor = 0.5;
  return () => {
    const result = multiplyAdds(ROUNDS, factor, 1);
    const expected = 12 * 4 * (1 / (1 - factor));
    if (result !== expected) throw new Error(`peak: expected ${expected}, got ${result}`);
  };
}
