/**
 * Selective scan (Mamba, S6): a state space model for each channel, whose step size, input and output depend on the row.
 *
 *   dt_t = softplus(dt_t + dtBias), or dt_t + dtBias
 *   x_t = e^(dt_t A) x_(t-1) + dt_t u_t B_t
 *   y_t = C_t x_t + D u_t, times silu(z_t) if gated;   complex: 2 Re(C_t x_t) + D u_t
 *
 * In      u, dt, z  FixedSizeList<Float32>[D]   B, C  [G*N], complex [G*N*2]; channel d belongs to group d / (D/G)
 * Out     y     FixedSizeList<Float32>[D]   one row per input row, same order
 * State   x [D, N] (complex [D, N, 2]) float32 and the sum of dt [D] float64, for merging   about 4 D (N + 2) bytes
 * Cost    O(T D N) per batch, of which e^(dt A) is most; no growth with stream length
 * Error   vs naive (f64): relative RMSE <= 1e-6; where a state remembers n rows, up to 3e-8 n, as each row rounds it
 * Nulls   an error that names the row; so are NaN and infinities
 * Differs as the reference: e^(dt A) is exact for A, while B is only multiplied by dt. A factor above 2^127 counts as that
 * Source  Gu, Dao, Mamba: Linear-Time Sequence Modeling with Selective State Spaces, 2023, arXiv:2312.00752
 */
import { defineOperator } from '../../src/define-operator.js';
import { optionRange } from '../../src/errors.js';
import { exp64 } from '../../src/kernels/math.js';
import {
  SelectiveScanFeature,
  selectiveScanKernels,
  selectiveScanScratch,
} from '../../src/kernels/selective-scan.js';
import { type ArrayType, f32, f64, i32 } from '../../src/layout.js';
import { integer, numbers, truth } from '../../src/options.js';
import { exponential, type Parameters, times } from './complex.js';

export interface SelectiveScanOptions {
  /** Channels D, 1 … 65536. */
  readonly dim: number;
  /** State N of a channel, 1 … 4096. */
  readonly stateDim: number;
  /** Groups G of neighbouring channels that share B and C, a divisor of dim (default 1). */
  readonly groups?: number;
  /** Transition rates A [D, N], complex [D, N, 2]; below 0 where the state is to fade. */
  readonly A: Parameters;
  /** Constant input weights B [D, N], complex [D, N, 2], in place of the column B. */
  readonly B?: Parameters;
  /** Constant output weights C [D, N], complex [D, N, 2], in place of the column C. */
  readonly C?: Parameters;
  /** What of u goes straight to y, D [D] (default 0). */
  readonly D?: Parameters;
  /** Added to dt, [D] (default 0). */
  readonly dtBias?: Parameters;
  /** Take softplus(dt + dtBias) as the step size (default false). */
  readonly softplus?: boolean;
  /** Read the column z and multiply y by silu(z) (default true). */
  readonly gate?: boolean;
  /** A, B, C and x are complex, last axis (re, im) (default false). */
  readonly complex?: boolean;
}

/** Rows of a block, as the engine hands them over. */
const BLOCK_ROWS = 64;

function check(options: SelectiveScanOptions) {
  const dim = integer({ dim: options.dim }, 1, 65536);
  const stateDim = integer({ stateDim: options.stateDim }, 1, 4096);
  const groups = integer({ groups: options.groups ?? 1 }, 1, dim);
  if (dim % groups !== 0) throw optionRange('', 'groups', `a divisor of dim ${dim}`, groups);
  const complex = truth({ complex: options.complex ?? false });
  const weights = dim * stateDim * (complex ? 2 : 1);
  const zeros = () => new Float64Array(dim);
  return {
    dim,
    stateDim,
    groups,
    A: numbers({ A: options.A }, weights),
    B: options.B === undefined ? undefined : numbers({ B: options.B }, weights),
    C: options.C === undefined ? undefined : numbers({ C: options.C }, weights),
    D: numbers({ D: options.D ?? zeros() }, dim),
    dtBias: numbers({ dtBias: options.dtBias ?? zeros() }, dim),
    softplus: truth({ softplus: options.softplus ?? false }),
    gate: truth({ gate: options.gate ?? true }),
    complex,
  };
}

type Resolved = ReturnType<typeof check>;
type Column = ArrayType<'f32'>;

/** The columns that are read: a constant B or C has none, and z only exists where it gates. */
function inputs({ dim: D, stateDim: N, groups: G, B, C, gate, complex }: Resolved) {
  const weights = f32(G * N * (complex ? 2 : 1));
  return {
    u: f32(D),
    dt: f32(D),
    ...((gate ? { z: f32(D) } : {}) as { z: Column }),
    ...((B ? {} : { B: weights }) as { B: Column }),
    ...((C ? {} : { C: weights }) as { C: Column }),
  };
}

const { SOFTPLUS, GATED, CONSTANT_B, CONSTANT_C } = SelectiveScanFeature;

