/**
 * What a law is, and whom the laws are asked of: every operator that the package exports, with each of its examples.
 */
import * as exported from '../../operators/index.js';
import * as exportedNaive from '../../operators/naive.js';
import type { AnyDefinition, Law, OperatorMaker } from '../../src/define-operator.js';
import type { Operator } from '../../src/operator.js';
import * as fixtureNaive from '../support/fixture-naive.js';
import * as fixtures from '../support/fixture-operators.js';
import { type Rows, rowsOf } from '../support/rows.js';

type Values = Readonly<Record<string, ArrayLike<number>>>;

/** The recurrence in float64: output roles and slots, from options, packed rows and slots to start from. */
export type Naive = (options: object, rows: Rows, initial?: Values) => Values;

/** An operator with the options it is opened with. */
export interface Subject {
  /** Which one, and with what: stable, so that a failure can be found again. */
  readonly label: string;
  readonly definition: AnyDefinition;
  readonly options: object;
  /** The options with their defaults. */
  readonly resolved: Readonly<Record<string, unknown>>;
  readonly operator: Operator;
  readonly naive: Naive | undefined;
  /** The same operator, made anew; options may be added. */
  again(more?: object): Operator;
  /** Seeded rows for its inputs. */
  rows(numRows: number, seed: number): Rows;
}

/** A statement that holds for every subject it applies to; `check` throws where it does not. */
export interface LawCheck {
  readonly law: Law | 'backend';
  /** Reads on from the operator's name. */
  readonly statement: string;
  readonly applies?: (subject: Subject) => boolean;
  check(subject: Subject): void | Promise<void>;
}

export function newSubject(maker: OperatorMaker<object>, options: object, naive?: Naive): Subject {
  const { definition } = maker;
  const operator = maker(options);
  const resolved = definition.check(options) as Record<string, unknown>;
  const { inputs } = operator.description;
  return {
    label: `${definition.name} ${JSON.stringify(options)}`,
    definition,
    options,
    resolved,
    operator,
    naive,
    again: (more) => maker({ ...options, ...more }),
    rows: (numRows, seed) => rowsOf(definition.name, inputs, resolved, numRows, seed),
  };
}

/** Operators that name their columns; those of whole batches have laws of their own (test/relational). */
const isMaker = (value: unknown): value is OperatorMaker<object> =>
  typeof value === 'function' &&
  'definition' in value &&
  'inputs' in (value as OperatorMaker<object>).definition;

function subjectsOf(makers: object, naives: object): Subject[] {
  return [...new Set(Object.values(makers).filter(isMaker))].flatMap((maker) =>
    (maker.definition.examples as readonly object[]).map((options) =>
      newSubject(maker, options, (naives as Record<string, Naive>)[maker.definition.name]),
    ),
  );
}

export const subjects: readonly Subject[] = [
  ...subjectsOf(exported, exportedNaive),
  ...subjectsOf(fixtures, fixtureNaive),
];

/** Why a subject is not held to a law, where its definition gives a reason. */
export const skipReason = ({ definition }: Subject, { law }: LawCheck): string | undefined =>
  (definition.skipLaws as Partial<Record<string, string>> | undefined)?.[law];

/** Rows that a chunk grid, a bitmap and a counter of 256 rows all divide unevenly. */
export const MANY_ROWS = 331;
