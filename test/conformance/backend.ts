/**
 * Backend: the kernels give the same bits in TypeScript, compiled to WebAssembly and, where that was built, natively.
 */
import fc from 'fast-check';
import type { Backend } from '../../src/kernels/kernel.js';
import { nativeAddon } from '../../src/kernels/native-arena.js';
import { expectSameOutcome } from '../support/compare.js';
import { run } from '../support/outcome.js';
import { campaign, cuttings, seeds } from '../support/property.js';
import { cutInto } from '../support/rows.js';
import { type LawCheck, MANY_ROWS } from './laws.js';

const others: readonly Backend[] = nativeAddon() === undefined ? ['typescript'] : ['typescript', 'native'];

const twins: LawCheck = {
  law: 'backend',
  statement: 'gives the same bits in TypeScript, compiled to WASM and natively',
  applies: ({ definition }) => definition.kernels !== undefined,
  check(subject) {
    const { operator } = subject;
    const { inputs } = operator.description;
    fc.assert(
      fc.property(seeds, cuttings, (seed, lengths) => {
        const batches = cutInto(inputs, subject.rows(MANY_ROWS, seed), lengths);
        const wasm = run(operator, batches, { backend: 'wasm' });
        for (const backend of others) expectSameOutcome(run(operator, batches, { backend }), wasm, backend);
      }),
      campaign(0.5),
    );
  },
};

export const backend: readonly LawCheck[] = [twins];