const featuresOf = ({ softplus, gate, B, C }: Resolved) =>
  (softplus ? SOFTPLUS : 0) + (gate ? GATED : 0) + (B ? CONSTANT_B : 0) + (C ? CONSTANT_C : 0);

/** A as the kernels take it: real parts as powers of 2, imaginary parts as quarters of a turn. */
const constants = ({ A, B, C, D, dtBias, complex }: Resolved) => ({
  powers: Float32Array.from(complex ? A.filter((_, i) => i % 2 === 0) : A, (rate) => rate * Math.LOG2E),
  quarters: complex
    ? A.filter((_, i) => i % 2 === 1).map((rate) => rate / (Math.PI / 2))
    : new Float64Array(),
  skip: Float32Array.from(D),
  bias: Float32Array.from(dtBias),
  ownB: Float32Array.from(B ?? []),
  ownC: Float32Array.from(C ?? []),
});

export const selectiveScan = defineOperator({
  name: 'selectiveScan',
  version: 1,
  summary: 'a state space model for each channel, whose steps, inputs and outputs depend on the row',
  kernels: selectiveScanKernels,
  options: {
    dim: 'channels D, 1 … 65536',
    stateDim: 'state N of a channel, 1 … 4096',
    groups: 'groups G of channels that share B and C, a divisor of dim (default 1)',
    A: 'transition rates [D, N], complex [D, N, 2]',
    B: 'constant input weights [D, N], complex [D, N, 2], in place of the column',
    C: 'constant output weights [D, N], complex [D, N, 2], in place of the column',
    D: 'what of u goes straight to y, [D] (default 0)',
    dtBias: 'added to dt, [D] (default 0)',
    softplus: 'take softplus(dt + dtBias) as the step size (default false)',
    gate: 'read the column z and multiply y by silu(z) (default true)',
    complex: 'A, B, C and x are complex, last axis (re, im) (default false)',
  },
  check,
  inputs,
  outputs: ({ dim: D }) => ({ y: f32(D) }),
  layout: ({ dim: D, stateDim: N, complex }) => ({
    x: complex ? f32(D, N, 2) : f32(D, N),
    elapsed: f64(D),
    position: i32(1),
  }),
  constants,
  scratch() {
    const { scratch, steps } = selectiveScanScratch(BLOCK_ROWS);
    return { lanes: f32(scratch), steps: f64(steps) };
  },
  step({ options, state, constants, scratch: { lanes, steps }, kernels }, batch) {
    const { dim: D, stateDim: N, groups: G, complex } = options;
    const { x, elapsed } = state;
    const { powers, quarters, skip, bias, ownB, ownC } = constants;
    const { numRows: T, u, dt, z = u, B = ownB, C = ownC, y } = batch;
    const position = state.position[0]!;
    const arrays = [skip, bias, u, dt, z, B, C, y, lanes, steps] as const;
    const sizes = [T, D, N, G, featuresOf(options), position] as const;
    if (complex) kernels.complexSelectiveScan(x, elapsed, powers, quarters, ...arrays, ...sizes);
    else kernels.selectiveScan(x, elapsed, powers, ...arrays, ...sizes);
    state.position[0] = (position + T) % 256;
  },
  merge: (a, b, options) => ({
    x: faded(a.x, options, b.elapsed).map((value, i) => value + b.x[i]!),
    elapsed: a.elapsed.map((sum, d) => sum + b.elapsed[d]!),
  }),
  tolerance: 1e-6,
  examples: [
    { dim: 6, stateDim: 4, A: rates(24), D: rates(6), dtBias: rates(6), softplus: true },
    { dim: 6, stateDim: 3, groups: 2, A: rates(18), softplus: true },
    { dim: 5, stateDim: 5, A: rates(25), B: rates(25), gate: false },
    {
      dim: 3,
      stateDim: 2,
      groups: 3,
      complex: true,
      A: [-0.5, 0, -0.5, 3.14, -1, 6.28, -0.1, -40, -3, 1, -0.05, 0.02],
      softplus: true,
      gate: false,
    },
    { dim: 5, stateDim: 3, complex: true, A: rates(30), B: rates(30), C: conjugate(rates(30)) },
  ],
});

/** Rates from -2.2 to -0.2, for examples. */
function rates(length: number): number[] {
  return Array.from({ length }, (_, i) => -(1 + ((7 * i) % 11)) / 5);
}

function conjugate(values: readonly number[]): number[] {
  return values.map((part, i) => (i % 2 === 0 ? part : -part));
}

/** e^(A elapsed) x: a state after `elapsed` more, without input. */
function faded(x: Float32Array, { stateDim: N, A, complex }: Resolved, elapsed: Float64Array): Float32Array {
  if (!complex) return x.map((value, i) => exp64(A[i]! * elapsed[Math.floor(i / N)]!) * value);
  const result = new Float32Array(x.length);
  for (let i = 0; i < x.length; i += 2) {
    const time = elapsed[Math.floor(i / (2 * N))]!;
    result.set(times(exponential(A[i]! * time, A[i + 1]! * time), [x[i]!, x[i + 1]!]), i);
  }
  return result;
}
