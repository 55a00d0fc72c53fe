import {
  DateDay,
  Dictionary,
  Float64,
  Int32,
  Int64,
  type RecordBatch,
  TimestampMicrosecond,
  TimestampMillisecond,
  TimestampNanosecond,
  Utf8,
} from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Aggregate, type EventTimeWindowOptions, eventTimeWindow } from '../../operators/index.js';
import { collect } from '../../sinks/index.js';
import { fromTable } from '../../sources/index.js';
import { dataflow, memoryStore } from '../../src/index.js';
import type { Operator } from '../../src/operator.js';
import type { Source } from '../../src/source.js';
import { plainRows } from '../support/arrow-columns.js';
import { expectError } from '../support/errors.js';
import { campaign, cuttings, seeds, uniform } from '../support/property.js';
import { askDuckdb, batchOf, cut, emitted, START_MS } from '../support/relational.js';

/** Rows whose times go forward, up to `jitterMs` late. */
function events(numRows: number, seed: number, jitterMs: number): RecordBatch {
  const random = uniform(seed);
  const list = <T>(make: (row: number) => T) => Array.from({ length: numRows }, (_, row) => make(row));
  const sometimes = <T>(value: T) => (random() < 1 / 8 ? null : value);
  return batchOf({
    ts: [new TimestampMillisecond(), list((row) => START_MS + row * 700 - Math.floor(random() * jitterMs))],
    who: [new Utf8(), list(() => sometimes(['b', 'a', 'c'][Math.floor(random() * 3)]))],
    fare: [new Float64(), list(() => sometimes(Math.floor(random() * 1000) / 8))],
    n: [new Int64(), list(() => sometimes(BigInt(Math.floor(random() * 100) - 50)))],
    row: [new Int32(), list((row) => row)],
  });
}

const aggregates: Record<string, Aggregate> = {
  rows: 'count',
  fares: { count: 'fare' },
  total: { sum: 'fare' },
  whole: { sum: 'n' },
  least: { min: 'n' },
  most: { max: 'fare' },
  average: { mean: 'fare' },
  spread: { stddev: 'fare' },
  variance: { variance: 'n' },
  opening: { first: 'row' },
  closing: { last: 'who' },
};
const SQL = `count(*), count(fare), sum(fare), sum(n)::bigint, min(n), max(fare), avg(fare), stddev_samp(fare), var_samp(n),
  first("row" order by "row"), last(who order by "row") filter (who is not null)`;

/** Rounded where the order of additions may differ. */
const rounded = (table: unknown[][]) =>
  table.map((row) => row.map((cell) => (typeof cell === 'number' ? Number(cell.toPrecision(10)) : cell)));

const open = (options: Partial<EventTimeWindowOptions>) =>
  eventTimeWindow({ time: 'ts', windowMs: 10_000, aggregates, ...options } as never) as unknown as Operator;
const withoutLate = (table: unknown[][]) => table.map((row) => row.slice(0, -1));

