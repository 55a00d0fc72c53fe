/**
 * What the submodular operators have in common: columns, options, state, and answers as rows.
 */
import { defineOperator, type OperatorMaker } from '../../src/define-operator.js';
import { DataflowError, outOfDomain } from '../../src/errors.js';
import { bool, f32, f64, i8, i32, i64 } from '../../src/layout.js';
import type { Operator } from '../../src/operator.js';
import { finiteNumber, integer, oneOf } from '../../src/options.js';
import { type Id, key, list, optional, type RowTypes, type Varying } from '../../src/row-types.js';

import type { Algorithm } from './algorithm.js';
import { AnswerRows } from './answer-rows.js';
import { type AtMost, CategoryLimit } from './category-limit.js';
import type { Element, Objective } from './objective.js';
import { type NamedObjective, objectiveFrom, objectivesInWords } from './objectives/named.js';
import type { World } from './oracle.js';
import { fromBytes, toBytes } from './saved.js';
import { Summary } from './summary.js';

export interface SummaryOptions {
  /** Elements of an answer, at most: 1 … 4096. */
  readonly k: number;
  /** What an answer is worth: an objective, or `{ name: options }`. */
  // biome-ignore lint/suspicious/noExplicitAny: what an objective's states are is known to the objective alone
  readonly objective: Objective<any> | NamedObjective;
  /** How close to its guarantee an algorithm stays, as its own page says. */
  readonly epsilon?: number;
  /**
   * The most live elements, 1 … 16777216; with features, no more than 2^29 numbers of them (default 100000, or windowRows
   * where that is more).
   */
  readonly maxElements?: number;
  /** 'batch' (default): an answer for each input batch that has rows; 'row': one for each row. */
  readonly emit?: 'batch' | 'row';
  /** Rows that an element lives for, 1 … maxElements; without it, until it is deleted. `slidingWindow` sets it. */
  readonly windowRows?: number | undefined;
}

export interface RandomOptions extends SummaryOptions {
  /** Seed of all random draws, a safe integer (default 0). */
  readonly seed?: number;
}

export const summaryOptions = {
  k: 'elements of an answer, at most: 1 … 4096',
  objective: `what an answer is worth, { name: options }: ${objectivesInWords}`,
  epsilon: 'how close to its guarantee the algorithm stays',
  maxElements: 'the most live elements (default 100000, or windowRows where that is more)',
  emit: "'batch': an answer for each batch, or 'row': one for each row (default 'batch')",
  windowRows: 'rows that an element lives for (default: until it is deleted)',
};

export const seedOption = { seed: 'seed of all random draws (default 0)' };

const ELEMENTS_USUAL = 100_000;
const ELEMENTS_LIMIT = 1 << 24;
/** Numbers that all elements' features may be together: what kernels reach has at most 4 GiB. */
const FEATURES_LIMIT = 1 << 29;

export function checkSummary(options: SummaryOptions, epsilon: number, epsilonMin = 0, epsilonMax = 1) {
  const objective = objectiveFrom(options.objective);
  const most = Math.min(ELEMENTS_LIMIT, Math.floor(FEATURES_LIMIT / (objective.reads.features ?? 1)));
  const usual = Math.min(Math.max(ELEMENTS_USUAL, Number(options.windowRows) || 0), most);
  const maxElements = integer({ maxElements: options.maxElements ?? usual }, 1, most);
  return {
    k: integer({ k: options.k }, 1, 4096),
    objective,
    epsilon: finiteNumber({ epsilon: options.epsilon ?? epsilon }, epsilonMin, epsilonMax),
    maxElements,
    emit: oneOf({ emit: options.emit ?? 'batch' }, ['batch', 'row']),
    windowRows:
      options.windowRows === undefined
        ? undefined
        : integer({ windowRows: options.windowRows }, 1, maxElements),
  };
}

/** Options of the algorithms that keep what is worth a threshold. */
export interface SieveOptions extends SummaryOptions {
  /** How far apart the guesses of the optimum are, 0.01 … 1 (default 0.1): each is 1 + epsilon times the one before. */
  readonly epsilon?: number;
  /** The largest value that an element alone can have, where it is known: saves a call an element (default: as seen). */
  readonly singletonMax?: number;
}

export const sieveOptions = {
  ...summaryOptions,
  epsilon: 'each guess of the optimum is 1 + epsilon times the one before (default 0.1)',
  singletonMax: 'the largest value that an element alone can have (default: as seen)',
};

export const checkSieve = (options: SieveOptions) => ({
  ...checkSummary(options, 0.1, 0.01),
  singletonMax:
    options.singletonMax === undefined
      ? undefined
      : finiteNumber({ singletonMax: options.singletonMax }, Number.MIN_VALUE),
});

export const checkSeed = ({ seed }: RandomOptions): number =>
  integer({ seed: seed ?? 0 }, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);

export type CheckedSummary = Omit<ReturnType<typeof checkSummary>, 'epsilon'> & {
  readonly atMostPerCategory?: AtMost | undefined;
};

/** What one of these operators says of itself; all else follows. */
interface Submodular<O, R extends CheckedSummary> {
  readonly name: string;
  readonly version: number;
  readonly summary: string;
  readonly options: Readonly<Record<keyof R, string>>;
  check(options: O): R;
  algorithm(options: R): (world: World) => Algorithm;
  /** Slots for elements that are not live any more but still needed. */
  spareSlots?(options: R): number;
  readonly examples: readonly O[];
}

