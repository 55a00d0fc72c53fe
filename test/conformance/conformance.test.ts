/**
 * The laws, over every operator that the package exports. An operator added later is held to them without a line here.
 */
import { describe, it } from 'vitest';
import { allLaws } from './all-laws.js';
import { skipReason, subjects } from './laws.js';

for (const subject of subjects) {
  describe(subject.label, () => {
    for (const law of allLaws) {
      if (law.applies !== undefined && !law.applies(subject)) continue;
      const reason = skipReason(subject, law);
      const title = `${law.statement} (${law.law})`;
      it.skipIf(reason !== undefined)(reason === undefined ? title : `${title}, skipped: ${reason}`, () =>
        law.check(subject),
      );
    }
  });
}