describe('eventTimeWindow', () => {
  it.each([
    [10_000, 10_000, 0],
    [10_000, 2_500, 0],
    [9_000, 4_000, 1_500],
  ])(
    "gives what DuckDB's group by gives, for windows of %i ms every %i ms from %i",
    async (windowMs, slideMs, offsetMs) => {
      await fc.assert(
        fc.asyncProperty(seeds, cuttings, fc.boolean(), async (seed, lengths, isKeyed) => {
          const batch = events(300, seed, 5_000);
          const keys = isKeyed ? ', who' : '';
          const sql = `
          with starts as (select unnest(range(
            (floor((epoch_ms(ts) - ${offsetMs} - ${windowMs}) / ${slideMs}.0) + 1)::bigint * ${slideMs} + ${offsetMs},
            epoch_ms(ts) + 1, ${slideMs})) as s, * from t)
          select s::double, (s + ${windowMs})::double ${keys}, ${SQL} from starts group by s${keys} order by s${keys} nulls last`;
          const expected = rounded(plainRows(await askDuckdb([batch], sql)));
          const operator = open({
            windowMs,
            slideMs,
            offsetMs,
            allowedLatenessMs: 5_000,
            ...(isKeyed && { key: 'who' }),
          });
          expect(rounded(withoutLate(plainRows(emitted(operator, cut(batch, lengths)))))).toEqual(expected);
        }),
        campaign(0.5),
      );
    },
  );

  it('gives the same rows however it is cut, and from a snapshot at any cut, late rows included', () => {
    fc.assert(
      fc.property(seeds, cuttings, fc.integer({ min: 0, max: 200 }), (seed, lengths, at) => {
        const batch = events(200, seed, 20_000);
        const late: RecordBatch[] = [];
        const make = (to: RecordBatch[]) =>
          open({ allowedLatenessMs: 3_000, slideMs: 5_000, key: 'who', late: (rows) => void to.push(rows) });
        const expected = plainRows(emitted(make(late), [batch]));
        const lateWhenCut: RecordBatch[] = [];
        expect(plainRows(emitted(make(lateWhenCut), cut(batch, lengths)))).toEqual(expected);
        expect(plainRows(lateWhenCut)).toEqual(plainRows(late));
        const out: RecordBatch[] = [];
        const emit = (one: RecordBatch) => out.push(one);
        const [before, behind] = [make([]).open(), make([]).open()];
        before.step(batch.slice(0, at), emit);
        behind.restore(before.snapshot());
        expect(behind.snapshot()).toEqual(before.snapshot());
        behind.step(batch.slice(at), emit);
        behind.flush(emit);
        expect(plainRows(out)).toEqual(expected);
      }),
      campaign(2),
    );
  });

  it('counts every row once: in its windows, or among the late ones', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 0, max: 10_000 }), (seed, allowedLatenessMs) => {
        const batch = events(200, seed, 20_000);
        const late: RecordBatch[] = [];
        const options = { allowedLatenessMs, late: (rows: RecordBatch) => void late.push(rows) };
        const windows = plainRows(emitted(open(options), [batch]));
        const inWindows = windows.reduce((sum, row) => sum + Number.parseInt(row[2] as string, 10), 0);
        const lateRows = late.reduce((sum, { numRows }) => sum + numRows, 0);
        expect(inWindows + lateRows).toBe(200);
        expect(windows.at(-1)!.at(-1)).toBe(`${lateRows}n`);
        const starts = windows.map((row) => row[0] as number);
        expect(starts).toEqual([...starts].sort((a, b) => a - b));
        expect(new Set(starts).size).toBe(starts.length);
      }),
      campaign(2),
    );
  });

  it('closes a window only when the watermark reaches its end, and takes late rows until then', () => {
    const at = (...seconds: number[]) =>
      batchOf({
        ts: [new TimestampMillisecond(), seconds.map((s) => s * 1000)],
        n: [new Int64(), seconds.map(() => 1n)],
      });
    const running = open({ aggregates: { n: 'count' }, allowedLatenessMs: 5_000, late: () => {} }).open();
    const closed = (batch: RecordBatch) => {
      const out: RecordBatch[] = [];
      running.step(batch, (one) => out.push(one));
      return plainRows(out).map(([start, , n, late]) => [start, n, late]);
    };
    expect(closed(at(1, 14.999))).toEqual([]);
    expect(closed(at(2, 9.999))).toEqual([]);
    expect(closed(at(15))).toEqual([[0, '3n', '0n']]);
    expect(closed(at(9.999, 10, 24))).toEqual([]);
    expect(closed(at(25))).toEqual([[10_000, '3n', '1n']]);
  });

  it('refuses a late row by default, naming it and the watermark', () => {
    const batch = batchOf({
      ts: [new TimestampMillisecond(), [50_000, 39_999, 40_000]],
      n: [new Int64(), [1n, 1n, 1n]],
    });
    const error = expectError('CORRUPT_INPUT', () => emitted(open({ aggregates: { n: 'count' } }), [batch]), {
      column: 'ts',
      row: 1,
    });
    expect(error.message).toContain('open at 1970-01-01T00:00:50.000Z (allowedLatenessMs 0)');
  });

  it('takes a row without time for an error or a late row', () => {
    const batch = batchOf({
      ts: [new Float64(), [1, null, Number.NaN, 2]],
      n: [new Int64(), [1n, 2n, 3n, 4n]],
    });
    const late: RecordBatch[] = [];
    const options = {
      aggregates: { n: { sum: 'n' } },
      late: (rows: RecordBatch) => void late.push(rows),
    } as const;
    expectError('NOT_FINITE', () => emitted(open(options), [batch]), { column: 'ts', row: 1 });
    expect(plainRows(emitted(open({ ...options, onNullTime: 'late' }), [batch]))).toEqual([
      [0, 10_000, '5n', '2n'],
    ]);
    expect(plainRows(late).map(([, n]) => n)).toEqual(['2n', '3n']);
  });

  it('reads times of every unit, before 1970 too', () => {
    const ms = [-1, -10_000, 5];
    const times = [
      batchOf({ ts: [new Int64(), ms.map(BigInt)] }),
      batchOf({ ts: [new Float64(), [-0.5, -10_000, 5.5]] }),
      batchOf({ ts: [new TimestampMicrosecond(), ms] }),
      batchOf({ ts: [new TimestampNanosecond('UTC'), ms] }),
    ];
    for (const batch of times) {
      const out = emitted(open({ aggregates: { n: 'count' }, allowedLatenessMs: 20_000 }), [batch]);
      expect(plainRows(out)).toEqual([
        [-10_000, 0, '2n', '0n'],
        [0, 10_000, '1n', '0n'],
      ]);
    }
    const days = batchOf({ ts: [new DateDay(), [new Date('2024-02-29')]] });
    const [day] = plainRows(emitted(open({ aggregates: { n: 'count' }, windowMs: 86_400_000 }), [days]));
    expect(day![0]).toBe(Date.UTC(2024, 1, 29));
    expectError('COLUMN_TYPE', () =>
      emitted(open({ aggregates: { n: 'count' } }), [batchOf({ ts: [new Utf8(), ['now']] })]),
    );
  });

  it('keeps nanoseconds, big integers and texts of dictionaries as they are', () => {
    const batch = batchOf({
      ts: [new TimestampMillisecond(), [1, 2]],
      ns: [new TimestampNanosecond(), [1, 2]],
      big: [new Int64(), [2n ** 62n, -(2n ** 62n)]],
      kind: [new Dictionary(new Utf8(), new Int32()), ['x', 'y']],
    });
    const options = {
      aggregates: { a: { max: 'ns' }, b: { sum: 'big' }, c: { last: 'kind' } },
      key: 'kind',
    } as const;
    const [out] = emitted(open(options), [batch]);
    expect(Array.from(out!.getChild('a')!.data[0]!.values)).toEqual([1_000_000n, 2_000_000n]);
    expect(Array.from(out!.getChild('b')!)).toEqual([2n ** 62n, -(2n ** 62n)]);
    expect(Array.from(out!.getChild('c')!)).toEqual(['x', 'y']);
    const sum = batchOf({ ts: [new Int32(), [1, 2]], big: [new Int64(), [2n ** 62n, 2n ** 62n]] });
    expectError('LIMIT_EXCEEDED', () => emitted(open({ aggregates: { b: { sum: 'big' } } }), [sum]));
  });

  it('holds at most maxWindows open', () => {
    const batch = batchOf({ ts: [new Int32(), [0, 0, 0]], who: [new Utf8(), ['a', 'b', 'c']] });
    const options = { aggregates: { n: 'count' }, key: 'who' } as const;
    expect(plainRows(emitted(open({ ...options, maxWindows: 3 }), [batch]))).toHaveLength(3);
    expectError('LIMIT_EXCEEDED', () => emitted(open({ ...options, maxWindows: 2 }), [batch]));
  });

  it.each<Partial<Record<keyof EventTimeWindowOptions, unknown>>>([
    { windowMs: 0 },
    { slideMs: 20_000 },
    { slideMs: 0.5 },
    { allowedLatenessMs: -1 },
    { aggregates: {} },
    { aggregates: { n: 'sum' } },
    { aggregates: { n: { median: 'fare' } } },
    { aggregates: { window_start: 'count' } },
    { aggregates: { who: 'count' }, key: 'who' },
    { late: 'drop' },
    { onNullTime: 'skip' },
    { maxWindows: 0 },
  ])('refuses %j at the call', (options) => {
    expectError('OPTION_RANGE', () => open(options as never));
  });

  it('refuses aggregates of columns that are none, or of no numbers', () => {
    const batch = events(3, 1, 0);
    expectError('COLUMN_MISSING', () => emitted(open({ aggregates: { n: { sum: 'none' } } }), [batch]), {
      column: 'none',
    });
    expectError('COLUMN_TYPE', () => emitted(open({ aggregates: { n: { sum: 'who' } } }), [batch]), {
      column: 'who',
    });
  });
});

