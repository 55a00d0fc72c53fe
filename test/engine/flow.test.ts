import type { RecordBatch } from 'apache-arrow';
import { delay, filter, map, tap } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { collect } from '../../sinks/index.js';
import { csvFile } from '../../sources/index.js';
import { memoryStore } from '../../src/checkpoint-store.js';
import { dataflow } from '../../src/dataflow.js';
import type { ProgressState } from '../../src/progress.js';
import { rebatch } from '../../src/rebatch.js';
import { stateless } from '../../src/stateless.js';
import {
  batchOf,
  Counting,
  failure,
  Recording,
  runningSum,
  sumsUpTo,
  thrown,
  tick,
  upTo,
  valuesOf,
} from './helpers.js';

describe('a dataflow', () => {
  it('takes every batch from the source through the steps to the sink, in order', async () => {
    const sink = new Recording({ column: 'sum' });
    await dataflow('flow').from(new Counting(20)).step('sum', runningSum({})).to(sink).run();
    expect(sink.values).toEqual(sumsUpTo(80));
    expect(sink.finished).toBe(1);
    expect(sink.abandoned).toEqual([]);
  });

  it('reports bad rows of the whole flow, also where it resumes', async () => {
    const text = Array.from({ length: 40 }, (_, i) => (i % 4 === 1 ? 'bad' : `${i}`)).join('\n');
    const options = { schema: { x: 'float64' }, batchRows: 5 } as const;
    for (const [badRows, counts] of [
      ['skip', { skipped: 10, rejected: 0 }],
      [collect(), { skipped: 0, rejected: 10 }],
    ] as const) {
      const source = csvFile(new TextEncoder().encode(`x\n${text}`), { ...options, badRows });
      const store = memoryStore();
      const sink = new Recording({
        write: (i) => (i === 3 ? Promise.reject(new Error('killed')) : undefined),
      });
      const flow = dataflow('flow').from(source).to(sink);
      await failure(flow.run({ checkpoint: { store, everyBatches: 2 } }), 'SINK_FAILED');
      expect(await flow.run({ checkpoint: { store } })).toMatchObject({ rows: 30, resumedAt: 2, ...counts });
    }
  });

  it('keeps the order where a step makes none, one or several batches of one', async () => {
    const sink = new Recording({ write: (batch) => (batch % 3 === 0 ? tick() : undefined) });
    const several = stateless((batch) => {
      const [first] = valuesOf(batch);
      return Array.from({ length: (first! / 4) % 4 }, (_, copy) => batchOf([first!, copy]));
    });
    await dataflow('flow').from(new Counting(12)).pipe(several).to(sink).run();
    const expected = upTo(12).flatMap((i) => upTo(i % 4).flatMap((copy) => [i * 4, copy]));
    expect(sink.values).toEqual(expected);
    expect(sink.overlaps).toBe(0);
  });

  it('is a value: it runs as often as asked to, each time from the beginning', async () => {
    const sink = new Recording({ column: 'sum' });
    const flow = dataflow('flow').from(new Counting(3)).pipe(runningSum({})).to(sink);
    const first = await flow.run();
    const second = await flow.run();
    expect(sink.values).toEqual(sumsUpTo(12));
    expect({ ...first, seconds: 0 }).toEqual({ ...second, seconds: 0 });
  });

  it('flushes what a step has held back', async () => {
    const sink = new Recording();
    await dataflow('flow')
      .from(new Counting(3))
      .pipe(rebatch({ rows: 5 }))
      .to(sink)
      .run();
    expect(sink.written).toBe(3);
    expect(sink.values).toEqual(upTo(12));
  });

  it('runs without steps, without batches, and with batches of no rows', async () => {
    for (const [count, rows] of [
      [3, 4],
      [0, 4],
      [3, 0],
    ] as const) {
      const sink = new Recording();
      const report = await dataflow('flow').from(new Counting(count, { rows })).to(sink).run();
      expect(sink.values).toEqual(upTo(count * rows));
      expect(report).toMatchObject({ rows: count * rows, batches: count, complete: true });
    }
  });

  it('reports rows, batches, bytes, seconds and that it did not resume', async () => {
    const report = await dataflow('flow').from(new Counting(5)).to(new Recording()).run();
    const { seconds, ...rest } = report;
    expect(rest).toEqual({
      rows: 20,
      batches: 5,
      bytesIn: 5 * 4 * 8,
      bytesOut: 0,
      resumedAt: null,
      skipped: 0,
      rejected: 0,
      guarantee: null,
      complete: true,
    });
    expect(seconds).toBeGreaterThan(0);
  });

  it('lets timers have their turn though neither source nor sink ever waits', async () => {
    const busy = stateless((batch) => {
      const until = performance.now() + 2;
      while (performance.now() < until);
      return batch;
    });
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error('timer')), 10);
    const source = new Counting(10_000);
    const run = dataflow('flow')
      .from(source)
      .pipe(busy)
      .to(new Recording())
      .run({ signal: controller.signal });
    await expect(run).rejects.toThrow('timer');
    expect(source.given).toBeLessThan(1000);
  });
});

