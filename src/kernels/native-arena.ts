/**
 * Kernels built for this machine (`native/build.mjs`): an arena in ordinary memory, and calls through Node-API.
 *
 * The arguments of a call are written into a mailbox that both sides see, so that the call itself has none: reading them one by
 * one through Node-API would take longer than a short kernel.
 */
import { once } from '../once.js';
import type { Kernel, KernelSet, Kernels } from './kernel.js';

interface Addon {
  /** Whether this processor has the instructions that it was built with. */
  readonly isSupported: boolean;
  /** The set's kernels on an arena; each reads its arguments from the mailbox behind its first number, where the answer goes. */
  bind(set: string, arena: Uint8Array, mailbox: Float64Array): Readonly<Record<string, () => void>>;
  /** How far the first byte of an array is behind a multiple of 64. */
  offset(array: Uint8Array): number;
}

/** The builds there may be, the best first. */
const VARIANTS = ['x64-avx512', 'x64-avx2', 'x64', 'arm64'];
const MOST_ARGUMENTS = 60;
const LINE_BYTES = 64;

/** The addon for this machine and what it is called, or undefined where none was built. */
export const nativeAddon = once((): { readonly name: string; readonly addon: Addon } | undefined => {
  const process = globalThis.process as typeof globalThis.process | undefined;
  const builtin = process?.getBuiltinModule;
  if (builtin === undefined || !import.meta.url.startsWith('file:')) return undefined;
  const { existsSync } = builtin('node:fs');
  for (const name of VARIANTS.filter((variant) => variant.startsWith(process!.arch))) {
    const path = builtin('node:url').fileURLToPath(new URL(`./native/${name}.node`, import.meta.url));
    if (!existsSync(path)) continue;
    const module = { exports: {} as Addon };
    try {
      process!.dlopen(module, path);
    } catch {
      continue; // Built for another platform or C library.
    }
    if (module.exports.isSupported) return { name, addon: module.exports };
  }
  return undefined;
});

/** An arena of at least `bytes` free bytes for the native kernels, or undefined where there are none. */
export function openNativeArena<K extends Kernels>(set: KernelSet<K>, bytes: number) {
  const addon = nativeAddon()?.addon;
  if (addon === undefined) return undefined;
  const buffer = new ArrayBuffer(bytes + 2 * LINE_BYTES);
  const arena = new Uint8Array(buffer);
  const mailbox = new Float64Array(1 + MOST_ARGUMENTS);
  const bound = addon.bind(set.name, arena, mailbox);
  const kernels = Object.fromEntries(
    Object.keys(set.twins).map((name) => [name, called(bound[name]!, mailbox)]),
  ) as K;
  // Offset 0 stands for no array.
  return { backend: 'native' as const, buffer, base: 2 * LINE_BYTES - addon.offset(arena), kernels };
}

type Argument = number | ArrayBufferView | undefined;

function called(run: () => void, mailbox: Float64Array): Kernel {
  return (...args: Argument[]) => {
    for (let i = 0; i < args.length; i++) {
      const argument = args[i];
      mailbox[i + 1] = typeof argument === 'object' ? argument.byteOffset : (argument ?? 0);
    }
    run();
    return mailbox[0];
  };
}
