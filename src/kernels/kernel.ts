/**
 * Kernels and the arena they work in.
 *
 * A kernel is a function over typed arrays and numbers. Its TypeScript twin is its signature, its documentation and
 * its oracle; the same C source, built to WASM, is what runs. Both take the same arguments in the same order: an
 * array is passed on as its address in the arena, so the caller never sees which one it calls. A native build binds
 * the same arena once and receives the same integers.
 */

// biome-ignore lint/suspicious/noExplicitAny: twins are narrowed by each kernel set's own type
export type Kernel = (...args: any[]) => unknown;
export type Kernels = Readonly<Record<string, Kernel>>;
export type Backend = 'wasm' | 'typescript';

/** Some kernels in one C file: their twins, and the compiled module. */
export interface KernelSet<K extends Kernels = Kernels> {
  readonly name: string;
  readonly twins: K;
  readonly compiled: () => WebAssembly.Module;
}

/** A fixed block of memory that never grows, with the kernels that reach into it. All of it starts as zeros. */
export interface Arena<K extends Kernels = Kernels> {
  readonly backend: Backend;
  readonly buffer: ArrayBuffer;
  /** The first byte that is free to use, a multiple of 64. */
  readonly base: number;
  readonly kernels: K;
}

const PAGE_BYTES = 65536;
const MOST_PAGES = 65536;

/** The most bytes an arena can have: all that 32-bit addresses reach. */
export const ARENA_BYTES_MAX = MOST_PAGES * PAGE_BYTES;

/**
 * Declares the kernels of one C file. `wasmBase64` is the built module; it is compiled when first used, once.
 * The twins' names are the module's export names.
 */
export function defineKernels<K extends Kernels>(name: string, wasmBase64: string, twins: K): KernelSet<K> {
  let module: WebAssembly.Module | undefined;
  const compiled = () => {
    module ??= new WebAssembly.Module(Uint8Array.from(atob(wasmBase64), (c) => c.charCodeAt(0)));
    return module;
  };
  return { name, twins, compiled };
}

/** The backend that `CHUNKWISE_KERNELS` asks for (`wasm` or `typescript`); WASM where it says nothing. */
export function chosenBackend(): Backend {
  return globalThis.process?.env?.CHUNKWISE_KERNELS === 'typescript' ? 'typescript' : 'wasm';
}

/** Opens an arena of at least `bytes` free bytes with its kernels bound to it. */
export function openArena<K extends Kernels>(
  set: KernelSet<K>,
  bytes: number,
  backend = chosenBackend(),
): Arena<K> {
  if (backend === 'typescript') {
    return { backend, buffer: new ArrayBuffer(bytes), base: 0, kernels: set.twins };
  }
  const module = set.compiled();
  const base = reservedBytes(module);
  const pages = Math.ceil((base + bytes) / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const kernels = Object.fromEntries(
    Object.keys(set.twins).map((name) => [name, byAddress(exports[name] as (...args: number[]) => number)]),
  );
  return { backend, buffer: memory.buffer, base, kernels: kernels as K };
}

/** What the module's own stack and constants take, up to the next multiple of 64: a probe instance tells. */
const reservedBytes = memoize((module: WebAssembly.Module): number => {
  const memory = new WebAssembly.Memory({ initial: 2 });
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return Math.ceil((exports.__heap_base as WebAssembly.Global<'i32'>).value / 64) * 64;
});

function memoize<A extends object, B>(f: (a: A) => B): (a: A) => B {
  const known = new WeakMap<A, B>();
  return (a) => {
    const before = known.get(a);
    if (before !== undefined) return before;
    const fresh = f(a);
    known.set(a, fresh);
    return fresh;
  };
}

type Argument = number | ArrayBufferView;

function byAddress(exported: (...args: number[]) => number): Kernel {
  return (...args: Argument[]) => {
    for (let i = 0; i < args.length; i++) {
      const argument = args[i]!;
      if (typeof argument === 'object') args[i] = argument.byteOffset;
    }
    return exported(...(args as number[]));
  };
}