/** The columns of a step, each absent where the objective does not read it. */
interface Columns {
  readonly numRows: number;
  readonly op?: Int8Array | undefined;
  readonly id: readonly Id[];
  readonly items?: Varying<Int32Array>;
  readonly features?: Float32Array;
  readonly weight?: Float64Array;
  readonly category?: readonly Id[];
}

const NO_ITEMS = new Int32Array(0);
const NO_FEATURES = new Float32Array(0);

/** The operators of this family that a window can be put over. */
const windowed = new WeakMap<Operator, (windowRows: number) => Operator>();

export function defineSubmodular<O extends Omit<SummaryOptions, 'epsilon'>, R extends CheckedSummary>(
  operator: Submodular<O, R>,
): OperatorMaker<O> {
  const { name, algorithm, spareSlots, ...rest } = operator;
  const newSummary = (options: R) =>
    new Summary({
      ...options,
      who: name,
      algorithm: algorithm(options),
      spareSlots: spareSlots?.(options) ?? 0,
      limit:
        options.atMostPerCategory === undefined ? undefined : new CategoryLimit(options.atMostPerCategory),
    });
  const make = defineOperator({
    ...rest,
    name,
    inputs: (options: R): RowTypes => ({
      op: optional(i8()),
      id: key(),
      ...columnsRead(options.objective),
      ...(options.atMostPerCategory !== undefined && { category: key() }),
    }),
    outputs: (): RowTypes => ({
      selected: list(key()),
      gains: list(f64()),
      value: f64(),
      oracleCalls: i64(),
      changed: i32(),
      certified: bool(),
    }),
    codec: (options: R) => ({
      empty: () => newSummary(options),
      encode: (state: Summary) => toBytes(state.save()),
      decode(bytes: Uint8Array) {
        const state = newSummary(options);
        state.load(fromBytes(bytes) as ReturnType<Summary['save']>);
        return state;
      },
    }),
    emits: 'batches',
    step({ options, state, emit }, batch) {
      const answers = answersTo(name, options, state as Summary, batch as unknown as Columns);
      if (answers.count > 0) emit(answers.columns(), answers.count);
    },
    tolerance: 0,
    skipLaws: { oracle: 'answers are lists of ids: test/submodular holds them to naive.ts' },
  });
  const windowable = (options: O) => {
    const made = make(options);
    windowed.set(made, (windowRows) => windowable({ ...options, windowRows }));
    return made;
  };
  return Object.assign(windowable, { definition: make.definition });
}

/** The operator with a window over it; undefined where it takes none. */
export const withWindow = (operator: Operator, windowRows: number): Operator | undefined =>
  windowed.get(operator)?.(windowRows);

function columnsRead({ reads }: Objective): RowTypes {
  return {
    ...(reads.items !== undefined && { items: list(i32()) }),
    ...(reads.features !== undefined && { features: f32(reads.features) }),
    ...(reads.weight && { weight: f64() }),
  };
}

/** Takes a batch's rows, and answers where the options ask for it. */
function answersTo(who: string, options: CheckedSummary, summary: Summary, columns: Columns): AnswerRows {
  const { numRows } = columns;
  const eachRow = options.emit === 'row';
  const answers = new AnswerRows(eachRow ? numRows : 1);
  for (let t = 0; t < numRows; t++) {
    try {
      takeRow(who, summary, options.objective, columns, t);
      if (eachRow || t === numRows - 1) answers.add(summary.answer());
    } catch (error) {
      throw error instanceof DataflowError ? error.within({ row: t }) : error;
    }
  }
  return answers;
}

function takeRow(who: string, summary: Summary, objective: Objective, columns: Columns, t: number): void {
  const op = columns.op?.[t] ?? 1;
  const id = columns.id[t]!;
  if (op === -1) summary.delete(id);
  else if (op === 1) summary.insert(id, elementAt(who, objective, columns, t), columns.category?.[t]);
  else throw outOfDomain(who, 'op', t, '1 (insert) or -1 (delete)', `${op}`);
}

/** The element that a row brings, checked for what the objective cannot take. */
function elementAt(who: string, { reads }: Objective, columns: Columns, t: number): Element {
  const { items: lists, features: vectors, weight: weights } = columns;
  const items = lists?.values.subarray(lists.offsets[t], lists.offsets[t + 1]) ?? NO_ITEMS;
  const dim = reads.features ?? 0;
  const features = vectors?.subarray(t * dim, (t + 1) * dim) ?? NO_FEATURES;
  const weight = weights?.[t] ?? 1;
  for (const item of items) {
    if (!(item >= 0 && item < reads.items!))
      throw outOfDomain(who, 'items', t, `items in 0 … ${reads.items! - 1}`, `${item}`);
  }
  if (reads.nonNegative) {
    const negative = features.find((x) => x < 0);
    if (negative !== undefined) throw outOfDomain(who, 'features', t, 'numbers of at least 0', `${negative}`);
  }
  if (weight < 0) throw outOfDomain(who, 'weight', t, 'at least 0', `${weight}`);
  return { items, features, weight };
}
