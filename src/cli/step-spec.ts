/**
 * A step as text: `lightningAttention {"keyDim": 8, "valueDim": 8} perKey {"column": "user", "maxKeys": 1000}`.
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

interface Word {
  readonly name: string;
  readonly options: Record<string, unknown>;
}

/** Makes the operator that the text describes; a text that describes none is a usage error. */
export function operatorFrom(text: string): Operator {
  const [first, second, ...more] = wordsOf(text);
  if (first === undefined || more.length > 0 || (second !== undefined && second.name !== 'perKey')) {
    throw new UsageError(`step '${text}', expected 'OPERATOR {json}' or 'OPERATOR {json} perKey {json}'`);
  }
  const make = stepMakers[first.name];
  if (make === undefined) {
    const names = Object.keys(stepMakers).join(', ');
    throw new UsageError(`operator '${first.name}' is not known, expected one of ${names}`);
  }
  try {
    const operator = make(first.options as never);
    if (second === undefined) return operator;
    const { column, ...options } = second.options;
    return perKey(column as string, operator, options as never);
  } catch (error) {
    if (error instanceof DataflowError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
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
