/**
 * How alike two rows are, as all objectives over features see it, and the points that rows are compared to.
 */
import { optionRange } from '../../../src/errors.js';
import { paddedPoints, type similarityKernels } from '../../../src/kernels/similarity.js';
import { f32, f64, i32 } from '../../../src/layout.js';
import { checked, finiteNumber, integer, oneOf } from '../../../src/options.js';
import { type Elements, normalize } from '../elements.js';
import { digest } from './weights.js';

export interface SimilarityOptions {
  /** Numbers a row of `features`, 1 … 4096. */
  readonly dim: number;
  /**
   * 'cosine' (default): rows are scaled to length 1 and multiplied; 'dot': rows are multiplied as they are; 'rbf':
   * e^(−gamma |x − y|²).
   */
  readonly similarity?: 'cosine' | 'dot' | 'rbf';
  /** Only with 'rbf': how fast similarity falls with the squared distance, above 0 … 1e9 (default 1 / dim). */
  readonly gamma?: number;
}

export interface Similarity {
  readonly dim: number;
  readonly similarity: 'cosine' | 'dot' | 'rbf';
  /** 0 for products. */
  readonly gamma: number;
}

export function checkSimilarity(options: SimilarityOptions): Similarity {
  const dim = integer({ dim: options.dim }, 1, 4096);
  const similarity = oneOf({ similarity: options.similarity ?? 'cosine' }, ['cosine', 'dot', 'rbf']);
  if (similarity !== 'rbf' && options.gamma !== undefined)
    throw optionRange('', 'gamma', "only with similarity: 'rbf'", options.gamma);
  const gamma =
    similarity === 'rbf' ? finiteNumber({ gamma: options.gamma ?? 1 / dim }, Number.MIN_VALUE, 1e9) : 0;
  return { dim, similarity, gamma };
}

/** What elements must bring for a similarity. */
export const readsFor = ({ dim, similarity }: Similarity) => ({
  features: dim,
  normalized: similarity === 'cosine',
});

export interface GroundOptions {
  /** The points that the chosen elements should stand for: rows of `dim` numbers, one behind the other or each a list. */
  readonly ground?: ArrayLike<number> | readonly ArrayLike<number>[];
  /** Instead: the first so many elements of the stream are the points, 1 … 65536; they stay it when they are deleted. */
  readonly groundRows?: number;
}

/** Points to compare with, a point a column. */
export interface Ground {
  /** Points there may be; there are fewer as long as a sampled ground set still grows. */
  readonly points: number;
  readonly P: number;
  readonly given: Float32Array | undefined;
  /** In words, for an operator's identity. */
  readonly identity: object;
}

const GROUND_ROWS_MAX = 65536;

function checkGround({ ground, groundRows }: GroundOptions, similarity: Similarity): Ground {
  if ((ground === undefined) === (groundRows === undefined))
    throw optionRange('', 'ground', 'either ground or groundRows', ground === undefined ? 'neither' : 'both');
  if (ground === undefined) {
    const points = integer({ groundRows }, 1, GROUND_ROWS_MAX);
    return { points, P: paddedPoints(points), given: undefined, identity: { groundRows: points } };
  }
  const { dim } = similarity;
  const flat = Float32Array.from(
    Array.from(ground as ArrayLike<number | ArrayLike<number>>).flatMap((one) =>
      typeof one === 'number' ? [one] : Array.from(one),
    ),
  );
  const points = flat.length / dim;
  if (!Number.isInteger(points) || points < 1 || points > GROUND_ROWS_MAX)
    throw optionRange(
      '',
      'ground',
      `1 … ${GROUND_ROWS_MAX} rows of ${dim} numbers`,
      `${flat.length} numbers`,
    );
  if (flat.some((x) => !Number.isFinite(x))) throw optionRange('', 'ground', 'finite numbers', Number.NaN);
  const identity = { ground: digest(flat) };
  for (let row = 0; row < points && similarity.similarity === 'cosine'; row++)
    normalize(flat, row * dim, dim);
  const P = paddedPoints(points);
  return { points, P, given: transposed(flat, points, P, dim), identity };
}

