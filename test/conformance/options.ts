/**
 * Edges of options: what is refused, where, and how it is said.
 */
import { expectError } from '../support/errors.js';
import type { LawCheck } from './laws.js';

/** Options that count something: their names say so. */
const COUNTS = /^(heads|kvHeads|groups|features|order|k|dim|.*(Dim|Rows|Keys|Elements|Numbers|Bytes))$/;
/** Of these, the ones that have no meaning at 0. */
const NEVER_ZERO = /^(heads|kvHeads|groups|dim|chunkRows|.*Dim)$/;

const optionsChecked: LawCheck = {
  law: 'edges',
  statement: 'refuses options at the call: unknown ones, counts that are none, columns of no role',
  check({ resolved, definition, again }) {
    const refuses = (name: string, value: unknown) => {
      const what = `${name}: ${String(value)}`;
      const error = expectError('OPTION_RANGE', () => again({ [name]: value }), {}, what);
      const form = `${definition.name}: option `;
      if (!error.message.startsWith(form) || !error.message.includes(name)) {
        throw new Error(`${what}: expected '${form}${name} …', got '${error.message}'`);
      }
    };
    refuses('noSuchOption', 1);
    refuses('columns', { noSuchRole: 'x' });
    for (const [name, value] of Object.entries(resolved)) {
      if (typeof value !== 'number') continue;
      for (const wrong of [Number.NaN, 'many', {}]) refuses(name, wrong);
      if (!COUNTS.test(name)) continue;
      for (const wrong of [-1, 1.5, Number.POSITIVE_INFINITY, 2 ** 53]) refuses(name, wrong);
      if (NEVER_ZERO.test(name)) refuses(name, 0);
    }
  },
};

const optionsDescribed: LawCheck = {
  law: 'edges',
  statement: 'says of each option what it means',
  check({ resolved, definition }) {
    const described = Object.keys(definition.options);
    const missing = Object.keys(resolved).filter((name) => !described.includes(name));
    if (missing.length > 0) throw new Error(`options without a description: ${missing}`);
    const unknown = described.filter((name) => !(name in resolved));
    if (unknown.length > 0) throw new Error(`descriptions without an option: ${unknown}`);
  },
};

export const options: readonly LawCheck[] = [optionsChecked, optionsDescribed];
