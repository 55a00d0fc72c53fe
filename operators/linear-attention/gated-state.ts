/**
 * How states merge whose decays come with the rows: each keeps the product of all its decays.
 */
import { mergeDecayed } from './constant-decay.js';

interface GatedState {
  /** [H, K, V] */
  readonly S: Float32Array;
  /** The product of all decays so far: [H], or [H, K] where each key has its own. */
  readonly decay: Float32Array;
  readonly rows: Float64Array;
}

/** Products below this count as 0, in the kernels too. */
const NEGLIGIBLE = 1e-30;

/** The slots after `a`'s rows and then `b`'s. */
export const mergeGated = (a: GatedState, b: GatedState) => ({
  S: mergeDecayed(a.S, b.S, b.decay),
  decay: a.decay.map((decay, i) => {
    const product = decay * b.decay[i]!;
    return product < NEGLIGIBLE ? 0 : product;
  }),
  rows: [a.rows[0]! + b.rows[0]!],
});
