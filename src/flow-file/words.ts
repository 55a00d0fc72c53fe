/**
 * The words of flow files as the JSON Schema knows them, and how paths to them are written.
 */
import type { Path } from './flow-text.js';
import { flowSchema } from './generated/flow-schema.js';

/** What a flow file may say of one word. */
export interface WordSchema {
  readonly properties: Readonly<Record<string, ValueSchema>>;
  /** How the function is called: the options' place among named parameters, and that of the step inside. */
  readonly 'x-parameters': readonly string[];
}

/** What a value may be, as far as it is made into something. */
interface ValueSchema {
  readonly $ref?: string;
  readonly 'x-make'?: Making;
  readonly allOf?: readonly ValueSchema[];
  readonly anyOf?: readonly ValueSchema[];
}

/** What a value inside of options is made into. */
export type Making = 'source' | 'sink' | 'step' | 'sourceOfPath';

interface FlowSchema {
  readonly definitions: Readonly<
    Record<Making, { readonly properties: Readonly<Record<string, WordSchema>> }>
  >;
}

/** The schema of each word of a kind. */
export const wordsOf = (kind: Making) => (flowSchema as FlowSchema).definitions[kind].properties;

/** What an object in the place of a value is made into, if into anything. */
export function makingOf({
  $ref,
  'x-make': making,
  allOf = [],
  anyOf = [],
}: ValueSchema): Making | undefined {
  if (making !== undefined) return making;
  const { definitions } = flowSchema as { definitions: Readonly<Record<string, ValueSchema>> };
  const referred = $ref === undefined ? [] : [definitions[$ref.split('/').at(-1)!]!];
  for (const part of [...referred, ...allOf, ...anyOf]) {
    const found = makingOf(part);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether a word is put around a step. */
export const takesOperator = (schema: WordSchema) => schema['x-parameters']?.includes('operator') ?? false;

/** `steps[0].retention.keyDim` */
export const inWords = (path: Path): string =>
  path.map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`)).join('');
