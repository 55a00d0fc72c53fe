/**
 * Speed of the kernels, WebAssembly against their TypeScript twins in the same run.
 *
 *   npm run bench -- kernels
 *
 * Linear attention of 4 heads, 64 keys and 64 values wide, in calls of 64 rows that are copied into the arena and out
 * of it, as operators do. Useful operations count each multiply-add as two, triangles exactly, copies not at all.
 */
import { type Backend, type KernelSet, type Kernels, openArena } from '../src/kernels/kernel.js';
import { mathKernels } from '../src/kernels/math.js';
import { decayTable, scalarDecayKernels, scalarDecayScratch } from '../src/kernels/scalar-decay.js';
import type { Result } from './support/results.js';

const H = 4;
const K = 64;
const V = 64;
const T = 64;
const ARRAY_FLOATS = 4096;
const ARENA_BYTES = 1 << 20;
const SAMPLES = 101;
const SAMPLE_MS = 2;

interface Contest {
  readonly name: string;
  /** Rows or values, and useful floating-point operations, of one run. */
  readonly units: number;
  readonly operations?: number;
  prepare(backend: Backend): () => void;
}

function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

const operationsPerRow = (C: number) => H * 2 * (2 * K * V + ((C + 1) / 2) * (K + V));

function attention(C: number, normalized: boolean): Contest {
  return {
    name: `${normalized ? 'normalizedScalarDecay' : 'scalarDecay'}, chunk ${C}`,
    units: T,
    operations: T * operationsPerRow(C),
    prepare: (backend) => attentionRun(backend, C, normalized),
  };
}

function attentionRun(backend: Backend, C: number, normalized: boolean): () => void {
  const { kernels, carve } = openCarved(scalarDecayKernels, backend);
  const [S, z, keys, values] = [carve(H * K * V), carve(H * K), carve(H * K * C), carve(H * C * V)] as const;
  const [q, k, v, o] = [carve(T * H * K), carve(T * H * K), carve(T * H * V), carve(T * H * V)] as const;
  const decay = carve(H * (C * C + C));
  const scratch = carve(scalarDecayScratch(C));
  decay.set(decayTable([0.99, 0.97, 0.95, 0.9], C));
  const random = uniform(1);
  const features = (length: number) => Float32Array.from({ length }, () => Math.abs(random()));
  const [qIn, kIn, vIn, oOut] = [
    features(q.length),
    features(k.length),
    features(v.length),
    o.slice(),
  ] as const;
  let position = 0;
  return () => {
    q.set(qIn);
    k.set(kIn);
    v.set(vIn);
    if (normalized) {
      const sizes = [T, H, K, V, C, position, 0.125, 1] as const;
      kernels.normalizedScalarDecay(S, z, keys, values, decay, q, k, v, o, scratch, ...sizes);
    } else {
      kernels.scalarDecay(S, keys, values, decay, q, k, v, o, scratch, T, H, K, V, C, position, 0.125);
    }
    oOut.set(o);
    position = (position + T) % 256;
  };
}

/** An arena of 1 MiB with a function that takes aligned arrays off it. */
function openCarved<K extends Kernels>(set: KernelSet<K>, backend: Backend) {
  const { kernels, buffer, base } = openArena(set, ARENA_BYTES, backend);
  let next = base;
  const carve = (length: number) => {
    const view = new Float32Array(buffer, next, length);
    next = Math.ceil((next + view.byteLength) / 64) * 64;
    return view;
  };
  return { kernels, carve };
}

function elementwise(name: 'expF32' | 'logF32' | 'sigmoidF32' | 'softplusF32' | 'firstNonFinite'): Contest {
  return {
    name,
    units: ARRAY_FLOATS,
    prepare(backend) {
      const { kernels, carve } = openCarved(mathKernels, backend);
      const [x, y] = [carve(ARRAY_FLOATS), carve(ARRAY_FLOATS)] as const;
      const random = uniform(1);
      x.set(Float32Array.from(x, () => 10 * Math.abs(random())));
      return name === 'firstNonFinite'
        ? () => kernels[name](x, x.length)
        : () => kernels[name](x, y, x.length);
    },
  };
}

interface Measured {
  /** Median seconds of one run. */
  readonly wasm: number;
  readonly typescript: number;
  /** Median of the ratios of neighbouring samples. */
  readonly ratio: number;
}

/** Samples of about the same length, taken in turn. */
function measure(contest: Contest): Measured {
  const [runWasm, runTwin] = [contest.prepare('wasm'), contest.prepare('typescript')];
  const [repeatsWasm, repeatsTwin] = [repeatsFor(runWasm), repeatsFor(runTwin)];
  const wasm: number[] = [];
  const typescript: number[] = [];
  for (let sample = 0; sample < SAMPLES; sample++) {
    wasm.push(secondsOf(runWasm, repeatsWasm) / repeatsWasm);
    typescript.push(secondsOf(runTwin, repeatsTwin) / repeatsTwin);
  }
  const ratios = wasm.map((seconds, sample) => typescript[sample]! / seconds);
  return { wasm: median(wasm), typescript: median(typescript), ratio: median(ratios) };
}

/** How often to run for a sample, found after a warm-up that lets the engine optimize. */
function repeatsFor(run: () => void): number {
  secondsOf(run, 200);
  return Math.max(1, Math.round(SAMPLE_MS / 1000 / (secondsOf(run, 20) / 20)));
}

function secondsOf(run: () => void, times: number): number {
  const start = performance.now();
  for (let i = 0; i < times; i++) run();
  return (performance.now() - start) / 1000;
}

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

export async function bench(): Promise<Result[]> {
  const contests = [
    attention(16, false),
    attention(32, false),
    attention(16, true),
    elementwise('expF32'),
    elementwise('logF32'),
    elementwise('sigmoidF32'),
    elementwise('softplusF32'),
    elementwise('firstNonFinite'),
  ];
  const rows = contests.map((contest) => {
    const { wasm, typescript, ratio } = measure(contest);
    return {
      kernel: contest.name,
      'WASM, million/s': contest.units / wasm / 1e6,
      'twin, million/s': contest.units / typescript / 1e6,
      'WASM / twin': ratio,
      'useful GFLOP/s': contest.operations ? (contest.operations / wasm / 1e9).toFixed(1) : '',
    };
  });
  return [{ title: 'kernels, rows or values a second: WASM and its TypeScript twin', rows }];
}
