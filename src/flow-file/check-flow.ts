/**
 * Holds what a flow file says to the JSON Schema, and tells the first thing that is wrong where it stands.
 */
import { Ajv, type ErrorObject } from 'ajv';
import type { DataflowError } from '../errors.js';
import { nearest } from '../nearest.js';
import type { FlowText, Path } from './flow-text.js';
import { flowSchema } from './generated/flow-schema.js';
import { inWords, type WordSchema } from './words.js';

/** Throws OPTION_RANGE with file, line and column for the first thing that no flow may say. */
export function checkFlow(text: FlowText): void {
  const ajv = new Ajv({ allErrors: true, strict: false, verbose: true });
  const validate = ajv.compile(flowSchema as object);
  while (!validate(text.value)) {
    const errors = validate.errors!;
    const isText = ({ keyword, params }: ErrorObject) => keyword === 'type' && params.type === 'string';
    const asText = errors.filter((error) => isText(error) && text.takeAsText(pathOf(error.instancePath)));
    if (asText.length === 0) throw told(text, deepest(errors));
  }
}

/** Of all that is wrong, what is farthest inside: the alternatives around it fail with it. */
function deepest(errors: readonly ErrorObject[]): ErrorObject {
  const depth = ({ instancePath, keyword }: ErrorObject) =>
    instancePath.split('/').length * 2 - (keyword === 'anyOf' ? 1 : 0);
  return errors.reduce((worst, error) => (depth(error) > depth(worst) ? error : worst));
}

function told(text: FlowText, error: ErrorObject): DataflowError {
  const path = pathOf(error.instancePath);
  const where = path.length === 0 ? 'the flow' : inWords(path);
  const { params, parentSchema } = error;
  switch (error.keyword) {
    case 'additionalProperties': {
      const wrong: string = params.additionalProperty;
      const known = Object.keys((parentSchema as Partial<WordSchema>).properties ?? {});
      const guess = nearest(wrong, known);
      const expected = guess === undefined ? `one of ${known.join(', ')}` : `one of ${known.length} words`;
      const got = `'${wrong}'${guess === undefined ? '' : ` (did you mean '${guess}'?)`}`;
      return text.keyError([...path, wrong], where, expected, got);
    }
    case 'required':
      return text.error(path, where, `'${params.missingProperty}'`, 'nothing of that name');
    case 'type':
      return text.error(path, where, nameOfType(params.type), inShort(error.data));
    case 'enum':
      return text.error(path, where, `one of ${params.allowedValues.join(', ')}`, inShort(error.data));
    default:
      return text.error(
        path,
        where,
        error.message?.replace(/^must /, '') ?? 'something else',
        inShort(error.data),
      );
  }
}

const pathOf = (pointer: string): Path =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));

const nameOfType = (type: string | string[]) =>
  [type]
    .flat()
    .map((one) => (/^[aeiou]/.test(one) ? `an ${one}` : `a ${one}`))
    .join(' or ');

function inShort(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
