/**
 * Makes a dataflow of what a flow file says: each word calls the function of its name.
 */
import { type Dataflow, dataflow } from '../dataflow.js';
import { DataflowError, reason } from '../errors.js';
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
  const words = new Words((...wrong) => text.error(...wrong));
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

/** The step that `{ word: options }` describes, with the words around it; `tell` makes the error of what is wrong. */
export const makeStep = (spec: Spec, tell: Tell): Operator =>
  new Words(tell).make('step', spec, []) as Operator;

/** An error at a path: what is wrong there, what was expected, what was found, and what was thrown. */
export type Tell = (path: Path, what: string, expected: string, got: string, cause?: unknown) => Error;

class Words {
  readonly #tell: Tell;

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  /** What `{ word: options }` makes; of a step, what the words around it then make of that. */
  make(kind: Making, spec: Spec, path: Path): unknown {
    const known = wordsOf(kind);
    const names = Object.keys(spec).filter((name) => name !== 'id');
    const [name, ...more] = names.filter((one) => !takesOperator(known[one]!));
    if (name === undefined || more.length > 0) {
      throw this.#tell(path, inWords(path), `one ${kind}`, names.join(', ') || 'none');
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
      throw this.#refused(path, values, error);
    }
  }

  /** A value of an option: as it is written, or the source, sink or step that it describes. */
  #value(schema: WordSchema, key: string, value: unknown, path: Path): unknown {
    const property = schema.properties[key];
    const making = property && makingOf(property);
    const isSpec = value !== null && typeof value === 'object' && !Array.isArray(value);
    return making !== undefined && isSpec ? this.make(making, value as Spec, [...path, key]) : value;
  }

  /** The error of a function, at the option that it names. */
  #refused(path: Path, values: Spec, error: unknown): unknown {
    if (!(error instanceof DataflowError)) return error;
    const named = /option '?(\w+)/.exec(error.message)?.[1];
    const at = named !== undefined && named in values ? [...path, named] : path;
    const [, expected, got] = /, expected (.*), got (.*?)\.?$/s.exec(error.message) ?? [];
    if (expected === undefined || got === undefined) {
      return this.#tell(at, inWords(at), 'to make it', reason(error), error);
    }
    return this.#tell(at, inWords(at), expected, got, error);
  }
}

/** What follows a word; nothing is no options. */
const at = (spec: Spec, name: string) => (spec[name] ?? {}) as Spec;
