/**
 * Speed of the kernels, WebAssembly against their TypeScript twins in the same run.
 *
 *   node --import tsx bench/kernels.ts
 *
 * Linear attention of 4 heads, 64 keys and 64 values wide, in calls of 64 rows that are copied into the arena and out
 * of it, as operators do. Useful operations count each multiply-add as two, triangles exactly, copies not at all.
 */
import { type Backend, openArena } from '../src/kernels/kernel.js';
import { mathKernels } from '../src/kernels/math.js';
import { decayTable, scalarDecayKernels, scalarDecayScratch } from '../src/kernels/scalar-decay.js';

const H = 4;
const K = 64;
const V = 64;
const T = 64;
const EXP_FLOATS = 4096;
const SAMPLES = 101;
const SAMPLE_MS = 2;
const BACKENDS: readonly Backend[] = ['wasm', 'typescript'];

interface Contest {
  readonly name: string;
  readonly unit: string;
  /** Units and floating-point operations of one run. */
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
    unit: 'rows',
    units: T,
    operations: T * operationsPerRow(C),
    prepare: (backend) => attentionRun(backend, C, normalized),
  };
}

function attentionRun(backend: Backend, C: number, normalized: boolean): () => void {
  const lengths = [H * K * V, H * K, H * K * C, H * C * V, H * (C * C + C), scalarDecayScratch(C)];
  const rows = [T * H * K, T * H * K, T * H * V, T * H * V];
  const floats = [...lengths, ...rows].reduce((sum, length) => sum + length + 16, 0);
  const { kernels, buffer, base } = openArena(scalarDecayKernels, 4 * floats, backend);
  let next = base;
  const carve = (length: number) => {
    const view = new Float32Array(buffer, next, length);
    next = Math.ceil((next + view.byteLength) / 64) * 64;
    return view;
  };
  const [S, z, keys, values, decay, scratch] = lengths.map(carve) as Tuple6;
  const [q, k, v, o] = rows.map(carve) as Tuple4;
  decay.set(decayTable([0.99, 0.97, 0.95, 0.9], C));
  const random = uniform(1);
  const [qIn, kIn, vIn] = [q, k, v].map((view) =>
    Float32Array.from(view, () => Math.abs(random())),
  ) as Tuple4;
  const oOut = new Float32Array(o.length);
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

type Tuple4 = [Float32Array, Float32Array, Float32Array, Float32Array];
type Tuple6 = [...Tuple4, Float32Array, Float32Array];

function elementwise(name: 'expF32' | 'logF32' | 'sigmoidF32' | 'softplusF32' | 'firstNonFinite'): Contest {
  return {
    name,
    unit: 'values',
    units: EXP_FLOATS,
    prepare(backend) {
      const { kernels, buffer, base } = openArena(mathKernels, 8 * EXP_FLOATS, backend);
      const x = new Float32Array(buffer, base, EXP_FLOATS);
      const y = new Float32Array(buffer, base + x.byteLength, EXP_FLOATS);
      const random = uniform(1);
      x.forEach((_, i) => {
        x[i] = 10 * Math.abs(random());
      });
      return name === 'firstNonFinite'
        ? () => kernels[name](x, x.length)
        : () => kernels[name](x, y, x.length);
    },
  };
}

/** Median seconds of one run per backend: samples of about the same length, taken in turn. */
function measure(contest: Contest): Record<Backend, number> {
  const runs = BACKENDS.map((backend) => contest.prepare(backend));
  const repeats = runs.map(repeatsFor);
  const samples = runs.map((): number[] => []);
  for (let sample = 0; sample < SAMPLES; sample++) {
    runs.forEach((run, i) => samples[i]!.push(secondsOf(run, repeats[i]!) / repeats[i]!));
  }
  const [wasm, typescript] = samples.map(median) as [number, number];
  return { wasm, typescript };
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

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;
const millions = (x: number) => (x / 1e6).toFixed(2).padStart(9);

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

console.log(`Node ${process.version}, medians of ${SAMPLES} interleaved samples of ${SAMPLE_MS} ms\n`);
console.log(`${'kernel'.padEnd(34)}${'million/s'.padStart(9)}  twin million/s  WASM/twin  useful GFLOP/s`);
for (const contest of contests) {
  const { wasm, typescript } = measure(contest);
  const speed = contest.operations ? (contest.operations / wasm / 1e9).toFixed(1) : '';
  console.log(
    contest.name.padEnd(34) +
      millions(contest.units / wasm) +
      millions(contest.units / typescript).padStart(16) +
      `${(typescript / wasm).toFixed(1)}x`.padStart(11) +
      speed.padStart(16),
  );
}
