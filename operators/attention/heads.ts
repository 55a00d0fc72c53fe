/**
 * What exact attention has in common: heads, widths, bias, and when the running sums are rescaled.
 */
import { corruptInput, optionRange } from '../../src/errors.js';
import { packShape, type Shape } from '../../src/kernels/attention-block.js';
import { finiteNumber, integer, oneOf } from '../../src/options.js';
import { type Bias, checkBias } from './bias.js';

/**
 * When the running sums are rescaled to a larger maximum: at every block of keys ('always'), or once it has grown by a
 * factor of e^logit above 2^threshold; 'deferred' is a threshold of 8, a factor of 256.
 */
export type Rescale = 'always' | 'deferred' | { readonly threshold: number };

export interface AttentionOptions {
  /** Heads H of queries, 1 … 1024 (default 1). Per-head vectors lie one behind the other in a column. */
  readonly heads?: number;
  /** Heads of keys and values, a divisor of `heads` (default `heads`): each serves as many heads of queries. */
  readonly kvHeads?: number;
  /** Width K of a head's queries and keys, 1 … 4096. */
  readonly keyDim: number;
  /** Width V of a head's values, 1 … 4096. */
  readonly valueDim: number;
  /** Factor on every q . k (default keyDim^-1/2). */
  readonly scale?: number;
  /** An additive bias of low rank (default none). */
  readonly bias?: Bias;
  /** When the running sums are rescaled (default 'always'). The result is the same up to rounding. */
  readonly rescale?: Rescale;
  /** Threads that share the work, 1 … 64 (default 1). The result is the same to the last bit. */
  readonly threads?: number;
}

export const attentionOptions = {
  heads: 'heads H of queries, 1 … 1024 (default 1)',
  kvHeads: 'heads of keys and values, a divisor of heads (default heads)',
  keyDim: 'width K of queries and keys, 1 … 4096',
  valueDim: 'width V of values, 1 … 4096',
  scale: 'factor on every q . k (default keyDim^-1/2)',
  bias: 'additive bias { rank, phiQ, phiK }, or alibi(slopes) (default none)',
  rescale: "'always' (default), 'deferred' or { threshold } in powers of 2, 0 … 64",
  threads: 'threads that share the work, 1 … 64 (default 1)',
};

export function checkAttention(options: AttentionOptions) {
  const heads = integer({ heads: options.heads ?? 1 }, 1, 1024);
  const kvHeads = integer({ kvHeads: options.kvHeads ?? heads }, 1, 1024);
  if (heads % kvHeads !== 0) throw optionRange('', 'kvHeads', `a divisor of heads = ${heads}`, kvHeads);
  const keyDim = integer({ keyDim: options.keyDim }, 1, 4096);
  return {
    heads,
    kvHeads,
    keyDim,
    valueDim: integer({ valueDim: options.valueDim }, 1, 4096),
    scale: finiteNumber({ scale: options.scale ?? keyDim ** -0.5 }),
    bias: checkBias(options.bias, heads),
    rescale: checkRescale(options.rescale ?? 'always'),
    threads: integer({ threads: options.threads ?? 1 }, 1, 64),
  };
}

export type Attention = ReturnType<typeof checkAttention>;

function checkRescale(rescale: Rescale): Rescale {
  if (rescale === null || typeof rescale !== 'object') {
    return oneOf<'always' | 'deferred'>({ rescale }, ['always', 'deferred']);
  }
  return { threshold: finiteNumber({ 'rescale.threshold': rescale.threshold }, 0, 64) };
}

const DEFERRED_POWERS = 8;

/** By how much the maximum of logits may grow without rescaling; below 0 where it never may. */
function thresholdOf(rescale: Rescale): number {
  if (rescale === 'always') return -1;
  return Math.LN2 * (rescale === 'deferred' ? DEFERRED_POWERS : rescale.threshold);
}

/** The rank of the bias that keys and queries are widened by. */
export const rankOf = ({ bias }: Attention): number => bias?.rank ?? 0;

export function shapeOf(options: Attention, ring: Partial<Shape> = {}): Shape {
  const { heads, kvHeads, keyDim, valueDim, scale, rescale } = options;
  return {
    heads,
    kvHeads,
    keyDim,
    valueDim,
    rank: rankOf(options),
    ringBlocks: 1,
    sinkBlocks: 0,
    windowRows: 0,
    sinkRows: 0,
    decays: 0,
    scale,
    threshold: thresholdOf(rescale),
    ...ring,
  };
}

export const packedShape = (options: Attention, ring?: Partial<Shape>) => packShape(shapeOf(options, ring));

/** Shares a thread: as many as let whoever is free take the next, without its taking longer than the work. */
const SHARES_A_THREAD = 4;

/** `count` pieces of work in shares that differ by one at most: from, to (exclusive). One thread gets all in one. */
export function evenShares(count: number, threads: number): [from: number, to: number][] {
  const shares = threads === 1 ? 1 : Math.min(count, SHARES_A_THREAD * threads);
  const border = (i: number) => Math.floor((i * count) / shares);
  return Array.from({ length: shares }, (_, i) => [border(i), border(i + 1)]);
}

/** How many shares there are at most: so many have scratch of their own. */
export const mostShares = (threads: number): number => (threads === 1 ? 1 : SHARES_A_THREAD * threads);

/** The error of finite numbers whose products are not: outputs would be NaN from there on. */
export const overflow = (who: string) =>
  corruptInput(
    who,
    'logits',
    'finite float32 numbers',
    'an overflow beyond 3.4e38: lower scale, or the numbers',
  );
