/**
 * H3 (Hungry Hungry Hippos): keys pass a shift register, what comes out is multiplied by the values, remembered by a
 * diagonal state space model, and asked for by the queries.
 *
 *   k'_t = sum over j < N of C_j k_(t-j) + D k_t                                  a channel; C, D of `shift`
 *   x_t = A x_(t-1) + B k'_t v_t^T,  y_t = q_t^T (2 Re(C x_t) + D k'_t v_t^T)     a head and mode; of `diagonal`
 *   A = (1 + dt A / 2) / (1 - dt A / 2),  B = dt B / (1 - dt A / 2)               bilinear, of the given ones
 *
 * In      q, k, v  FixedSizeList<Float32>[D], channel h P + i is element i of head h, P = headDim
 * Out     y     FixedSizeList<Float32>[D]   one row per input row; element i of head h at i H + h, as the reference has it
 * State   shift [D, N] float32, the newest row first; x [P, P, H, M, 2] float64, keys before values; the first N - 1
 *         rows of v [N - 1, D] float32, for merging   about 8 D (N + 2 P M) bytes
 * Cost    O(T D (N + P M)) per batch, no growth with stream length
 * Error   vs naive (f64): relative RMSE <= 1e-6
 * Nulls   an error that names the row; so are NaN and infinities
 * Differs computed row by row, without FFT; the projections to q, k and v and from y are left to the caller
 * Source  Fu, Dao, Saab, Thomas, Rudra, Ré, Hungry Hungry Hippos, 2022, arXiv:2212.14052
 */
import { defineOperator } from '../../src/define-operator.js';
import { optionRange } from '../../src/errors.js';
import { h3Kernels, h3Scratch } from '../../src/kernels/h3.js';
import { f32, f64, type Views } from '../../src/layout.js';
import { integer, numbers } from '../../src/options.js';
import { type Complex, over, type Parameters, power, times } from './complex.js';

export interface H3Options {
  /** Channels D, 1 … 65536. */
  readonly dim: number;
  /** Rows N that the shift register holds, 1 … 4096. */
  readonly stateDim: number;
  /** Channels P of a head, a divisor of dim (default 1). There are H = D / P heads. */
  readonly headDim?: number;
  /** The shift register's weights: C [D, N], the newest row first, and of the row itself D [D]. */
  readonly shift: { readonly C: Parameters; readonly D: Parameters };
  /**
   * The diagonal model: step sizes dt [H] > 0; A [H, M, 2], real parts <= 0, B and C [H, M, 2], complex (re, im); D [H].
   * The M modes stand for conjugate pairs; the paper has M = N / 2.
   */
  readonly diagonal: {
    readonly dt: Parameters;
    readonly A: Parameters;
    readonly B: Parameters;
    readonly C: Parameters;
    readonly D: Parameters;
  };
}

/** Rows of a block, as the engine hands them over. */
const BLOCK_ROWS = 64;

function check({ dim, stateDim, headDim = 1, shift, diagonal }: H3Options) {
  const D = integer({ dim }, 1, 65536);
  const N = integer({ stateDim }, 1, 4096);
  const P = integer({ headDim }, 1, D);
  if (D % P !== 0) throw optionRange('', 'headDim', `a divisor of dim ${D}`, P);
  const H = D / P;
  const modes = 2 * H * Math.max(1, Math.floor((diagonal?.A?.length ?? 0) / (2 * H)));
  const weights = parameters('shift', shift, { C: D * N, D });
  const model = parameters('diagonal', diagonal, { dt: H, A: modes, B: modes, C: modes, D: H });
  const growing = model.A.findIndex((part, i) => i % 2 === 0 && part > 0);
  if (growing >= 0) throw optionRange('', `diagonal.A[${growing}]`, 'a real part <= 0', model.A[growing]);
  const standing = model.dt.findIndex((step) => step <= 0);
  if (standing >= 0) throw optionRange('', `diagonal.dt[${standing}]`, 'a step > 0', model.dt[standing]);
  return { dim: D, stateDim: N, headDim: P, shift: weights, diagonal: model };
}

