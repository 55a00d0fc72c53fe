/**
 * Any bias matrix as one of low rank, by a truncated singular value decomposition (one-sided Jacobi, float64).
 */
import { optionRange } from '../../src/errors.js';
import { checked, finiteNumber, integer, numbers } from '../../src/options.js';
import type { Bias } from './bias.js';

export interface LowRankBiasOptions {
  /** The bias of every query and key [H, N, M]. */
  readonly matrix: ArrayLike<number>;
  /** Queries N and keys M. */
  readonly queries: number;
  readonly keys: number;
  /** Heads H (default 1). */
  readonly heads?: number;
  /** Rank R of the result, 1 … 256; by default the least that keeps `error`. */
  readonly rank?: number;
  /** The largest relative error (Frobenius norm) that any head's bias may have, 0 … 1 (default 1e-7). */
  readonly error?: number;
}

export interface LowRankBias extends Bias {
  /** The relative error in the Frobenius norm of the worst head: 0 where the rank suffices. */
  readonly error: number;
}

const SWEEPS_MOST = 60;
const ORTHOGONAL = 1e-15;

/** One head's singular values, falling, and what belongs to them: left [r][N], right [r][M], unit vectors. */
interface Decomposition {
  readonly values: readonly number[];
  readonly left: readonly Float64Array[];
  readonly right: readonly Float64Array[];
}

/** Factors phiQ_i . phiK_j of a bias, and the error that is left. Cost O(heads min(N, M)² max(N, M)), in memory at once. */
export function lowRankBias(options: LowRankBiasOptions): LowRankBias {
  const given = checked('lowRankBias', options, [], () => check(options));
  const { heads: H, queries: N, keys: M, matrix, error } = given;
  const heads = Array.from({ length: H }, (_, h) =>
    decompose(matrix.subarray(h * N * M, (h + 1) * N * M), N, M),
  );
  const rank = given.rank ?? Math.max(...heads.map((head) => rankFor(head, error)));
  if (rank > 256) throw optionRange('lowRankBias', 'error', 'one that a rank of at most 256 keeps', error);
  const factors = (side: 'left' | 'right', rows: number) =>
    Array.from({ length: rows }, (_, i) =>
      heads.flatMap((head) =>
        Array.from({ length: rank }, (_, r) => (head[side][r]?.[i] ?? 0) * Math.sqrt(head.values[r] ?? 0)),
      ),
    ).flat();
  return {
    rank,
    phiQ: factors('left', N),
    phiK: factors('right', M),
    error: Math.max(...heads.map((head) => errorOf(head, rank))),
  };
}

function check({ heads = 1, queries, keys, matrix, rank, error = 1e-7 }: LowRankBiasOptions) {
  const [H, N, M] = [
    integer({ heads }, 1, 1024),
    integer({ queries }, 1, 65536),
    integer({ keys }, 1, 65536),
  ];
  return {
    heads: H,
    queries: N,
    keys: M,
    matrix: numbers({ matrix }, H * N * M),
    rank: rank === undefined ? undefined : integer({ rank }, 1, 256),
    error: finiteNumber({ error }, 0, 1),
  };
}

/** The relative error of the first `rank` singular values alone. */
function errorOf({ values }: Decomposition, rank: number): number {
  const norm = Math.hypot(...values);
  return norm === 0 ? 0 : Math.hypot(...values.slice(rank)) / norm;
}

function rankFor(head: Decomposition, error: number): number {
  let rank = 1;
  while (rank < head.values.length && errorOf(head, rank) > error) rank++;
  return rank;
}

/**
 * Turns rows against each other until all are at right angles: Q A = diag(values) V^T, so A = Q^T diag(values) V^T.
 * The shorter side's vectors are turned.
 */
function decompose(matrix: Float64Array, N: number, M: number): Decomposition {
  const [count, length] = N <= M ? [N, M] : [M, N];
  const at = (i: number, j: number) => (N <= M ? matrix[i * M + j]! : matrix[j * M + i]!);
  const rows = Array.from({ length: count }, (_, i) => Float64Array.from({ length }, (_, j) => at(i, j)));
  const turns = Array.from({ length: count }, (_, i) =>
    Float64Array.from({ length: count }, (_, j) => (i === j ? 1 : 0)),
  );
  for (let sweep = 0; sweep < SWEEPS_MOST && sweepOnce(rows, turns); sweep++);
  const norms = rows.map((row) => Math.sqrt(dot(row, row)));
  const order = norms.map((_, i) => i).sort((a, b) => norms[b]! - norms[a]!);
  const unit = order.map((i) => rows[i]!.map((x) => (norms[i] === 0 ? 0 : x / norms[i]!)));
  const turned = order.map((i) => turns[i]!);
  const values = order.map((i) => norms[i]!);
  return N <= M ? { values, left: turned, right: unit } : { values, left: unit, right: turned };
}

/** Turns every pair of rows once. Gives whether any was not at right angles. */
function sweepOnce(rows: readonly Float64Array[], turns: readonly Float64Array[]): boolean {
  let turned = false;
  for (let i = 0; i < rows.length; i++) {
    for (let j = i + 1; j < rows.length; j++) {
      const [a, b, c] = [dot(rows[i]!, rows[i]!), dot(rows[j]!, rows[j]!), dot(rows[i]!, rows[j]!)];
      if (Math.abs(c) <= ORTHOGONAL * Math.sqrt(a * b)) continue;
      turned = true;
      const zeta = (b - a) / (2 * c);
      const tangent = Math.sign(zeta || 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
      const cosine = 1 / Math.sqrt(1 + tangent * tangent);
      for (const vectors of [rows, turns]) rotate(vectors[i]!, vectors[j]!, cosine, cosine * tangent);
    }
  }
  return turned;
}

function rotate(x: Float64Array, y: Float64Array, cosine: number, sine: number): void {
  for (let i = 0; i < x.length; i++) {
    const [a, b] = [x[i]!, y[i]!];
    x[i] = cosine * a - sine * b;
    y[i] = sine * a + cosine * b;
  }
}

function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += x[i]! * y[i]!;
  return sum;
}