/** An objective's options that say what is compared with which points, and its `own` ones. */
export function checkedGround<M extends object>(
  who: string,
  options: SimilarityOptions & GroundOptions,
  own: () => M = () => ({}) as M,
): { readonly similarity: Similarity; readonly ground: Ground } & M {
  return checked(who, options, ['dim', 'gamma', 'groundRows'], () => {
    const similarity = checkSimilarity(options);
    return { similarity, ground: checkGround(options, similarity), ...own() };
  });
}

/** [points, dim] to [dim, P]. */
function transposed(rows: Float32Array, points: number, P: number, dim: number): Float32Array {
  const columns = new Float32Array(dim * P);
  for (let row = 0; row < points; row++)
    for (let d = 0; d < dim; d++) columns[d * P + row] = rows[row * dim + d]!;
  return columns;
}

/** The slot of an element that lies alone in its array. */
export const FIRST = new Int32Array(1);

/** Elements that are evaluated by one kernel call. */
export const BLOCK = 64;

/** The arrays that objectives over features want where kernels reach them. */
export const similarityScratch = (P: number, dim: number) => ({
  ground: f32(dim, P),
  best: f32(P),
  rows: f32(BLOCK, P),
  gains: f64(BLOCK),
  slots: i32(BLOCK),
});

/** Those arrays, as `bind` finds them. */
export interface Desk {
  readonly kernels: Kernels;
  readonly ground: Float32Array;
  readonly best: Float32Array;
  readonly rows: Float32Array;
  readonly gains: Float64Array;
  readonly slots: Int32Array;
}

export const deskOf = ({ kernels, scratch }: Elements): Desk => ({ kernels, ...scratch }) as unknown as Desk;

/** Puts the slots on the desk in blocks, and calls `evaluate` for each. */
export function inBlocks(
  { slots: block }: Desk,
  slots: Int32Array,
  count: number,
  evaluate: (from: number, length: number) => void,
): void {
  for (let from = 0; from < count; from += BLOCK) {
    const length = Math.min(BLOCK, count - from);
    for (let c = 0; c < length; c++) block[c] = slots[from + c]!;
    evaluate(from, length);
  }
}

export type Kernels = (typeof similarityKernels)['twins'];

/** A ground set where kernels reach it; a sampled one takes in what it observes. */
export class GroundPoints {
  readonly columns: Float32Array;
  count: number;
  readonly #ground: Ground;
  readonly #elements: Elements;
  /** Observed points that the objective does not know of yet. */
  #observed = 0;

  constructor(ground: Ground, elements: Elements) {
    this.#ground = ground;
    this.#elements = elements;
    this.columns = elements.scratch.ground as Float32Array;
    this.columns.set(ground.given ?? []);
    this.count = ground.given === undefined ? 0 : ground.points;
  }

  /**
   * Takes an element in as a point. The objective learns of them when their number has doubled, and when they are all:
   * true at these moments.
   */
  observe(slot: number): boolean {
    const { points, P } = this.#ground;
    if (this.count === points) return false;
    const { features, dim } = this.#elements;
    for (let d = 0; d < dim; d++) this.columns[d * P + this.#observed] = features[slot * dim + d]!;
    this.#observed++;
    if (this.#observed < Math.min(points, 2 * this.count)) return false;
    this.count = this.#observed;
    return true;
  }

  save() {
    return { columns: this.columns.slice(), count: this.count, observed: this.#observed };
  }

  load({ columns, count, observed }: ReturnType<GroundPoints['save']>): void {
    this.columns.set(columns);
    this.count = count;
    this.#observed = observed;
  }
}

/** The hooks of a bound objective whose ground set is sampled. */
export const groundHooks = (ground: Ground, points: GroundPoints) =>
  ground.given === undefined
    ? {
        observe: (slot: number) => points.observe(slot),
        save: () => points.save(),
        load: (saved: unknown) => points.load(saved as ReturnType<GroundPoints['save']>),
      }
    : {};
