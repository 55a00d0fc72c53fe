/**
 * H3: a shift register over the keys, and a diagonal state space model over the products of its output with the values.
 *
 *   k'_t = sum over j < N of C_j k_(t-j) + D k_t
 *   x_t = A x_(t-1) + B k'_t v_t      y_t = q_t (2 Re(C x_t) + D k'_t v_t)
 *
 * The twin of `h3.c`, with the same bits. Shapes: D channels in H heads of P, channel h P + i; shift [D, N], the newest
 * row first; x [P, P, H, M, 2] float64, keys before values; taps [N, D], keySkip [D]; modes [H, M, 6] float64: A, B and
 * 2 C, each (re, im); valueSkip [H] float64; q, k, v [T, D]; y [T, P, H]; scratch as `h3Scratch` says. `position`
 * counts the rows before this call, modulo 256: the caller advances it.
 */
import { defineKernels } from './kernel.js';
import { firstAbove, firstNonFinite, multiplyAdd } from './math.js';
import { FLUSH_ROWS, flushNegligible } from './negligible.js';
import { wasm } from './wasm/h3.js';

/** The most float64 lanes that any build of the kernel has. */
const MOST_DOUBLES = 8;

/** Elements of the scratch arrays for T rows. */
export const h3Scratch = (T: number, D: number, N: number) => ({
  history: (N - 1 + T) * D,
  keys: T * D,
  lanes: 3 * T * MOST_DOUBLES,
});

export function h3(
  shift: Float32Array,
  x: Float64Array,
  taps: Float32Array,
  keySkip: Float32Array,
  modes: Float64Array,
  valueSkip: Float64Array,
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  y: Float32Array,
  _history: Float32Array,
  keys: Float32Array,
  _lanes: Float64Array,
  T: number,
  D: number,
  N: number,
  M: number,
  P: number,
  position: number,
): void {
  const H = D / P;
  for (let t = 0; t < T; t++) {
    for (let d = 0; d < D; d++) {
      shift.copyWithin(d * N + 1, d * N, (d + 1) * N - 1);
      shift[d * N] = k[t * D + d]!;
      keys[t * D + d] = filtered(shift, taps, keySkip, d, D, N);
    }
    for (let value = 0; value < P; value++) {
      for (let h = 0; h < H; h++) {
        let output = 0;
        for (let key = 0; key < P; key++) {
          const input = keys[t * D + h * P + key]! * v[t * D + h * P + value]!;
          const state = ((key * P + value) * H + h) * M * 2;
          const read = scanModes(x, state, modes, h * M * 6, M, input, valueSkip[h]! * input);
          output += q[t * D + h * P + key]! * read;
        }
        y[t * D + value * H + h] = output;
      }
    }
    if ((position + t + 1) % FLUSH_ROWS === 0) flushNegligible(x, P * D * M * 2);
  }
}

export const h3Kernels = defineKernels('h3', wasm, { firstNonFinite, firstAbove, h3 });

/** The taps' sum over channel d's register, the newest row first, then the skip. */
function filtered(
  shift: Float32Array,
  taps: Float32Array,
  skip: Float32Array,
  d: number,
  D: number,
  N: number,
): number {
  let sum = 0;
  for (let j = 0; j < N; j++) sum = multiplyAdd(taps[j * D + d]!, shift[d * N + j]!, sum);
  return multiplyAdd(skip[d]!, shift[d * N]!, sum);
}

/** Steps M modes of one pair of channels and adds what they read to `read`. */
function scanModes(
  x: Float64Array,
  state: number,
  modes: Float64Array,
  table: number,
  M: number,
  input: number,
  read: number,
): number {
  let sum = read;
  for (let m = 0; m < M; m++) {
    const at = state + 2 * m;
    const mode = table + 6 * m;
    const re = x[at]!;
    const im = x[at + 1]!;
    x[at] = modes[mode]! * re - modes[mode + 1]! * im + modes[mode + 2]! * input;
    x[at + 1] = modes[mode]! * im + modes[mode + 1]! * re + modes[mode + 3]! * input;
    sum = sum + modes[mode + 4]! * x[at]! - modes[mode + 5]! * x[at + 1]!;
  }
  return sum;
}
