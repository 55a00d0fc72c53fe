/**
 * What a whole promises whose parts promise different things.
 */
import type { Guarantee } from './source.js';

/**
 * The weakest of several guarantees. Undefined where one is not known, and where rows may be lost in one part and
 * doubled in another: that is no guarantee any more.
 */
export function weakest(guarantees: readonly (Guarantee | undefined)[]): Guarantee | undefined {
  const [first, ...others] = new Set(guarantees.filter((guarantee) => guarantee !== 'exactly once'));
  if (others.length > 0) return undefined;
  return guarantees.every((guarantee) => guarantee === 'exactly once') ? 'exactly once' : first;
}
