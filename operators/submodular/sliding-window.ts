/**
 * A window over a submodular operator: each row ends the life of the element that arrived `windowRows` rows before it.
 */
import { optionRange } from '../../src/errors.js';
import type { Operator } from '../../src/operator.js';
import { checked, integer } from '../../src/options.js';
import { withWindow } from './define-submodular.js';

export interface SlidingWindowOptions {
  /** Rows that an element lives for, 1 … the operator's maxElements. Deletions count as rows. */
  readonly windowRows: number;
}

/** `op` over the last `windowRows` rows; an insert and the expiry that it causes are one update. */
export function slidingWindow(options: SlidingWindowOptions, op: Operator): Operator {
  const { windowRows } = checked('slidingWindow', options, [], () => ({
    windowRows: integer({ windowRows: options.windowRows }, 1, 2 ** 31 - 1),
  }));
  const made = withWindow(op, windowRows);
  if (made === undefined)
    throw optionRange('slidingWindow', 'op', 'an operator of this family', op.description?.name ?? op);
  return made;
}
