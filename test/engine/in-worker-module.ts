/** Operators that a thread makes of a module, for tests. */
import { DataflowError } from '../../src/errors.js';
import { stateless } from '../../src/stateless.js';
import { runningSum, valuesOf } from './helpers.js';

export const sum = runningSum;

export const none = 42;

/** Fails in its own way at a batch that begins with a number. */
export const failing = ({ at, how }: { at: number; how: 'ours' | 'theirs' | 'exit' }) =>
  stateless((batch) => {
    if (valuesOf(batch)[0] !== at) return batch;
    if (how === 'exit') process.exit(3);
    if (how === 'theirs') throw new TypeError('not a fish', { cause: new Error('a bird') });
    throw new DataflowError('NOT_FINITE', 'fishing: no fish', { row: 2, column: 'x' });
  });

/** Never comes back. */
export const hanging = stateless(() => {
  for (;;);
});
