import {
  DateDay,
  Decimal,
  Float64,
  Int64,
  type RecordBatch,
  TimeMicrosecond,
  TimestampMicrosecond,
  TimestampNanosecond,
  Uint64,
} from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Comparison, type Condition, divert, filter } from '../../operators/index.js';
import { collect } from '../../sinks/index.js';
import { fromTable } from '../../sources/index.js';
import { dataflow } from '../../src/index.js';
import { plainRows } from '../support/arrow-columns.js';
import { expectError } from '../support/errors.js';
import { campaign, cuttings, seeds } from '../support/property.js';
import { askDuckdb, batchOf, cut, emitted, rows, START_MS } from '../support/relational.js';

/** A condition, and the same in SQL. */
type Pair = readonly [Condition, string];

const ops = fc.constantFrom<Comparison>('==', '!=', '<', '<=', '>', '>=');
const sqlOp = (op: Comparison) => (op === '==' ? '=' : op);
const sqlText = (value: string) => `'${value.replaceAll("'", "''")}'`;
const comparison = (
  column: string,
  values: fc.Arbitrary<number | string | boolean>,
  sql: (value: never) => string,
) =>
  fc
    .tuple(ops, values)
    .map(([op, value]): Pair => [{ column, op, value }, `"${column}" ${sqlOp(op)} ${sql(value as never)}`]);
const texts = fc.constantFrom('a', 'b', 'München', 'N', '', 'a longer name', 'x', 'y', 'ÿ');
const moments = fc.integer({ min: START_MS - 1000, max: START_MS + 400_000 });
const iso = (ms: number) => new Date(ms).toISOString();

const simple: fc.Arbitrary<Pair> = fc.oneof(
  comparison(
    'amount',
    fc.integer({ min: -60, max: 160 }).map((n) => n / 4),
    (n) => `${n}::double`,
  ),
  comparison('code', fc.double({ min: -11, max: 11, noNaN: true }), (n) => `${n}::double`),
  comparison('id', fc.bigInt({ min: 0n, max: 2n ** 40n }).map(String), (n) => `${n}`),
  comparison('name', texts, sqlText),
  comparison('kind', texts, sqlText),
  comparison('flag', fc.boolean(), String),
  comparison('at', moments.map(iso), (text) => `timestamp ${sqlText((text as string).slice(0, -1))}`),
  fc.boolean().map((isNull): Pair => [{ column: 'amount', isNull }, `amount is ${isNull ? '' : 'not '}null`]),
  fc.boolean().map((isNull): Pair => [{ column: 'kind', isNull }, `kind is ${isNull ? '' : 'not '}null`]),
  fc
    .array(texts, { minLength: 1 })
    .map((list): Pair => [{ column: 'name', in: list }, `name in (${list.map(sqlText)})`]),
  fc
    .constantFrom('^a', 'n', 'z$', 'ü.c')
    .map((matches): Pair => [{ column: 'name', matches }, `regexp_matches(name, '${matches}')`]),
);
const { condition } = fc.letrec<{ condition: Pair }>((tie) => ({
  condition: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    simple,
    fc
      .array(tie('condition'), { minLength: 1, maxLength: 3 })
      .map(
        (parts): Pair => [
          { and: parts.map(([one]) => one) },
          `(${parts.map(([, sql]) => sql).join(' and ')})`,
        ],
      ),
    fc
      .array(tie('condition'), { minLength: 1, maxLength: 3 })
      .map(
        (parts): Pair => [{ or: parts.map(([one]) => one) }, `(${parts.map(([, sql]) => sql).join(' or ')})`],
      ),
    tie('condition').map(([one, sql]): Pair => [{ not: one }, `(not ${sql})`]),
  ),
}));

const count = (where: Condition, batch: RecordBatch) => emitted(filter({ where }), [batch])[0]!.numRows;