describe('eventTimeWindow with a sink for late rows', () => {
  const batch = events(300, 11, 20_000);
  const options = { time: 'ts', windowMs: 10_000, allowedLatenessMs: 2_000, aggregates, key: 'who' } as const;
  const expectedLate: RecordBatch[] = [];
  const expected = plainRows(
    emitted(eventTimeWindow({ ...options, late: (rows) => void expectedLate.push(rows) }), [batch]),
  );

  it('writes late rows there, with all their columns', async () => {
    const [late, main] = [collect(), collect()];
    await dataflow('w')
      .from(fromTable(cut(batch, [50, 80])))
      .pipe(eventTimeWindow({ ...options, late }))
      .to(main)
      .run();
    expect(plainRows(main.batches)).toEqual(expected);
    expect(plainRows(late.batches)).toEqual(plainRows(expectedLate));
    expect(late.batches[0]!.schema.names).toEqual(batch.schema.names);
  });

  it('gives each row once though it fails at any batch and is resumed', async () => {
    const source = fromTable(
      cut(
        batch,
        Array.from({ length: 29 }, () => 10),
      ),
    );
    for (let failing = 0; failing < 30; failing += 3) {
      const [late, main] = [collect(), collect()];
      let isFailing = true;
      const breaking: Source = {
        ...source,
        async *read(from, signal) {
          let n = 0;
          for await (const one of source.read(from, signal)) {
            if (isFailing && n++ === failing) throw new Error('pulled out');
            yield one;
          }
        },
      };
      const flow = dataflow('w')
        .from(breaking)
        .step('windows', eventTimeWindow({ ...options, late }))
        .to(main);
      const run = { checkpoint: { store: memoryStore(), everyBatches: 4 } };
      await expect(flow.run(run)).rejects.toThrow('pulled out');
      isFailing = false;
      await flow.run(run);
      expect(plainRows(main.batches)).toEqual(expected);
      expect(plainRows(late.batches)).toEqual(plainRows(expectedLate));
    }
  });

  it('counts in the guarantee of the flow', () => {
    const late = { ...collect(), guarantee: 'at least once' } as const;
    const flow = dataflow('w')
      .from(fromTable(batch))
      .pipe(eventTimeWindow({ ...options, late }))
      .to(collect());
    expect(flow.guarantee).toBe('at least once');
  });

  it('has a checkpoint kept before the first row where that sink asks for it, and tells it of each', async () => {
    const calls: string[] = [];
    const inner = collect();
    const late = {
      ...inner,
      checkpointFirst: true,
      async open(resume: never, signal: AbortSignal) {
        const writer = await inner.open(resume, signal);
        return {
          ...writer,
          bytes: 0,
          write(rows: RecordBatch) {
            calls.push('write');
            return writer.write(rows);
          },
          committed: (position: unknown) => void calls.push(`committed ${position}`),
        };
      },
    };
    const flow = dataflow('w')
      .from(fromTable(cut(batch, [100])))
      .pipe(eventTimeWindow({ ...options, late }))
      .to(collect());
    await flow.run({ checkpoint: { store: memoryStore(), everyBatches: 1 } });
    expect(calls[0]).toBe('committed 0');
    expect(calls.filter((call) => call.startsWith('committed')).length).toBeGreaterThan(1);
  });
});
