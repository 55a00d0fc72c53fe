/**
 * Additive biases of low rank: bias_ij = phiQ_i . phiK_j. Queries and keys are widened by these factors, so that a bias
 * costs R more multiplications a score and no matrix of N² numbers (FlashBias: Wu et al., 2025, arXiv:2505.12044).
 */
import { limitExceeded, optionRange } from '../../src/errors.js';
import { checked, finiteNumber, integer, numbers } from '../../src/options.js';

/** Each row's factors, head by head: rows packed as [rows, H * rank], or a function of row number and head. */
export type Factor = ArrayLike<number> | ((row: number, head: number) => ArrayLike<number>);

export interface Bias {
  /** R, 1 … 256. */
  readonly rank: number;
  /** Factors of queries by their number. */
  readonly phiQ: Factor;
  /** Factors of keys by their position in the stream, counted from 0. */
  readonly phiK: Factor;
  /** Set by `alibi`: causal attention then computes -slope (i - j) itself, exactly however long the stream is. */
  readonly slopes?: readonly number[];
}

/**
 * ALiBi: the bias -slope_h (i - j), which makes far keys count less. Exact, rank 2.
 * Source: Press, Smith, Lewis, 2021, arXiv:2108.12409.
 */
export function alibi(slopes: ArrayLike<number>): Bias {
  const { rates } = checked('alibi', { slopes }, ['slopes'], () => ({
    rates: Array.from(slopes, (slope) => finiteNumber({ slopes: slope }, 0)),
  }));
  return {
    rank: 2,
    phiQ: (i, h) => [-rates[h]! * i, 1],
    phiK: (j, h) => [1, rates[h]! * j],
    slopes: rates,
  };
}

export interface SquaredDistance {
  /** Points of the queries [N, dim] and of the keys [M, dim], the same for all heads. */
  readonly queries: ArrayLike<number>;
  readonly keys: ArrayLike<number>;
  /** Coordinates of a point, 1 … 254. */
  readonly dim: number;
  /** Heads H (default 1). */
  readonly heads?: number;
  /** What a squared distance counts, a number >= 0 (default 1). */
  readonly weight?: number;
}

/** The bias -weight |x_i - y_j|²: near points attend to each other. Exact, rank dim + 2. */
export function squaredDistance(options: SquaredDistance): Bias {
  const { queries, keys, heads = 1 } = options;
  const given = checked('squaredDistance', options, ['queries', 'keys'], () => ({
    dim: integer({ dim: options.dim }, 1, 254),
    heads: integer({ heads }, 1, 1024),
    weight: finiteNumber({ weight: options.weight ?? 1 }, 0),
  }));
  const { dim: d, weight: c } = given;
  const rowsOf = (points: ArrayLike<number>, factors: (x: number[], norm: number) => number[]) =>
    Array.from({ length: points.length / d }, (_, i) => {
      const x = Array.from({ length: d }, (_, a) => points[i * d + a]!);
      const row = factors(
        x,
        x.reduce((sum, a) => sum + a * a, 0),
      );
      return Array.from({ length: given.heads }, () => row).flat();
    }).flat();
  return {
    rank: d + 2,
    phiQ: rowsOf(queries, (x, norm) => [-c * norm, ...x.map((a) => 2 * c * a), 1]),
    phiK: rowsOf(keys, (y, norm) => [1, ...y, -c * norm]),
  };
}

/** A bias option as it is used; refuses what cannot be one. */
export function checkBias(bias: Bias | undefined, heads: number): Bias | undefined {
  if (bias === undefined) return undefined;
  if (bias === null || typeof bias !== 'object') {
    throw optionRange('', 'bias', 'an object { rank, phiQ, phiK }', bias);
  }
  const rank = integer({ 'bias.rank': bias.rank }, 1, 256);
  const { slopes } = bias;
  return {
    rank,
    phiQ: checkFactor('bias.phiQ', bias.phiQ, heads * rank),
    phiK: checkFactor('bias.phiK', bias.phiK, heads * rank),
    ...(slopes && { slopes: Array.from(numbers({ 'bias.slopes': slopes }, heads)) }),
  };
}

function checkFactor(name: string, factor: Factor, width: number): Factor {
  if (typeof factor === 'function') return factor;
  const length = factor?.length;
  if (typeof length !== 'number' || length % width !== 0) {
    throw optionRange('', name, `a function, or a multiple of heads * rank = ${width} numbers`, factor);
  }
  return numbers({ [name]: factor }, length);
}

/** A factor as a function; beyond the rows that it was given, it is an error. */
export function factorRows(name: string, factor: Factor, heads: number, rank: number) {
  if (typeof factor === 'function') return (row: number, head: number) => Array.from(factor(row, head));
  return (row: number, head: number) => {
    const at = (row * heads + head) * rank;
    if (at >= factor.length) {
      const rows = factor.length / (heads * rank);
      throw limitExceeded('attention', `rows of bias.${name}`, rows, 'Give the factors of every row.');
    }
    return Array.from({ length: rank }, (_, r) => factor[at + r]!);
  };
}

/** Fills `target` [count, H, R] with the factors of rows `first` to below `first + count`. */
export function fillFactors(
  name: 'phiQ' | 'phiK',
  bias: Bias | undefined,
  heads: number,
  first: number,
  count: number,
  target: Float32Array,
): void {
  if (bias === undefined || target.length === 0) return;
  const rows = factorRows(name, bias[name], heads, bias.rank);
  for (let t = 0; t < count; t++) {
    for (let h = 0; h < heads; h++) target.set(rows(first + t, h), (t * heads + h) * bias.rank);
  }
}
