/**
 * The laws, over every operator that the package exports. An operator added later is held to them without a line here.
 */
import { describe, it } from 'vitest';
import { chunk } from './chunk.js';
import { type LawCheck, skipReason, subjects } from './laws.js';
import { oracle } from './oracle.js';
import { resume } from './resume.js';

const laws: readonly LawCheck[] = [...oracle, ...chunk, ...resume];

describe.each(subjects)('$label', (subject) => {
  for (const law of laws) {
    if (law.applies !== undefined && !law.applies(subject)) continue;
    const reason = skipReason(subject, law);
    const title = `${law.statement} (${law.law})`;
    it.skipIf(reason !== undefined)(reason === undefined ? title : `${title}, skipped: ${reason}`, () =>
      law.check(subject),
    );
  }
});
