/**
 * C files of this folder as WebAssembly: what is only ever benched.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { commands } from '@yowasp/clang';

const KERNELS = new URL('../../src/kernels/', import.meta.url);

const FLAGS = [
  '--target=wasm32',
  '-std=c11',
  '-O3',
  '-msimd128',
  '-ffp-contract=off',
  '-fno-builtin',
  '-ffreestanding',
  '-fvisibility=hidden',
  '-nostdlib',
  '-Wl,--no-entry',
  '-Wl,--export-dynamic',
  '-Wl,--export=__heap_base',
];

/** Builds `file` with the headers of the kernels, and kernels that it includes, and gives its exports. */
export async function builtKernels(
  file: string,
  kernels: readonly string[],
  memoryBytes = 0,
): Promise<WebAssembly.Exports> {
  const headers = readdirSync(KERNELS).filter((name) => name.endsWith('.h'));
  const sources = Object.fromEntries([
    [file, readFileSync(new URL(file, import.meta.url), 'utf8')],
    ...[...headers, ...kernels].map((name) => [name, readFileSync(new URL(name, KERNELS), 'utf8')]),
  ]) as Record<string, string>;
  const memory = memoryBytes === 0 ? [] : [`-Wl,--initial-memory=${memoryBytes}`];
  const silent = { fetchProgress: () => {} };
  await commands.clang(undefined, {}, silent); // loads the compiler, without its progress lines
  const built = await commands.clang([...FLAGS, ...memory, file, '-o', 'built.wasm'], sources, silent);
  const wasm = built?.['built.wasm'] as Uint8Array<ArrayBuffer>;
  return new WebAssembly.Instance(new WebAssembly.Module(wasm)).exports;
}
