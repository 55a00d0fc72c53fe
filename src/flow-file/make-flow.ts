/**
 * Makes a dataflow of what a flow file says: each word calls the function of its name.
 */
import { type Dataflow, dataflow } from '../dataflow.js';
import { DataflowError } from '../errors.js';
import type { Operator } from '../operator.js';
import type { Sink } from '../sink.js';
import type { Source } from '../source.js';
import type { FlowText, Path } from './flow-text.js';
import { sinks, sources, steps, wrappers } from './vocabulary.js';
import { inWords, type Making, makingOf, takesOperator, type WordSchema, wordsOf } from './words.js';

export type Spec = Readonly<Record<string, unknown>>;
type Call = (...given: unknown[]) => unknown;

const FUNCTIONS = { source: sources, sourceOfPath: sources, sink: sinks, step: { ...steps, ...wrappers } };

/** The dataflow of a text that holds to the schema; what a function refuses is told with its place. */
export function makeFlow(text: FlowText): Dataflow {
  const spec = text.value as { name: string; source: unknown; steps?: Spec[]; sink: unknown };
  const words = new Words({
    wrong: (...what) => text.error(...what),
    refused: (path, error) => text.refused(path, error),
  });
  const all = (kind: 'source' | 'sink') =>
    Array.isArray(spec[kind])
      ? spec[kind].map((one, i) => words.make(kind, one, [kind, i]))
      : [words.make(kind, spec[kind] as Spec, [kind])];
  let flow = dataflow(spec.name).from(...(all('source') as [Source]));
  for (const [i, step] of (spec.steps ?? []).entries()) {
    const operator = words.make('step', step, ['steps', i]) as Operator;
    flow = typeof step.id === 'string' ? flow.step(step.id, operator) : flow.pipe(operator);
  }
  return flow.to(...(all('sink') as [Sink]));
}

/** The step that `{ word: options }` describes, with the words around it. */
export const makeStep = (spec: Spec, teller: Teller): Operator =>
  new Words(teller).make('step', spec, []) as Operator;

/** Makes the errors of what a path has. */
export interface Teller {
  /** What is wrong there, what was expected, what was found. */
  wrong(path: Path, what: string, expected: string, got: string): Error;
  /** What a function threw at an option. */
  refused(path: Path, error: DataflowError): Error;
}

class Words {
  readonly #teller: Teller;

  constructor(teller: Teller) {
    this.#teller = teller;
  }

  /** What `{ word: options }` makes; of a step, what the words around it then make of that. */
  make(kind: Making, spec: Spec, path: Path): unknown {
    const known = wordsOf(kind);
    const names = Object.keys(spec).filter((name) => name !== 'id');
    const [name, ...more] = names.filter((one) => !takesOperator(known[one]!));
    if (name === undefined || more.length > 0) {
      throw this.#teller.wrong(path, inWords(path), `one ${kind}`, names.join(', ') || 'none');
    }
    if (kind === 'sourceOfPath')
      return (of: string) => this.#call(kind, name, { path: of, ...at(spec, name) }, path);
    const made = this.#call(kind, name, at(spec, name), [...path, name]);
    return names
      .filter((one) => one !== name)
      .reduce((inner, one) => this.#call(kind, one, at(spec, one), [...path, one], inner), made);
  }

  #call(kind: Making, name: string, given: Spec, path: Path, operator?: unknown): unknown {
    const schema = (kind === 'sourceOfPath' ? wordsOf('source') : wordsOf(kind))[name]!;
    const values = Object.fromEntries(
      Object.entries(given).map(([key, value]) => [key, this.#value(schema, key, value, path)]),
    );
    const taken = schema['x-parameters'].filter((parameter) => parameter in values);
    const options = Object.fromEntries(Object.entries(values).filter(([key]) => !taken.includes(key)));
    const call = FUNCTIONS[kind][name as never] as Call;
    try {
      return call(
        ...schema['x-parameters'].map((parameter) =>
          parameter === 'options' ? options : parameter === 'operator' ? operator : values[parameter],
        ),
      );
    } catch (error) {
      if (!(error instanceof DataflowError)) throw error;
      const option = error.at.option?.split('.')[0];
      throw this.#teller.refused(option !== undefined && option in values ? [...path, option] : path, error);
    }
  }

  /** A value of an option: as it is written, or the source, sink or step that it describes. */
  #value(schema: WordSchema, key: string, value: unknown, path: Path): unknown {
    const property = schema.properties[key];
    const making = property && makingOf(property);
    const isSpec = value !== null && typeof value === 'object' && !Array.isArray(value);
    return making !== undefined && isSpec ? this.make(making, value as Spec, [...path, key]) : value;
  }
}

/** What follows a word; nothing is no options. */
const at = (spec: Spec, name: string) => (spec[name] ?? {}) as Spec;
