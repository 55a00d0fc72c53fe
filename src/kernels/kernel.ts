/**
 * Kernels and the arena they work in.
 *
 * A kernel is a function over typed arrays and numbers. Its TypeScript twin is its signature, its documentation and
 * its oracle; the same C source, built to WASM, is what runs. Both take the same arguments in the same order: an
 * array is passed on as its address in the arena, so the caller never sees which one it calls. The native build of that
 * source has the same bits too: it takes over wherever it was built.
 */
import { once } from '../once.js';
import { hasThreads, openCrew } from '../worker-pool.js';
import { nativeAddon, openNativeArena } from './native-arena.js';
import { forSharedMemory } from './shared-memory.js';

// biome-ignore lint/suspicious/noExplicitAny: twins are narrowed by each kernel set's own type
export type Kernel = (...args: any[]) => unknown;
export type Kernels = Readonly<Record<string, Kernel>>;
export type Backend = 'native' | 'wasm' | 'typescript';

/** Some kernels in one C file: their twins, and the compiled module. */
export interface KernelSet<K extends Kernels = Kernels> {
  readonly name: string;
  readonly twins: K;
  readonly compiled: () => WebAssembly.Module;
  /** The same for memory that threads share. */
  readonly shared: () => WebAssembly.Module;
}

/**
 * Calls a kernel that gives a number once for each list of arguments, all lists of one length. Where there are threads,
 * each call is taken by whoever is free; `meanwhile` is what the caller does before it takes calls as well. Gives what
 * each call gave, in their order.
 */
export type Together<K extends Kernels> = <N extends string & keyof K>(
  name: N,
  argumentLists: readonly Readonly<Parameters<K[N]>>[],
  meanwhile?: () => void,
) => number[];

/** A fixed block of memory that never grows, with the kernels that reach into it. All of it starts as zeros. */
export interface Arena<K extends Kernels = Kernels> {
  readonly backend: Backend;
  readonly buffer: ArrayBuffer;
  /** The first byte that is free to use; its address is a multiple of 64. */
  readonly base: number;
  readonly kernels: K;
  /** Calls a kernel once for each list of arguments, at the same time where the arena has threads. */
  readonly together: Together<K>;
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
  const bytes = () => Uint8Array.from(atob(wasmBase64), (c) => c.charCodeAt(0));
  return {
    name,
    twins,
    compiled: once(() => new WebAssembly.Module(bytes())),
    shared: once(() => new WebAssembly.Module(forSharedMemory(bytes()))),
  };
}

/**
 * The backend that `CHUNKWISE_KERNELS` asks for (`native`, `wasm` or `typescript`). Where it says nothing, the native
 * one if this machine has it, which it also needs to be asked for.
 */
export function chosenBackend(): Backend {
  const asked = globalThis.process?.env?.CHUNKWISE_KERNELS;
  if (asked === 'typescript' || asked === 'wasm') return asked;
  return nativeAddon() === undefined ? 'wasm' : 'native';
}

/** The backend as people are told: a native one with the build that it is. */
export function backendInWords(): string {
  const backend = chosenBackend();
  return backend === 'native' ? `native (${nativeAddon()!.name})` : backend;
}

/** A thread's stack, as large as the build gives the first one. */
const STACK_BYTES = 16384;

/**
 * Opens an arena of at least `bytes` free bytes with its kernels bound to it. With more than one thread, its memory is
 * shared, where the platform has any: the results are the same.
 */
export function openArena<K extends Kernels>(
  set: KernelSet<K>,
  bytes: number,
  backend = chosenBackend(),
  threads = 1,
): Arena<K> {
  if (backend === 'typescript') {
    const kernels = set.twins;
    return { backend, buffer: new ArrayBuffer(bytes), base: 0, kernels, together: oneByOne(kernels) };
  }
  if (threads > 1 && hasThreads()) return openSharedArena(set, bytes, threads);
  const native = backend === 'native' ? openNativeArena(set, bytes) : undefined;
  if (native !== undefined) return { ...native, together: oneByOne(native.kernels) };
  const plain = set.compiled();
  const base = reservedBytes(plain, false);
  const pages = Math.ceil((base + bytes) / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const kernels = boundKernels(set, plain, memory);
  return { backend: 'wasm', buffer: memory.buffer, base, kernels, together: oneByOne(kernels) };
}

/** An arena whose memory threads share, each with a stack of its own behind the caller's. */
function openSharedArena<K extends Kernels>(set: KernelSet<K>, bytes: number, threads: number): Arena<K> {
  const module = set.shared();
  const reserved = reservedBytes(module, true);
  const stackTops = Array.from({ length: threads - 1 }, (_, i) => reserved + (i + 1) * STACK_BYTES);
  const base = stackTops.at(-1) ?? reserved;
  const pages = Math.ceil((base + bytes) / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const crew = openCrew(module, memory, stackTops)!;
  const kernels = boundKernels(set, module, memory);
  return {
    backend: 'wasm',
    buffer: memory.buffer as unknown as ArrayBuffer,
    base,
    kernels,
    together: (name, argumentLists, meanwhile) =>
      crew.call(
        name,
        argumentLists.map((list) => list.map(addressOf)),
        meanwhile,
      ),
  };
}

const oneByOne =
  <K extends Kernels>(kernels: K): Together<K> =>
  (name, argumentLists, meanwhile) => {
    meanwhile?.();
    return argumentLists.map((list) => kernels[name]!(...list) as number);
  };

function boundKernels<K extends Kernels>(
  set: KernelSet<K>,
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
): K {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const names = Object.keys(set.twins);
  return Object.fromEntries(
    names.map((name) => [name, byAddress(exports[name] as (...args: number[]) => number)]),
  ) as K;
}

/** What the module's own stack and constants take, up to the next multiple of 64: a probe instance tells. */
const reservedBytes = memoize((module: WebAssembly.Module, shared: boolean): number => {
  const memory = new WebAssembly.Memory({ initial: 2, maximum: 2, shared });
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return Math.ceil((exports.__heap_base as WebAssembly.Global<'i32'>).value / 64) * 64;
});

function memoize<A extends object, B, C>(f: (a: A, b: B) => C): (a: A, b: B) => C {
  const known = new WeakMap<A, C>();
  return (a, b) => {
    const before = known.get(a);
    if (before !== undefined) return before;
    const fresh = f(a, b);
    known.set(a, fresh);
    return fresh;
  };
}

type Argument = number | ArrayBufferView | undefined;

const addressOf = (argument: Argument): number =>
  typeof argument === 'object' ? argument.byteOffset : (argument ?? 0);

function byAddress(exported: (...args: number[]) => number): Kernel {
  return (...args: Argument[]) => {
    for (let i = 0; i < args.length; i++) {
      const argument = args[i]!;
      if (typeof argument === 'object') args[i] = argument.byteOffset;
    }
    return exported(...(args as number[]));
  };
}
