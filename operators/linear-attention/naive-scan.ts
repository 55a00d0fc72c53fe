/**
 * The element-wise recurrences of this family in float64, a row at a time, as in `naive.ts`.
 */
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

const numberAt = (values: Numbers, at: number, complex: boolean): readonly [number, number] => [
  values[at]!,
  complex ? values[at + 1]! : 0,
];
