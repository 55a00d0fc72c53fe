/**
 * Aggregates: what a window keeps of a column's values, and what it makes of them. What is kept has Arrow types, so that open
 * windows are saved as a batch.
 */
import { DataType, type Field, Float64, Int64, type Schema } from 'apache-arrow';
import { columnMissing, columnType, limitExceeded, optionRange } from '../../src/errors.js';
import { text } from '../../src/options.js';
import { isRawType, type RawValue } from './raw-values.js';

/**
 * What a window says of its rows: `count` of them all, or of the values of a column, without nulls: `count`, `sum`, `min`, `max`,
 * `mean`, sample `variance` and `stddev`, `first` and `last` in the order of arrival.
 */
export type Aggregate =
  | 'count'
  | { readonly count: string }
  | { readonly sum: string }
  | { readonly min: string }
  | { readonly max: string }
  | { readonly mean: string }
  | { readonly variance: string }
  | { readonly stddev: string }
  | { readonly first: string }
  | { readonly last: string };

/** What an aggregate keeps of a window's rows. */
export type Kept = (RawValue | null)[];

/** How an aggregate is kept over values of one type. */
export interface Accumulator {
  /** The column it reads; undefined where it counts rows. */
  readonly column: string | undefined;
  /** The types of what it keeps, each nullable. */
  readonly kept: readonly DataType[];
  /** The type of what it says. */
  readonly type: DataType;
  /** What is kept before the first value. */
  start(): Kept;
  add(kept: Kept, value: RawValue): void;
  /** What it says; null where there is nothing to say. */
  result(kept: Kept): RawValue | null;
}

const KINDS = ['count', 'sum', 'min', 'max', 'mean', 'variance', 'stddev', 'first', 'last'] as const;
type Kind = (typeof KINDS)[number];

/** Checks an aggregate. Throws OPTION_RANGE. */
export function aggregate(option: string, value: unknown): Aggregate {
  if (value === 'count') return value;
  const entries = value !== null && typeof value === 'object' ? Object.entries(value) : [];
  const [kind, column] = entries[0] ?? [];
  if (entries.length !== 1 || !KINDS.includes(kind as Kind)) {
    throw optionRange('', option, `'count' or { one of ${KINDS.join(', ')}: a column name }`, value);
  }
  return { [kind!]: text({ [`${option}.${kind}`]: column }) } as never;
}

/** The accumulator of an aggregate over a stream of this schema. Throws COLUMN_MISSING and COLUMN_TYPE. */
export function accumulatorOf(who: string, schema: Schema, given: Aggregate): Accumulator {
  if (given === 'count') return counting(undefined);
  const [kind, column] = Object.entries(given)[0] as [Kind, string];
  const field = schema.fields.find(({ name }) => name === column);
  if (field === undefined) throw columnMissing(who, kind, column, schema.names.map(String));
  if (kind === 'count') return counting(column);
  if (kind === 'first' || kind === 'last') return remembering(plainType(who, field, kind), column, kind);
  if (kind === 'min' || kind === 'max') return extreme(plainType(who, field, kind), column, kind);
  if (!DataType.isInt(field.type) && !DataType.isFloat(field.type)) {
    throw columnType(who, column, `numbers for ${kind}`, String(field.type), 'Cast it first.');
  }
  if (kind === 'sum') return DataType.isInt(field.type) ? integerSum(who, column) : floatSum(column);
  return moments(column, kind);
}

/** Types whose values come out as they go in. */
function plainType(who: string, { name, type }: Field, kind: string): DataType {
  const plain = DataType.isDictionary(type) ? type.dictionary : type;
  if (isRawType(plain)) return plain;
  throw columnType(
    who,
    name,
    `numbers, text, truth values or times for ${kind}`,
    String(type),
    'Cast it first.',
  );
}

const counting = (column: string | undefined): Accumulator => ({
  column,
  kept: [new Int64()],
  type: new Int64(),
  start: () => [0n],
  add: (kept) => {
    kept[0] = (kept[0] as bigint) + 1n;
  },
  result: ([count]) => count!,
});

const MOST = 2n ** 63n - 1n;

const integerSum = (who: string, column: string): Accumulator => ({
  column,
  kept: [new Int64()],
  type: new Int64(),
  start: () => [null],
  add(kept, value) {
    const sum = ((kept[0] ?? 0n) as bigint) + BigInt(value);
    if (sum > MOST || sum < -MOST)
      throw limitExceeded(who, `sum of column '${column}'`, 2 ** 63, 'Cast it to float64.');
    kept[0] = sum;
  },
  result: ([sum]) => sum!,
});

const floatSum = (column: string): Accumulator => ({
  column,
  kept: [new Float64()],
  type: new Float64(),
  start: () => [null],
  add(kept, value) {
    kept[0] = ((kept[0] ?? 0) as number) + (value as number);
  },
  result: ([sum]) => sum!,
});

/** The smallest or largest; NaN is larger than every number. */
const extreme = (type: DataType, column: string, kind: 'min' | 'max'): Accumulator => ({
  column,
  kept: [type],
  type,
  start: () => [null],
  add(kept, value) {
    const isBetter = kept[0] === null || isBelow(value, kept[0]!) === (kind === 'min');
    if (isBetter && value !== kept[0]) kept[0] = value;
  },
  result: ([best]) => best!,
});

function isBelow(a: RawValue, b: RawValue): boolean {
  if (Number.isNaN(a)) return false;
  return Number.isNaN(b) || a < b;
}

const remembering = (type: DataType, column: string, kind: 'first' | 'last'): Accumulator => ({
  column,
  kept: [type],
  type,
  start: () => [null],
  add(kept, value) {
    if (kind === 'last' || kept[0] === null) kept[0] = value;
  },
  result: ([value]) => value!,
});

/** Mean and sample variance by Welford's recurrence. */
const moments = (column: string, kind: 'mean' | 'variance' | 'stddev'): Accumulator => ({
  column,
  kept: [new Float64(), new Float64(), new Float64()],
  type: new Float64(),
  start: () => [0, 0, 0],
  add(kept, value) {
    const [n, mean, M] = kept as [number, number, number];
    const x = Number(value);
    const next = mean + (x - mean) / (n + 1);
    kept[0] = n + 1;
    kept[1] = next;
    kept[2] = M + (x - mean) * (x - next);
  },
  result(kept) {
    const [n, mean, M] = kept as [number, number, number];
    if (kind === 'mean') return n === 0 ? null : mean;
    if (n < 2) return null;
    return kind === 'variance' ? M / (n - 1) : Math.sqrt(M / (n - 1));
  },
});