describe('progress', () => {
  it('is told before the first batch, after every batch where no time must pass between, and once at the end', async () => {
    const told: ProgressState[] = [];
    await dataflow('flow')
      .from(new Counting(5))
      .to(new Recording())
      .run({ onProgress: (state) => told.push(state), progressMs: 0 });
    expect(told.map(({ batches }) => batches)).toEqual([0, 1, 2, 3, 4, 5, 5, 5]);
    expect(told.at(-1)).toMatchObject({ rows: 20, inFlight: 0, fraction: 1 });
    expect(told[2]!.fraction).toBeCloseTo(2 / 5);
  });

  it('is throttled: the first at once, the others no closer than asked, the last always', async () => {
    const told: ProgressState[] = [];
    const sink = new Recording({ write: () => tick(1) });
    await dataflow('flow')
      .from(new Counting(40))
      .to(sink)
      .run({ onProgress: (state) => told.push(state), progressMs: 3_600_000 });
    expect(told.map(({ batches }) => batches)).toEqual([expect.any(Number), 40]);
    expect(told[0]!.batches).toBeLessThanOrEqual(2);
  });

  it('ends the run with what its listener throws, unchanged', async () => {
    const error = new RangeError('listener');
    const sink = new Recording();
    const onProgress = () => {
      throw error;
    };
    await expect(dataflow('flow').from(new Counting(5)).to(sink).run({ onProgress })).rejects.toBe(error);
    expect(sink.abandoned).toEqual([false]);
  });
});

describe('building a dataflow', () => {
  it('refuses two steps of one id, and steps, sources and sinks that are none', () => {
    const from = dataflow('flow').from(new Counting(1));
    expect(thrown(() => from.step('a', runningSum({})).step('a', runningSum({}))).message).toContain("'a'");
    expect(thrown(() => from.step('', runningSum({}))).code).toBe('OPTION_RANGE');
    expect(thrown(() => from.step('a', map((batch) => batch) as never)).code).toBe('OPTION_RANGE');
    expect(thrown(() => from.pipe(3 as never)).code).toBe('OPTION_RANGE');
    expect(thrown(() => from.to({} as never)).code).toBe('OPTION_RANGE');
    expect(thrown(() => (from.to as () => unknown)()).code).toBe('OPTION_RANGE');
    expect(thrown(() => dataflow('flow').from({} as never)).code).toBe('OPTION_RANGE');
    expect(thrown(() => (dataflow('flow').from as () => unknown)()).code).toBe('OPTION_RANGE');
    expect(thrown(() => dataflow('')).code).toBe('OPTION_RANGE');
  });

  it('names piped steps by their place, so that the same operator can come twice', async () => {
    const flow = dataflow('flow')
      .from(new Counting(2))
      .pipe(rebatch({ rows: 2 }), rebatch({ rows: 3 }))
      .step('mine', rebatch({ rows: 4 }))
      .pipe(rebatch({ rows: 5 }))
      .to(new Recording());
    expect(flow.steps.map(({ id }) => id)).toEqual(['1:rebatch', '2:rebatch', 'mine', '4:rebatch']);
  });

  it.each([
    [{ credit: 0 }, 'credit'],
    [{ credit: 1.5 }, 'credit'],
    [{ progressMs: -1 }, 'progressMs'],
    [{ everyBatches: 5 }, 'everyBatches'],
    [{ checkpoint: {} }, 'checkpoint.store'],
    [{ checkpoint: { store: memoryStore(), everyBatches: 0 } }, 'everyBatches'],
    [{ checkpoint: { store: memoryStore(), everySeconds: 0 } }, 'everySeconds'],
    [{ checkpoint: { store: memoryStore(), every: 3 } }, 'every'],
  ])('refuses the run options %o by name', async (options, name) => {
    const flow = dataflow('flow').from(new Counting(1)).to(new Recording());
    const error = await failure(flow.run(options as never), 'OPTION_RANGE');
    expect(error.message).toMatch(/^flow: option /);
    expect(error.message).toContain(name);
    expect(thrown(() => flow.start(options as never)).code).toBe('OPTION_RANGE');
  });
});

describe('plain RxJS operators', () => {
  it('run as steps: map, filter and tap', async () => {
    const seen: number[] = [];
    const sink = new Recording();
    await dataflow('flow')
      .from(new Counting(6))
      .pipe(
        filter((batch) => valuesOf(batch)[0]! % 8 === 0),
        map((batch) => batchOf(valuesOf(batch).slice(0, 1))),
      )
      .pipe(tap((batch) => seen.push(...valuesOf(batch))))
      .to(sink)
      .run();
    expect(sink.values).toEqual([0, 8, 16]);
    expect(seen).toEqual([0, 8, 16]);
  });

  it('are refused where there are checkpoints, before anything is read or written', async () => {
    const source = new Counting(3);
    const sink = new Recording();
    const flow = dataflow('flow').from(source).pipe(tap()).to(sink);
    const error = await failure(flow.run({ checkpoint: { store: memoryStore() } }), 'OPTION_RANGE');
    expect(error.message).toMatch(/1:rxjs: .*checkpoint.*stateless/);
    expect([source.begun, sink.opened.length]).toEqual([0, 0]);
  });

  it.each([1, 100])('are refused where they emit later, after %i batches', async (count) => {
    const later = delay<RecordBatch>(1);
    const source = new Counting(count, { before: () => tick(1) });
    const error = await failure(
      dataflow('flow').from(source).pipe(later).to(new Recording()).run(),
      'OPTION_RANGE',
    );
    expect(error.message).toContain('emits later');
  });

  it('end the run with their error, as that of their step', async () => {
    const cause = new TypeError('boom');
    const fail = map(() => {
      throw cause;
    });
    const error = await failure(
      dataflow('flow').from(new Counting(3)).pipe(fail).to(new Recording()).run(),
      'STEP_FAILED',
    );
    expect(error.cause).toBe(cause);
  });
});