describe('filter', () => {
  it("keeps the rows that DuckDB's where keeps", async () => {
    await fc.assert(
      fc.asyncProperty(
        seeds,
        cuttings,
        fc.array(condition, { minLength: 8, maxLength: 8 }),
        async (seed, lengths, pairs) => {
          const batch = rows(200, seed);
          const each = pairs.map(([, sql]) => `list(id order by rowid) filter (${sql})`).join(', ');
          const [expected] = plainRows(await askDuckdb([batch], `select ${each} from t`));
          for (const [i, [where, sql]] of pairs.entries()) {
            const kept = plainRows(emitted(filter({ where }), cut(batch, lengths))).map((row) => row[2]);
            expect(kept, sql).toEqual(expected![i] ?? []);
          }
        },
      ),
      campaign(2),
    );
  });

  it('keeps the rows for which a function of the row is true, and stops at its error', () => {
    const batch = rows(50, 1);
    const byFunction = filter({
      where: ({ amount, flag }) => amount !== null && (amount as number) > 3 && flag === true,
    });
    const where: Condition = {
      and: [
        { column: 'amount', op: '>', value: 3 },
        { column: 'flag', op: '==', value: true },
      ],
    };
    expect(plainRows(emitted(byFunction, [batch]))).toEqual(plainRows(emitted(filter({ where }), [batch])));
  });

  it('compares 64-bit integers, decimals and nanoseconds exactly', () => {
    const big = 2n ** 53n;
    const integers = batchOf({
      x: [new Int64(), [big, big + 1n, -big - 1n]],
      u: [new Uint64(), [2n ** 64n - 1n, 0n, 1n]],
    });
    expect(count({ column: 'x', op: '>', value: 2 ** 53 }, integers)).toBe(1);
    expect(count({ column: 'x', op: '==', value: `${big + 1n}` }, integers)).toBe(1);
    expect(count({ column: 'x', op: '<', value: 0.5 }, integers)).toBe(1);
    expect(count({ column: 'u', op: '>=', value: 2n ** 64n - 1n }, integers)).toBe(1);
    const words = (value: bigint) =>
      Uint32Array.from([0n, 32n, 64n, 96n], (s) => Number(BigInt.asUintN(32, value >> s)));
    const decimals = batchOf({ x: [new Decimal(2, 10, 128), [words(1050n), words(-1n), null]] });
    expect(count({ column: 'x', op: '==', value: 10.5 }, decimals)).toBe(1);
    expect(count({ column: 'x', op: '<', value: '-0.009' }, decimals)).toBe(1);
    const nanos = batchOf({
      x: [new TimestampNanosecond(), [0, 1].map((ms) => ms)],
      y: [new TimestampMicrosecond(), [0, 1]],
    });
    expect(count({ column: 'x', op: '>', value: '1970-01-01T00:00:00.000000001Z' }, nanos)).toBe(1);
    expect(count({ column: 'y', op: '<', value: '1970-01-01T00:00:00.000000001Z' }, nanos)).toBe(1);
    expect(count({ column: 'y', op: '>', value: new Date(0) }, nanos)).toBe(1);
  });

  it('compares dates and times of day with their text', () => {
    const batch = batchOf({
      day: [new DateDay(), [new Date('2024-02-29'), new Date('2024-03-01')]],
      clock: [new TimeMicrosecond(), [43_200_000_000n, 43_200_000_001n]],
    });
    expect(count({ column: 'day', op: '<=', value: '2024-02-29' }, batch)).toBe(1);
    expect(count({ column: 'day', op: '>', value: '2024-02-29T12:00Z' }, batch)).toBe(1);
    expect(count({ column: 'clock', op: '>', value: '12:00' }, batch)).toBe(1);
  });

  it('holds of NaN that it differs, and nothing else', () => {
    const batch = batchOf({ x: [new Float64(), [Number.NaN, 1, null]] });
    const counts = (['==', '!=', '<', '<=', '>', '>='] as const).map((op) =>
      count({ column: 'x', op, value: 1 }, batch),
    );
    expect(counts).toEqual([1, 1, 0, 1, 0, 1]);
    expect(count({ column: 'x', op: '!=', value: Number.NaN }, batch)).toBe(2);
  });

  it.each([
    ['no condition', {}],
    ['two at once', { column: 'a', isNull: true, matches: 'x' }],
    ['an operator that is none', { column: 'a', op: '=~', value: 1 }],
    ['a value that is none', { column: 'a', op: '==', value: null }],
    ['an unknown key', { column: 'a', op: '==', value: 1, or: [] }],
    ['a pattern that is none', { column: 'a', matches: '(' }],
    ['a list that is none', { and: { column: 'a', isNull: true } }],
    ['no column', { op: '==', value: 1 }],
    ['one wrong inside', { not: { or: [{ column: 'a' }] } }],
  ])('refuses %s at the call', (_, where) => {
    expectError('OPTION_RANGE', () => filter({ where: where as never }));
  });

  it.each([
    [{ column: 'name', op: '==', value: 1 }, 'name'],
    [{ column: 'amount', op: '==', value: '1' }, 'amount'],
    [{ column: 'at', op: '<', value: 'yesterday' }, 'at'],
    [{ column: 'amount', matches: '1' }, 'amount'],
    [{ column: 'pair', op: '==', value: 1 }, 'pair'],
  ] as [Condition, string][])('refuses to compare as in %j', (where, column) => {
    expectError('COLUMN_TYPE', () => emitted(filter({ where }), [rows(3, 1)]), { column });
  });
});

describe('divert', () => {
  it('sends some rows to a sink of their own and passes on the others', async () => {
    const batch = rows(300, 5);
    const side = collect();
    const main = collect();
    const where: Condition = { column: 'amount', op: '<', value: 0 };
    await dataflow('two ways')
      .from(fromTable(cut(batch, [7, 100]) as never))
      .pipe(divert({ where, to: side }))
      .to(main)
      .run();
    expect(plainRows(side.batches)).toEqual(plainRows(emitted(filter({ where }), [batch])));
    const rest: Condition = {
      or: [
        { column: 'amount', op: '>=', value: 0 },
        { column: 'amount', isNull: true },
      ],
    };
    expect(plainRows(main.batches)).toEqual(plainRows(emitted(filter({ where: rest }), [batch])));
  });

  it('refuses what is no sink', () => {
    expectError('OPTION_RANGE', () => divert({ where: { column: 'a', isNull: true }, to: {} as never }));
  });
});
