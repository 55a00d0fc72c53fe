/**
 * Backend: the TypeScript twins of the kernels give what the compiled ones give.
 */
import fc from 'fast-check';
import { expectSameOutcome } from '../support/compare.js';
import { run } from '../support/outcome.js';
import { campaign, cuttings, seeds } from '../support/property.js';
import { cutInto } from '../support/rows.js';
import { type LawCheck, MANY_ROWS } from './laws.js';

const twins: LawCheck = {
  law: 'backend',
  statement: 'gives the same bits compiled to WASM and in TypeScript',
  applies: ({ definition }) => definition.kernels !== undefined,
  check(subject) {
    const { operator } = subject;
    const { inputs } = operator.description;
    fc.assert(
      fc.property(seeds, cuttings, (seed, lengths) => {
        const batches = cutInto(inputs, subject.rows(MANY_ROWS, seed), lengths);
        const wasm = run(operator, batches, { backend: 'wasm' });
        expectSameOutcome(run(operator, batches, { backend: 'typescript' }), wasm, 'TypeScript');
      }),
      campaign(0.5),
    );
  },
};

export const backend: readonly LawCheck[] = [twins];