/** The lists of numbers that an option consists of, each of its length. */
function parameters<K extends string>(
  option: string,
  given: Readonly<Record<K, Parameters>> | undefined,
  lengths: Readonly<Record<K, number>>,
): Record<K, Float64Array> {
  const names = Object.keys(lengths) as K[];
  const unknown = Object.keys(given ?? {}).find((name) => !(name in lengths));
  if (unknown !== undefined)
    throw optionRange('', `${option}.${unknown}`, `one of ${names.join(', ')}`, unknown);
  const checked = names.map((name) => [
    name,
    numbers({ [`${option}.${name}`]: given?.[name] }, lengths[name]),
  ]);
  return Object.fromEntries(checked);
}

type Resolved = ReturnType<typeof check>;

const modesOf = ({ diagonal }: Resolved) => diagonal.A.length / 2 / diagonal.dt.length;

const layout = (options: Resolved) => {
  const { dim: D, stateDim: N, headDim: P } = options;
  return {
    shift: f32(D, N),
    x: f64(P, P, D / P, modesOf(options), 2),
    firstValues: f32(N - 1, D),
    rows: f64(1),
  };
};

type Slots = Views<ReturnType<typeof layout>>;

export const h3 = defineOperator({
  name: 'h3',
  version: 1,
  summary: 'keys through a shift register, times values, through a diagonal state space model, times queries',
  kernels: h3Kernels,
  options: {
    dim: 'channels D, 1 … 65536',
    stateDim: 'rows N that the shift register holds, 1 … 4096',
    headDim: 'channels P of a head, a divisor of dim (default 1)',
    shift: 'the shift register: C [D, N], the newest row first, and D [D]',
    diagonal: 'the diagonal model: dt [H] > 0; A (real parts <= 0), B, C [H, M, 2], complex (re, im); D [H]',
  },
  check,
  inputs: ({ dim: D }) => ({ q: f32(D), k: f32(D), v: f32(D) }),
  outputs: ({ dim: D }) => ({ y: f32(D) }),
  layout,
  constants: (options) => ({
    taps: Float32Array.from(options.shift.C, (_, i) => options.shift.C[tapAt(i, options)]!),
    keySkip: Float32Array.from(options.shift.D),
    modes: Float64Array.from(discretized(options).flatMap(({ A, B, C }) => [...A, ...B, 2 * C[0], 2 * C[1]])),
    valueSkip: options.diagonal.D,
  }),
  scratch({ dim: D, stateDim: N }) {
    const { history, keys, lanes } = h3Scratch(BLOCK_ROWS, D, N);
    return { history: f32(history), keys: f32(keys), lanes: f64(lanes) };
  },
  step({ options, state, constants, scratch, kernels }, { numRows: T, q, k, v, y }) {
    const { dim: D, stateDim: N, headDim: P } = options;
    const { taps, keySkip, modes, valueSkip } = constants;
    const { history, keys, lanes } = scratch;
    const rows = state.rows[0]!;
    const first = v.subarray(0, D * Math.max(0, Math.min(T, N - 1 - rows)));
    if (first.length > 0) state.firstValues.set(first, D * rows);
    const sizes = [T, D, N, modesOf(options), P, rows % 256] as const;
    kernels.h3(
      state.shift,
      state.x,
      taps,
      keySkip,
      modes,
      valueSkip,
      q,
      k,
      v,
      y,
      history,
      keys,
      lanes,
      ...sizes,
    );
    state.rows[0] = rows + T;
  },
  merge: (a, b, options) => ({
    shift: b.shift.map((own, i) => own + registerAt(a.shift, i, b.rows[0]!, options)),
    x: mergedModes(a, b, options),
    firstValues: joined(a, b, options),
    rows: [a.rows[0]! + b.rows[0]!],
  }),
  tolerance: 1e-6,
  examples: [exampleOf(6, 8, 1, 4), exampleOf(6, 3, 2, 3), exampleOf(15, 1, 5, 1), exampleOf(5, 40, 1, 2)],
});

/** Where the weight that lies at i of [N, D] lies in [D, N]. */
const tapAt = (i: number, { dim: D, stateDim: N }: Resolved) => (i % D) * N + Math.floor(i / D);

