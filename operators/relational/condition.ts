/**
 * Conditions on rows, as plain data: what `filter` and `divert` take, and a flow file can say.
 */
import { optionRange } from '../../src/errors.js';
import { oneOf, text, truth } from '../../src/options.js';

/**
 * What a column is compared with: numbers (of columns of numbers), text (of columns of text; ISO 8601 of dates, times and
 * timestamps, UTC where it names no zone; digits of integers and decimals that a number cannot hold), truth values, or a Date.
 */
export type Comparable = number | bigint | string | boolean | Date;

/** How a column compares with a value. */
export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=';

/**
 * A condition on a row. It holds, it does not, or it is unknown because a value is null, as in SQL: a row is taken where it
 * holds. Numbers compare as in IEEE 754: with NaN, `!=` alone holds. Text compares by its UTF-8 bytes.
 */
export type Condition =
  | {
      /** The column to compare. */
      readonly column: string;
      readonly op: Comparison;
      readonly value: Comparable;
    }
  | {
      readonly column: string;
      /** The values of which the column has one. */
      readonly in: readonly Comparable[];
    }
  | {
      readonly column: string;
      /** Whether the value is null; this is never unknown. */
      readonly isNull: boolean;
    }
  | {
      readonly column: string;
      /** A regular expression of JavaScript that is found in the text, with `u`; `^` and `$` hold it to the whole. */
      readonly matches: string;
    }
  | { readonly and: readonly Condition[] }
  | { readonly or: readonly Condition[] }
  | { readonly not: Condition };

export const COMPARISONS = ['==', '!=', '<', '<=', '>', '>='] as const;

const KINDS = ['op', 'in', 'isNull', 'matches', 'and', 'or', 'not'];
const MOST_DEPTH = 64;

/** Checks an option that is a condition. Throws OPTION_RANGE. */
export function condition(name: string, value: unknown, depth = 0): Condition {
  const expected = "a condition such as { column: 'fare', op: '>=', value: 10 }";
  if (value === null || typeof value !== 'object' || Array.isArray(value) || depth > MOST_DEPTH) {
    throw optionRange('', name, expected, depth > MOST_DEPTH ? 'conditions 65 deep' : value);
  }
  const given = value as Record<string, unknown>;
  const kinds = KINDS.filter((kind) => kind in given);
  if (kinds.length !== 1) throw optionRange('', name, expected, value);
  const [kind] = kinds as [string];
  if (kind === 'and' || kind === 'or') {
    const list = given[kind];
    if (!Array.isArray(list)) throw optionRange('', `${name}.${kind}`, 'a list of conditions', list);
    only(name, given, [kind]);
    return { [kind]: list.map((one, i) => condition(`${name}.${kind}[${i}]`, one, depth + 1)) } as never;
  }
  if (kind === 'not') {
    only(name, given, ['not']);
    return { not: condition(`${name}.not`, given.not, depth + 1) };
  }
  const column = text({ [`${name}.column`]: given.column });
  only(name, given, kind === 'op' ? ['column', 'op', 'value'] : ['column', kind]);
  if (kind === 'isNull') return { column, isNull: truth({ [`${name}.isNull`]: given.isNull }) };
  if (kind === 'matches') return { column, matches: pattern(`${name}.matches`, given.matches) };
  if (kind === 'in') {
    if (!Array.isArray(given.in)) throw optionRange('', `${name}.in`, 'a list of values', given.in);
    return { column, in: given.in.map((one, i) => comparable(`${name}.in[${i}]`, one)) };
  }
  const op = oneOf({ [`${name}.op`]: given.op }, COMPARISONS);
  return { column, op, value: comparable(`${name}.value`, given.value) };
}

function only(name: string, given: object, known: readonly string[]): void {
  const unknown = Object.keys(given).find((key) => !known.includes(key));
  if (unknown !== undefined) throw optionRange('', `${name}.${unknown}`, known.join(', '), unknown);
}

function pattern(name: string, value: unknown): string {
  try {
    return new RegExp(text({ [name]: value }), 'u').source;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw optionRange('', name, 'a regular expression', value, error.message);
  }
}

function comparable(name: string, value: unknown): Comparable {
  const isDate = value instanceof Date && !Number.isNaN(value.getTime());
  if (isDate || ['number', 'bigint', 'string', 'boolean'].includes(typeof value)) return value as Comparable;
  throw optionRange('', name, 'a number, text, true, false or a Date', value);
}
