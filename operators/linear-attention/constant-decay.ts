/**
 * What linear attention with a decay per head that never changes has in common: columns, state, kernel, merging.
 */
import { defineOperator, type OperatorMaker } from '../../src/define-operator.js';
import { decayTable, scalarDecayKernels, scalarDecayScratch } from '../../src/kernels/scalar-decay.js';
import { type ArrayType, f32, f64, i32 } from '../../src/layout.js';
import { finiteNumber, integer, oneOf } from '../../src/options.js';

export interface MatrixOptions {
  /** Heads H, 1 … 1024 (default 1). Per-head vectors lie one behind the other in a column. */
  readonly heads?: number;
  /** Width K of a head's queries and keys, 1 … 4096. */
  readonly keyDim: number;
  /** Width V of a head's values, 1 … 4096. */
  readonly valueDim: number;
  /** Factor on every output. */
  readonly scale?: number;
  /** Rows C of a chunk, 16 or 32 (default 16). It decides the order of summation, so the last bits depend on it. */
  readonly chunkRows?: number;
}

export const matrixOptions = {
  heads: 'heads H, 1 … 1024 (default 1)',
  keyDim: 'width K of queries and keys, 1 … 4096',
  valueDim: 'width V of values, 1 … 4096',
  scale: 'factor on every output (default keyDim^-1/2)',
  chunkRows: 'rows of a chunk, 16 or 32 (default 16)',
};

/** The options with their defaults; `scale` differs between the operators. */
export const checkMatrix = (options: MatrixOptions, scale: number) => ({
  heads: integer({ heads: options.heads ?? 1 }, 1, 1024),
  keyDim: integer({ keyDim: options.keyDim }, 1, 4096),
  valueDim: integer({ valueDim: options.valueDim }, 1, 4096),
  scale: finiteNumber({ scale: options.scale ?? scale }),
  chunkRows: oneOf({ chunkRows: options.chunkRows ?? 16 }, [16, 32]),
});

export type Matrix = ReturnType<typeof checkMatrix> & {
  /** Divides each output by the weight its keys have together, which `z` keeps. */
  readonly normalize?: boolean;
};

const EPSILON = 1e-10;

type Kernels = (typeof scalarDecayKernels)['twins'];

/** What one of these operators says of itself; all else follows. */
interface ConstantDecay<O, R extends Matrix> {
  readonly name: string;
  readonly version: number;
  readonly summary: string;
  readonly options: Readonly<Record<keyof R, string>>;
  check(options: O): R;
  /** Each head's decay lambda a row, in float64. */
  lambdas(options: R): readonly number[];
  /** Changes the block's queries and keys (`T` rows) before they are used. */
  prepare?(kernels: Kernels, q: Float32Array, k: Float32Array, T: number, options: R): void;
  readonly examples: readonly O[];
}

/** S and z as of the start of the open chunk, and the rows of that chunk; `position` counts rows modulo 256. */
const layout = ({ heads: H, keyDim: K, valueDim: V, chunkRows: C, normalize }: Matrix) => ({
  S: f32(H, K, V),
  ...((normalize ? { z: f32(H, K) } : {}) as { z: ArrayType<'f32'> }),
  keys: f32(H, K, C),
  values: f32(H, C, V),
  rows: f64(1),
  position: i32(1),
});

export function defineConstantDecay<O extends MatrixOptions, R extends Matrix>(
  operator: ConstantDecay<O, R>,
): OperatorMaker<O> {
  const { lambdas, prepare, ...rest } = operator;
  return defineOperator({
    ...rest,
    kernels: scalarDecayKernels,
    inputs: ({ heads: H, keyDim: K, valueDim: V }) => ({ q: f32(H * K), k: f32(H * K), v: f32(H * V) }),
    outputs: ({ heads: H, valueDim: V }) => ({ o: f32(H * V) }),
    layout: (options: R) => layout(options),
    constants: (options) => ({ decay: decayTable(lambdas(options), options.chunkRows) }),
    scratch: ({ chunkRows: C }) => ({ scores: f32(scalarDecayScratch(C)) }),
    step({ options, state, constants: { decay }, scratch: { scores }, kernels }, { numRows: T, q, k, v, o }) {
      const { heads: H, keyDim: K, valueDim: V, chunkRows: C, scale, normalize } = options;
      const { S, z, keys, values } = state;
      const position = state.position[0]!;
      prepare?.(kernels, q, k, T, options);
      if (normalize) {
        kernels.normalizedScalarDecay(
          S,
          z,
          keys,
          values,
          decay,
          q,
          k,
          v,
          o,
          scores,
          T,
          H,
          K,
          V,
          C,
          position,
          scale,
          EPSILON,
        );
      } else {
        kernels.scalarDecay(S, keys, values, decay, q, k, v, o, scores, T, H, K, V, C, position, scale);
      }
      advance(state, T);
    },
    settle({ options, state, constants: { decay }, kernels }) {
      const { heads: H, keyDim: K, valueDim: V, chunkRows: C, normalize } = options;
      const { S, z, keys, values } = state;
      const position = state.position[0]!;
      if (normalize) kernels.settleNormalizedScalarDecay(S, z, keys, values, decay, H, K, V, C, position);
      else kernels.settleScalarDecay(S, keys, values, decay, H, K, V, C, position);
    },
    merge(a, b, options) {
      const factors = lambdas(options).map((lambda) => power(lambda, b.rows[0]!));
      return {
        S: mergeDecayed(a.S, b.S, factors),
        ...(options.normalize && { z: mergeDecayed(a.z, b.z, factors) }),
        rows: [a.rows[0]! + b.rows[0]!],
      };
    },
    tolerance: 1e-6,
  });
}

/** Moves the counters behind T rows; the grid of chunks and flushes repeats every 256 rows. */
export function advance(
  state: { readonly rows: Float64Array; readonly position: Int32Array },
  T: number,
): void {
  state.rows[0]! += T;
  state.position[0] = (state.position[0]! + T) % 256;
}

/** lambda^rows, by squaring: Math.pow may differ between engines. */
function power(lambda: number, rows: number): number {
  let result = 1;
  for (let square = lambda, left = rows; left > 0; left = Math.floor(left / 2), square *= square) {
    if (left % 2 === 1) result *= square;
  }
  return result;
}

/** factor a + b; there are as many factors as heads, or as rows of S. */
export function mergeDecayed(a: Float32Array, b: Float32Array, factors: ArrayLike<number>): Float32Array {
  const floats = a.length / factors.length;
  return a.map((value, i) => factors[Math.floor(i / floats)]! * value + b[i]!);
}
