/**
 * Poison: what scratch and outputs hold before they are written is never read.
 */
import { expectSameOutcome } from '../support/compare.js';
import { run } from '../support/outcome.js';
import { cutInto, rowsBetween } from '../support/rows.js';
import { type LawCheck, MANY_ROWS } from './laws.js';

/** 0xFF makes every float a NaN; 0xA5 makes them small and odd. */
const POISONS = [0xa5, 0xff];

const unseen: LawCheck = {
  law: 'poison',
  statement: 'gives the same bits when scratch and outputs start poisoned',
  check({ operator, rows: rowsFor }) {
    const { inputs } = operator.description;
    const rows = rowsFor(MANY_ROWS, 41);
    const batches = cutInto(inputs, rows, [1, 3, 0, 63, 65, 100]);
    const [head, tail] = [0, 150].map((from, i) =>
      cutInto(inputs, rowsBetween(inputs, rows, from, i === 0 ? 150 : MANY_ROWS), [20]),
    );
    const from = run(operator, head!).snapshot;
    for (const poison of POISONS) {
      const what = `poisoned with ${poison}`;
      expectSameOutcome(run(operator, batches, { poison }), run(operator, batches), what);
      expectSameOutcome(run(operator, tail!, { from, poison }), run(operator, tail!, { from }), what);
    }
  },
};

export const poison: readonly LawCheck[] = [unseen];