/** A, B and C of each head's modes, A and B discretized by the bilinear rule. */
function discretized({ diagonal: { dt, A, B, C } }: Resolved): { A: Complex; B: Complex; C: Complex }[] {
  return Array.from({ length: A.length / 2 }, (_, i) => {
    const step = dt[Math.floor((i / (A.length / 2)) * dt.length)]!;
    const [re, im] = [(step * A[2 * i]!) / 2, (step * A[2 * i + 1]!) / 2];
    return {
      A: over([1 + re, im], [1 - re, -im]),
      B: over([step * B[2 * i]!, step * B[2 * i + 1]!], [1 - re, -im]),
      C: [C[2 * i]!, C[2 * i + 1]!],
    };
  });
}

/** What element i of a register holds after `rows` rows of zeros. */
function registerAt(shift: Float32Array, i: number, rows: number, { stateDim: N }: Resolved): number {
  return i % N >= rows ? shift[i - rows]! : 0;
}

/**
 * x after a's rows and then b's: a's modes have faded over b's rows, b's are added. But b's first rows met an empty
 * register; what a's keys would have given in it is multiplied by b's first values and remembered as well.
 */
function mergedModes(a: Slots, b: Slots, options: Resolved): Float64Array {
  const { dim: D, stateDim: N, headDim: P } = options;
  const M = modesOf(options);
  const H = D / P;
  const modes = discretized(options);
  const bRows = b.rows[0]!;
  const first = Math.min(bRows, N - 1);
  const tails = Array.from({ length: D }, (_, d) => tailOf(a.shift, d, first, options));
  const x = new Float64Array(b.x.length);
  for (let at = 0; at < x.length; at += 2) {
    const h = Math.floor(at / 2 / M) % H;
    const [key, value] = [Math.floor(at / (2 * M * H * P)), Math.floor(at / (2 * M * H)) % P] as const;
    const { A, B } = modes[h * M + ((at / 2) % M)]!;
    let state: Complex = [a.x[at]!, a.x[at + 1]!];
    for (let t = 0; t < first; t++) {
      const input = tails[h * P + key]![t]! * b.firstValues[t * D + h * P + value]!;
      const [re, im] = times(A, state);
      state = [re + B[0] * input, im + B[1] * input];
    }
    const [re, im] = times(power(A, bRows - first), state);
    x[at] = re + b.x[at]!;
    x[at + 1] = im + b.x[at + 1]!;
  }
  return x;
}

/** What channel d's register gives in the next `rows` rows, if zeros come in. */
const tailOf = (shift: Float32Array, d: number, rows: number, { stateDim: N, shift: { C } }: Resolved) =>
  Array.from({ length: rows }, (_, t) => {
    let sum = 0;
    for (let j = t + 1; j < N; j++) sum += C[d * N + j]! * shift[d * N + j - t - 1]!;
    return sum;
  });

/** The first N - 1 rows of a's values and then b's. */
function joined(a: Slots, b: Slots, { dim: D }: Resolved): Float32Array {
  const values = a.firstValues.slice();
  const from = D * a.rows[0]!;
  if (from < values.length) values.set(b.firstValues.subarray(0, values.length - from), from);
  return values;
}

/** A small model whose modes fade and turn at different rates. */
function exampleOf(dim: number, stateDim: number, headDim: number, M: number): H3Options {
  const H = dim / headDim;
  const wave = (length: number, pace: number) =>
    Array.from({ length }, (_, i) => Math.round(100 * Math.sin(pace * (i + 1))) / 100);
  return {
    dim,
    stateDim,
    headDim,
    shift: { C: wave(dim * stateDim, 2), D: wave(dim, 3) },
    diagonal: {
      dt: Array.from({ length: H }, (_, h) => 0.1 / (1 + h)),
      A: Array.from({ length: 2 * H * M }, (_, i) => (i % 2 === 0 ? -0.5 : 3 * ((i >> 1) % M))),
      B: wave(2 * H * M, 5),
      C: wave(2 * H * M, 7),
      D: wave(H, 1),
    },
  };
}
