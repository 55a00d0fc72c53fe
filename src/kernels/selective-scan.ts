/**
 * The selective scan of Mamba (S6): x_t = e^(dt_t A) x_(t-1) + dt_t u_t B_t, y_t = C_t x_t + D u_t, gated by silu(z_t).
 *
 * The twins of `selective-scan.c`, with the same bits. Shapes, the same for both: x [D, N]; elapsed [D], the sum of
 * all dt so far; powers [D, N] = A log2 e; skip (the D of the recurrence) and bias [D]; u, dt, z and y [T, D]; B and C
 * [T, G, N], or [D, N] where constant; scratch and steps as `selectiveScanScratch` says. `features` is a sum of
 * `SelectiveScanFeature`. `position` counts the rows before this call, modulo 256: the caller advances it.
 */
import { fade } from './fade.js';
import { defineKernels } from './kernel.js';
import { firstAbove, firstNonFinite, logSigmoid64, multiplyAdd, sigmoid32, softplus32 } from './math.js';
import { FLUSH_ROWS, flushNegligible } from './negligible.js';
import { type Complex, fadeAndRotate } from './rotate.js';
import { wasm } from './wasm/selective-scan.js';

const { fround } = Math;

/** What a call asks for besides the recurrence. Without GATED z is not read; a constant B or C has no rows. */
export const SelectiveScanFeature = { SOFTPLUS: 1, GATED: 2, CONSTANT_B: 4, CONSTANT_C: 8 } as const;
const { SOFTPLUS, GATED, CONSTANT_B, CONSTANT_C } = SelectiveScanFeature;

/** The widest vector that any build of the kernel has. */
const MOST_LANES = 16;

/** Elements of the scratch arrays for T rows of a vector of channels. */
export const selectiveScanScratch = (T: number) => ({ scratch: 3 * T * MOST_LANES, steps: T * MOST_LANES });

export function selectiveScan(
  x: Float32Array,
  elapsed: Float64Array,
  powers: Float32Array,
  skip: Float32Array,
  bias: Float32Array,
  u: Float32Array,
  dt: Float32Array,
  z: Float32Array,
  B: Float32Array,
  C: Float32Array,
  y: Float32Array,
  _scratch: Float32Array,
  _steps: Float64Array,
  T: number,
  D: number,
  N: number,
  G: number,
  features: number,
  position: number,
): void {
  for (let t = 0; t < T; t++) {
    for (let d = 0, at = t * D; d < D; d++, at++) {
      const step = stepOf(dt[at]!, bias[d]!, features);
      const write = fround(step * u[at]!);
      const own = d * N;
      const row = rowOf(t, d, D, N, G);
      const b = features & CONSTANT_B ? own : row;
      const c = features & CONSTANT_C ? own : row;
      elapsed[d]! += step;
      let read = 0;
      for (let n = 0; n < N; n++) {
        x[own + n] = fade(x[own + n]!, fround(step * powers[own + n]!)) + fround(write * B[b + n]!);
        read = multiplyAdd(C[c + n]!, x[own + n]!, read);
      }
      y[at] = gated(fround(read + fround(skip[d]! * u[at]!)), z[at]!, features);
    }
    if ((position + t + 1) % FLUSH_ROWS === 0) flushNegligible(x, D * N);
  }
}

/**
 * The same with complex A, B and C, of which y takes twice the real part: x [D, N, 2], B and C [T, G, N, 2] or
 * [D, N, 2]; quarters [D, N] are the imaginary parts of A over pi / 2.
 */
export function complexSelectiveScan(
  x: Float32Array,
  elapsed: Float64Array,
  powers: Float32Array,
  quarters: Float64Array,
  skip: Float32Array,
  bias: Float32Array,
  u: Float32Array,
  dt: Float32Array,
  z: Float32Array,
  B: Float32Array,
  C: Float32Array,
  y: Float32Array,
  _scratch: Float32Array,
  _steps: Float64Array,
  T: number,
  D: number,
  N: number,
  G: number,
  features: number,
  position: number,
): void {
  const mode: Complex = { re: 0, im: 0 };
  for (let t = 0; t < T; t++) {
    for (let d = 0, at = t * D; d < D; d++, at++) {
      const step = wideStepOf(dt[at]!, bias[d]!, features);
      const dt32 = fround(step);
      const write = fround(dt32 * u[at]!);
      const own = d * N;
      const row = rowOf(t, d, D, N, G);
      const b = 2 * (features & CONSTANT_B ? own : row);
      const c = 2 * (features & CONSTANT_C ? own : row);
      elapsed[d]! += step;
      let read = 0;
      for (let n = 0; n < N; n++) {
        const [re, im] = [2 * (own + n), 2 * (own + n) + 1] as const;
        mode.re = x[re]!;
        mode.im = x[im]!;
        fadeAndRotate(mode, fround(dt32 * powers[own + n]!), step * quarters[own + n]!);
        x[re] = mode.re + fround(write * B[b + 2 * n]!);
        x[im] = mode.im + fround(write * B[b + 2 * n + 1]!);
        read = multiplyAdd(C[c + 2 * n]!, x[re]!, read);
        read = fround(read - fround(C[c + 2 * n + 1]! * x[im]!));
      }
      y[at] = gated(fround(fround(read * 2) + fround(skip[d]! * u[at]!)), z[at]!, features);
    }
    if ((position + t + 1) % FLUSH_ROWS === 0) flushNegligible(x, 2 * D * N);
  }
}

export const selectiveScanKernels = defineKernels('selective-scan', wasm, {
  firstNonFinite,
  firstAbove,
  selectiveScan,
  complexSelectiveScan,
});

/** Where row t of B or C begins for channel d. */
const rowOf = (t: number, d: number, D: number, N: number, G: number) =>
  (t * G + Math.floor(d / (D / G))) * N;

/** A step size. */
function stepOf(dt: number, bias: number, features: number): number {
  const step = fround(dt + bias);
  return features & SOFTPLUS ? softplus32(step) : step;
}

/** A step size in float64: a phase is made from it, which takes more digits than a decay. */
const wideStepOf = (dt: number, bias: number, features: number) =>
  features & SOFTPLUS ? -logSigmoid64(-(dt + bias)) : dt + bias;

/** y silu(z). */
const gated = (y: number, z: number, features: number) =>
  features & GATED ? fround(y * fround(z * sigmoid32(z))) : y;
