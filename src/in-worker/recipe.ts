/**
 * How a thread makes an operator again: its name and its options, as plain data.
 */
import * as operators from '../../operators/index.js';
import { optionRange } from '../errors.js';
import type { Operator } from '../operator.js';
import { keyedBy, type PerKeyOptions, perKey } from '../per-key.js';
import { rebatch } from '../rebatch.js';

export interface Recipe {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** What is put around it. */
  readonly perKey?: { readonly column: string; readonly options: PerKeyOptions };
}

type Maker = (options: object) => Operator;

const makers: Readonly<Record<string, unknown>> = { ...operators, rebatch };

/** The recipe of an operator. OPTION_RANGE where following it would make another one. */
export function recipeOf(operator: Operator): Recipe {
  const keyed = keyedBy(operator);
  if (keyed?.options.onLimit === 'evict') {
    const advice = 'States are evicted to the checkpoint store, which a thread does not reach.';
    throw optionRange('inWorker', 'onLimit of perKey', "'error'", 'evict', advice);
  }
  const recipe: Recipe = keyed
    ? { ...recipeOf(keyed.operator), perKey: { column: keyed.column, options: keyed.options } }
    : plainRecipe(operator);
  if (!isSame(operator, recipe)) throw notMadeAgain(operator.description.name);
  return recipe;
}

/** Makes the operator. */
export function operatorOf({ name, options, perKey: around }: Recipe): Operator {
  if (!Object.hasOwn(makers, name)) throw notMadeAgain(name);
  const operator = (makers[name] as Maker)(options);
  return around === undefined ? operator : perKey(around.column, operator, around.options);
}

function plainRecipe({ description: { name, options, columns } }: Operator): Recipe {
  const isRenamed = Object.entries(columns).some(([role, column]) => role !== column);
  return { name, options: { ...(JSON.parse(options) as object), ...(isRenamed && { columns }) } };
}

function isSame({ description }: Operator, recipe: Recipe): boolean {
  try {
    const made = operatorOf(recipe).description;
    const parts = ['name', 'version', 'options', 'layout'] as const;
    const isRenamedSame = JSON.stringify(made.columns) === JSON.stringify(description.columns);
    return isRenamedSame && parts.every((part) => made[part] === description[part]);
  } catch {
    return false;
  }
}

const notMadeAgain = (name: string) =>
  optionRange(
    'inWorker',
    'of',
    'an operator that a thread can make again from its name and options',
    name,
    'Export it from a module and say inWorker({ module, export, options }).',
  );
