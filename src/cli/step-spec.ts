/**
 * A step as text: an operator with its options, and what is put around it, from the inside out:
 *
 *   lightningAttention {"keyDim": 8, "valueDim": 8} perKey {"column": "user", "maxKeys": 1000}
 *   dynamicSubmodular {"k": 20, "objective": {"coverage": {"maxItems": 5000}}} slidingWindow {"windowRows": 10000}
 */
import * as operators from '../../operators/index.js';
import { DataflowError, reason } from '../errors.js';
import type { Operator } from '../operator.js';
import { perKey } from '../per-key.js';
import { rebatch } from '../rebatch.js';
import { UsageError } from './usage-error.js';

type Maker = (options: never) => Operator;

/** The operators that a step can name. */
export const stepMakers: Readonly<Record<string, Maker>> = {
  ...Object.fromEntries(Object.entries(operators).filter(([, value]) => 'definition' in value)),
  compressBatches: operators.compressBatches,
  decompressBatches: operators.decompressBatches,
  rebatch,
} as Readonly<Record<string, Maker>>;

/** What can be put around an operator. */
export const stepWrappers: Readonly<Record<string, (operator: Operator, options: never) => Operator>> = {
  perKey: (operator, { column, ...options }: { column: string; maxKeys: number }) =>
    perKey(column, operator, options),
  slidingWindow: (operator, options: operators.SlidingWindowOptions) =>
    operators.slidingWindow(options, operator),
};

/** A name with options: an operator, or what is put around one. */
export interface Word {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
}

/** Makes the operator of this name, with the wrappers around it; names and options that are none are usage errors. */
export function operatorNamed({ name, options }: Word, ...wrappers: readonly Word[]): Operator {
  const make = known('operator', stepMakers, name);
  const around = wrappers.map((word) => ({ wrap: known('wrapper', stepWrappers, word.name), ...word }));
  try {
    return around.reduce((inner, word) => word.wrap(inner, word.options as never), make(options as never));
  } catch (error) {
    if (error instanceof DataflowError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}

/** Makes the operator that the text describes; a text that describes none is a usage error. */
export function operatorFrom(text: string): Operator {
  const [first, ...wrappers] = wordsOf(text);
  if (first === undefined) {
    const around = Object.keys(stepWrappers).join(' or ');
    throw new UsageError(`step '${text}', expected 'OPERATOR {json}', and behind it ${around} {json}`);
  }
  return operatorNamed(first, ...wrappers);
}

function known<T>(what: string, makers: Readonly<Record<string, T>>, name: string): T {
  if (Object.hasOwn(makers, name)) return makers[name]!;
  const names = Object.keys(makers).join(', ');
  throw new UsageError(`${what} '${name}' is not known, expected one of ${names}`);
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
