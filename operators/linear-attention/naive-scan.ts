/**
 * The element-wise recurrences of this family in float64, a row at a time, as in `naive.ts`.
 */
import type { H3Options } from './h3.js';
import type { HgrnOptions } from './hgrn.js';
import type { SelectiveScanOptions } from './selective-scan.js';

type Numbers = ArrayLike<number>;

/** h = e^g h + x. Packed rows: x, g [T, D]. */
export function hgrn(
  { dim: D }: HgrnOptions,
  { x, g }: { readonly x: Numbers; readonly g: Numbers },
  initial: { readonly h?: Numbers } = {},
) {
  const h = Float64Array.from(initial.h ?? new Float64Array(D));
  const o = Float64Array.from(x, (value, i) => {
    const d = i % D;
    h[d] = Math.exp(g[i]!) * h[d]! + value;
    return h[d]!;
  });
  return { o, h };
}

/** Packed rows: u, dt, z [T, D], B, C [T, G, N], complex [T, G, N, 2]. */
interface SelectiveColumns {
  readonly u: Numbers;
  readonly dt: Numbers;
  readonly z?: Numbers;
  readonly B?: Numbers;
  readonly C?: Numbers;
}

/** x = e^(dt A) x + dt u B, y = C x + D u, times silu(z). Real numbers are complex ones without imaginary part. */
export function selectiveScan(
  options: SelectiveScanOptions,
  { u, dt, z, B, C }: SelectiveColumns,
  initial: { readonly x?: Numbers } = {},
) {
  const { dim: D, stateDim: N, groups: G = 1, softplus = false, gate = true, complex = false } = options;
  const parts = complex ? 2 : 1;
  const x = Float64Array.from(initial.x ?? new Float64Array(D * N * parts));
  const y = Float64Array.from(u, (input, at) => {
    const d = at % D;
    const row = (Math.floor(at / D) * G + Math.floor(d / (D / G))) * N;
    const raw = dt[at]! + (options.dtBias?.[d] ?? 0);
    const step = softplus ? Math.max(raw, 0) + Math.log1p(Math.exp(-Math.abs(raw))) : raw;
    let read = 0;
    for (let n = 0; n < N; n++) {
      const own = parts * (d * N + n);
      const [aRe, aIm] = numberAt(options.A, own, complex);
      const [bRe, bIm] = numberAt(options.B ?? B!, options.B ? own : parts * (row + n), complex);
      const [cRe, cIm] = numberAt(options.C ?? C!, options.C ? own : parts * (row + n), complex);
      const [xRe, xIm] = numberAt(x, own, complex);
      const size = Math.exp(step * aRe);
      const [re, im] = [size * Math.cos(step * aIm), size * Math.sin(step * aIm)];
      const nextRe = re * xRe - im * xIm + step * input * bRe;
      const nextIm = re * xIm + im * xRe + step * input * bIm;
      x[own] = nextRe;
      if (complex) x[own + 1] = nextIm;
      read += parts * (cRe * nextRe - cIm * nextIm);
    }
    const plain = read + (options.D?.[d] ?? 0) * input;
    return gate ? plain * (z![at]! / (1 + Math.exp(-z![at]!))) : plain;
  });
  return { y, x };
}

/**
 * H3 as the paper has it, through complex numbers. Packed rows: q, k, v [T, D], channel h P + i; y [T, P, H]; slots
 * shift [D, N], the newest row first, and x [P, P, H, M, 2], keys before values.
 */
export function h3(
  { dim: D, stateDim: N, headDim: P = 1, shift: filter, diagonal }: H3Options,
  { q, k, v }: { readonly q: Numbers; readonly k: Numbers; readonly v: Numbers },
  initial: { readonly shift?: Numbers; readonly x?: Numbers } = {},
) {
  const H = D / P;
  const modes = bilinear(diagonal, H);
  const M = modes.length / H;
  const shift = Float64Array.from(initial.shift ?? new Float64Array(D * N));
  const x = Float64Array.from(initial.x ?? new Float64Array(P * D * M * 2));
  const y = new Float64Array(q.length);
  for (let t = 0; t < q.length / D; t++) {
    const keys = Array.from({ length: D }, (_, d) => {
      shift.copyWithin(d * N + 1, d * N, (d + 1) * N - 1);
      shift[d * N] = k[t * D + d]!;
      let sum = filter.D[d]! * shift[d * N]!;
      for (let j = 0; j < N; j++) sum += filter.C[d * N + j]! * shift[d * N + j]!;
      return sum;
    });
    for (let i = 0; i < P * P * H; i++) {
      const [key, value, h] = [Math.floor(i / (P * H)), Math.floor(i / H) % P, i % H] as const;
      const input = keys[h * P + key]! * v[t * D + h * P + value]!;
      let read = diagonal.D[h]! * input;
      for (let m = 0; m < M; m++) {
        const { A, B, C } = modes[h * M + m]!;
        const at = (i * M + m) * 2;
        const [re, im] = [x[at]!, x[at + 1]!];
        x[at] = A[0] * re - A[1] * im + B[0] * input;
        x[at + 1] = A[0] * im + A[1] * re + B[1] * input;
        read += 2 * (C[0] * x[at]! - C[1] * x[at + 1]!);
      }
      y[t * D + value * H + h]! += q[t * D + h * P + key]! * read;
    }
  }
  return { y, shift, x };
}

type Pair = readonly [re: number, im: number];

/** A and B of each mode for steps of dt: (1 + dt A / 2) / (1 - dt A / 2) and dt B / (1 - dt A / 2). */
function bilinear({ dt, A, B, C }: H3Options['diagonal'], H: number): { A: Pair; B: Pair; C: Pair }[] {
  return Array.from({ length: A.length / 2 }, (_, i) => {
    const step = dt[Math.floor(i / (A.length / 2 / H))]!;
    const [re, im] = [(step * A[2 * i]!) / 2, (step * A[2 * i + 1]!) / 2];
    const square = (1 - re) ** 2 + im ** 2;
    const [inverseRe, inverseIm] = [(1 - re) / square, im / square];
    const [bRe, bIm] = [step * B[2 * i]!, step * B[2 * i + 1]!];
    return {
      A: [(1 + re) * inverseRe - im * inverseIm, (1 + re) * inverseIm + im * inverseRe],
      B: [bRe * inverseRe - bIm * inverseIm, bRe * inverseIm + bIm * inverseRe],
      C: [C[2 * i]!, C[2 * i + 1]!],
    };
  });
}

const numberAt = (values: Numbers, at: number, complex: boolean): readonly [number, number] => [
  values[at]!,
  complex ? values[at + 1]! : 0,
];
