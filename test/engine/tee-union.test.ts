import { describe, expect, it } from 'vitest';
import { memoryStore } from '../../src/checkpoint-store.js';
import { dataflow } from '../../src/dataflow.js';
import type { Sink } from '../../src/sink.js';
import { Counting, failure, Recording, rejection, runningSum, sumsUpTo, tick, upTo } from './helpers.js';

describe('several sinks', () => {
  it('each get every batch, and the slowest makes the pace', async () => {
    const sinks = [0, 1, 2].map(
      (ms) => new Recording({ column: 'sum', write: () => (ms ? tick(ms) : undefined) }),
    );
    const [a, b, c] = sinks as [Recording, Recording, Recording];
    const source: Counting = new Counting(10, {
      before: () => expect(source.given - c.written).toBeLessThan(3),
    });
    await dataflow('flow').from(source).pipe(runningSum({})).to(a, b, c).run();
    for (const sink of sinks) {
      expect(sink.values).toEqual(sumsUpTo(40));
      expect([sink.finished, sink.overlaps]).toEqual([1, 0]);
    }
  });

  it('resume each from its own position', async () => {
    const store = memoryStore();
    const a = new Recording();
    const b = new Recording({ name: 'slow', write: () => tick() });
    const source: Counting = new Counting(10, {
      before: (i) => (i === 7 && source.begun === 1 ? Promise.reject(new Error('boom')) : undefined),
    });
    const flow = dataflow('flow').from(source).to(a, b);
    await failure(flow.run({ checkpoint: { store, everyBatches: 3 } }), 'SOURCE_FAILED');
    a.values.push(-1, -2);
    await flow.run({ checkpoint: { store } });
    expect([a.values, b.values]).toEqual([upTo(40), upTo(40)]);
    expect([a.opened, b.opened]).toEqual([
      [undefined, 24],
      [undefined, 24],
    ]);
  });

  it('are all let go where one fails, and only once all have answered', async () => {
    const boom = new Error('boom');
    const failing = new Recording({
      write: (i) => {
        if (i === 1) throw boom;
      },
    });
    const slow = new Recording({ write: () => tick(2) });
    const error = await failure(
      dataflow('flow').from(new Counting(5)).to(slow, failing).run(),
      'SINK_FAILED',
    );
    expect(error.cause).toBe(boom);
    expect([slow.abandoned, failing.abandoned, slow.overlaps]).toEqual([[false], [false], 0]);
    expect(slow.written).toBe(2);
  });

  it('are let go where a later one does not open', async () => {
    const first = new Recording();
    const broken: Sink = {
      name: 'broken',
      open: () => {
        throw new Error('no place');
      },
    };
    await failure(dataflow('flow').from(new Counting(5)).to(first, broken).run(), 'SINK_FAILED');
    expect(first.abandoned).toEqual([false]);
  });
});

describe('several sources', () => {
  const columns = (...counts: number[]) =>
    counts.map(
      (count, i) =>
        new Counting(count, { name: `source ${i}`, rows: 1, before: () => (i === 0 ? tick() : undefined) }),
    );

  it('are read in turns, whichever is faster, until all have ended', async () => {
    const [a, b, c] = columns(4, 1, 3) as [Counting, Counting, Counting];
    const sink = new Recording();
    const report = await dataflow('flow').from(a, b, c).to(sink).run();
    expect(sink.values).toEqual([0, 0, 0, 1, 1, 2, 2, 3]);
    expect(report.batches).toBe(8);
  });

  it('resume in the middle, at every batch, as if nothing had happened', async () => {
    const uninterrupted = new Recording({ column: 'sum' });
    const start = () =>
      dataflow('flow')
        .from(...(columns(5, 2, 4) as [Counting, Counting, Counting]))
        .pipe(runningSum({}));
    await start().to(uninterrupted).run();
    for (let stop = 1; stop < 11; stop++) {
      const store = memoryStore();
      const sink = new Recording({
        column: 'sum',
        write: (i) => {
          if (i === stop) throw new Error('killed');
        },
      });
      const flow = start().to(sink);
      await failure(flow.run({ checkpoint: { store, everyBatches: 1 } }), 'SINK_FAILED');
      expect(await flow.run({ checkpoint: { store } })).toMatchObject({ resumedAt: stop });
      expect(sink.values).toEqual(uninterrupted.values);
    }
  });

  it('of different schemas are refused, and the message names the source and both schemas', async () => {
    const a = new Counting(2, { name: 'first' });
    const b = new Counting(2, { name: 'second', column: 'y' });
    const error = await failure(dataflow('flow').from(a, b).to(new Recording()).run(), 'COLUMN_TYPE');
    expect(error.message).toMatch(/^second: .*expected x: Float64, got y: Float64/);
    expect([a.ended, b.ended]).toEqual([1, 1]);
  });

  it('of different schemas are refused by a resumed run too', async () => {
    const store = memoryStore();
    let mayFail = true;
    const a = new Counting(2, { name: 'first' });
    const b = new Counting(3, {
      name: 'second',
      column: 'y',
      before: () => mayFail && Promise.reject(new Error('not yet')),
    });
    const flow = dataflow('flow').from(a, b).to(new Recording());
    const options = { checkpoint: { store, everyBatches: 1 } };
    expect(await rejection(flow.run(options))).toMatchObject({ code: 'SOURCE_FAILED' });
    mayFail = false;
    const error = await failure(flow.run(options), 'COLUMN_TYPE');
    expect(error.message).toMatch(/expected x: Float64, got y: Float64/);
  });

  it('are all ended where one fails', async () => {
    const [a, b] = columns(9, 9) as [Counting, Counting];
    const c = new Counting(9, { before: () => Promise.reject(new Error('boom')) });
    await failure(dataflow('flow').from(a, b, c).to(new Recording()).run(), 'SOURCE_FAILED');
    expect([a.ended, b.ended, c.ended]).toEqual([1, 1, 1]);
  });
});
