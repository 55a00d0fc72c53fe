/**
 * Weights e^x of logits x that are taken relative to a maximum: the twins of `weight.h`.
 */
import { exp32 } from './math.js';

/** log 1e-30. Weights below count as 0, so that none makes a slow subnormal number of what it is multiplied with. */
const LOWEST_WEIGHT_LOG = Math.fround(-69.07755);

/** e^x in float32 for x <= 88; 0 below the lowest. */
export const weight32 = (x: number): number => (x < LOWEST_WEIGHT_LOG ? 0 : exp32(x));
