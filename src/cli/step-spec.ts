/**
 * A step as text: an operator with its options, and what is put around it, from the inside out:
 *
 *   lightningAttention {"keyDim": 8, "valueDim": 8} perKey {"column": "user", "maxKeys": 1000}
 *   dynamicSubmodular {"k": 20, "objective": {"coverage": {"maxItems": 5000}}} slidingWindow {"windowRows": 10000}
 */
import { reason } from '../errors.js';
import { makeStep } from '../flow-file/make-flow.js';
import { takesOperator, wordsOf as wordsOfKind } from '../flow-file/words.js';
import { nearest } from '../nearest.js';
import type { Operator } from '../operator.js';
import { UsageError } from './usage-error.js';

/** A name with options: an operator, or what is put around one. */
interface Word {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Makes the operator that the text describes; a text that describes none is a usage error. */
export function operatorFrom(text: string): Operator {
  const words = wordsOf(text);
  const known = wordsOfKind('step');
  const [inside, around] = [false, true].map((isAround) =>
    Object.keys(known).filter((name) => name !== 'id' && takesOperator(known[name]!) === isAround),
  ) as [string[], string[]];
  const [first, ...wrappers] = words;
  if (first === undefined) {
    throw new UsageError(
      `step '${text}', expected 'OPERATOR {json}', and behind it ${around.join(' or ')} {json}`,
    );
  }
  refuseUnknown('operator', first, inside);
  for (const wrapper of wrappers) refuseUnknown('wrapper', wrapper, around);
  const spec = Object.fromEntries(words.map(({ name, options }) => [name, options]));
  return makeStep(spec, {
    wrong: (_, what, expected, got) => new UsageError(`${what}, expected ${expected}, got ${got}`),
    refused: (_, error) => new UsageError(error.message, { cause: error }),
  });
}

function refuseUnknown(what: string, { name }: Word, names: readonly string[]): void {
  if (names.includes(name)) return;
  const guess = nearest(name, names);
  const expected = guess === undefined ? `one of ${names.join(', ')}` : `'${guess}'`;
  throw new UsageError(`${what} '${name}' is not known, expected ${expected}`);
}

function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  let rest = text.trim();
  while (rest !== '') {
    const name = /^[A-Za-z]\w*/.exec(rest)?.[0];
    if (name === undefined) throw new UsageError(`step '${text}', expected a name, got '${rest}'`);
    rest = rest.slice(name.length).trim();
    const length = rest.startsWith('{') ? objectLength(text, rest) : 0;
    words.push({ name, options: length > 0 ? JSON.parse(rest.slice(0, length)) : {} });
    rest = rest.slice(length).trim();
  }
  return words;
}

/** The length of the JSON object that `rest` begins with: up to the first closing brace that makes it valid. */
function objectLength(text: string, rest: string): number {
  let failure: unknown;
  for (let end = rest.indexOf('}'); end >= 0; end = rest.indexOf('}', end + 1)) {
    try {
      JSON.parse(rest.slice(0, end + 1));
      return end + 1;
    } catch (error) {
      failure ??= error;
    }
  }
  throw new UsageError(`step '${text}', expected JSON options, got ${reason(failure ?? 'no closing brace')}`);
}
