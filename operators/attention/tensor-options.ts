/**
 * What attention to pairs of rows has in common, whether a sequence is answered as a whole or row by row.
 */
import { optionRange } from '../../src/errors.js';
import { type Monomials, monomialCount, monomialsUpTo } from '../../src/kernels/tensor-attention.js';
import { f32, f64, within } from '../../src/layout.js';
import { finiteNumber, integer } from '../../src/options.js';

/** A polynomial in place of the exponential function, for entries of q, k1 and k2 that are bounded. */
export interface TensorPolynomial {
  /** Its degree g, 1 … 16. */
  readonly degree: number;
  /** The largest magnitude of any entry of q, k1 and k2, above 0; larger ones are an error. */
  readonly bound: number;
}

export interface TensorOptions {
  /** Rows that meet in a weight: a query and two keys, 3 (default). */
  readonly order?: 3;
  /** Heads H, 1 … 1024 (default 1). Per-head vectors lie one behind the other in a column. */
  readonly heads?: number;
  /** Width K of a head's queries and keys, 1 … 4096. */
  readonly keyDim: number;
  /** Width V of a head's values, 1 … 4096. */
  readonly valueDim: number;
  /** Factor on every logit (default 1 / keyDim). */
  readonly scale?: number;
}

export const tensorOptions = {
  order: 'rows that meet in a weight: 3',
  heads: 'heads H, 1 … 1024 (default 1)',
  keyDim: 'width K of queries and keys, 1 … 4096',
  valueDim: 'width V of values, 1 … 4096',
  scale: 'factor on every logit (default 1 / keyDim)',
};

export function checkTensor(options: TensorOptions) {
  const K = integer({ keyDim: options.keyDim }, 1, 4096);
  return {
    order: integer({ order: options.order ?? 3 }, 3, 3),
    heads: integer({ heads: options.heads ?? 1 }, 1, 1024),
    keyDim: K,
    valueDim: integer({ valueDim: options.valueDim }, 1, 4096),
    scale: finiteNumber({ scale: options.scale ?? 1 / K }),
  };
}

type Resolved = ReturnType<typeof checkTensor> & { readonly approximate?: TensorPolynomial | undefined };

const MOST_DEGREE = 16;
/** Monomials of one head: 2^20 of them are 16 MiB for each number of a value. */
const MOST_MONOMIALS = 2 ** 20;

/** Refuses a polynomial that promises nothing at its bound, or that has too many terms. */
export function checkPolynomial(
  given: TensorPolynomial,
  sizes: ReturnType<typeof checkTensor>,
): TensorPolynomial {
  if (given === null || typeof given !== 'object') {
    throw optionRange('', 'approximate', '{ degree, bound }', given);
  }
  const degree = integer({ 'approximate.degree': given.degree }, 1, MOST_DEGREE);
  const bound = finiteNumber({ 'approximate.bound': given.bound }, Number.MIN_VALUE);
  const polynomial = { degree, bound };
  const error = tensorAttentionError({ ...sizes, ...polynomial });
  if (!(error < 1)) {
    const advice = 'Raise the degree, lower the bound, or leave approximate out.';
    const range = `one whose weights are off by less than 100 % at entries of ${bound}`;
    throw optionRange('', 'approximate.degree', range, `${degree}, which may be off by ${error}`, advice);
  }
  const count = monomialCount(sizes.keyDim, degree);
  if (count > MOST_MONOMIALS) {
    const range = `one of at most ${MOST_MONOMIALS} monomials`;
    throw optionRange('', 'approximate.degree', range, `${degree}, which has ${count}`);
  }
  return polynomial;
}

/**
 * By how much a weight may be off, relative to e^x: |x|^(g+1) / (g+1)! e^|x| at the largest |x| = scale K bound^3. An
 * output is then off by at most 2 error / (1 − error) times the largest product of two values.
 */
export function tensorAttentionError({
  keyDim,
  scale = 1 / keyDim,
  degree,
  bound,
}: TensorPolynomial & Pick<TensorOptions, 'keyDim' | 'scale'>): number {
  const x = Math.abs(scale) * keyDim * bound ** 3;
  let remainder = Math.exp(x);
  for (let i = 1; i <= degree + 1; i++) remainder *= x / i;
  return remainder;
}

/** The columns; entries of q, k1 and k2 are bounded where a polynomial is used. */
export function tensorColumns({ heads: H, keyDim: K, valueDim: V, approximate }: Resolved) {
  const entries = approximate === undefined ? f32(H * K) : within(f32(H * K), approximate.bound);
  return { q: entries, k1: entries, k2: entries, v1: f32(H * V), v2: f32(H * V) };
}

/** How many numbers a head has for each number of a value; 0 without a polynomial. */
export const momentsOf = ({ keyDim, approximate }: Resolved): number =>
  approximate === undefined ? 0 : monomialCount(keyDim, approximate.degree);

/** Sums over the rows of both streams: monomials of k times (v, 1). */
export function momentSlots(options: Resolved) {
  const { heads: H, valueDim: V } = options;
  return { sums1: f64(H, momentsOf(options), V + 1), sums2: f64(H, momentsOf(options), V + 1) };
}

/** Room for a row's monomials and for its output with its divisor. */
export const momentScratch = (options: Resolved) => ({
  monomials: f64(momentsOf(options) + options.valueDim + 1),
});

export const polynomialOf = ({ keyDim, scale, approximate }: Resolved): Monomials =>
  approximate === undefined
    ? { parents: new Int32Array(), variables: new Int32Array(), coefficients: new Float64Array() }
    : monomialsUpTo(keyDim, approximate.degree, scale);
