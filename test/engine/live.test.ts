import { describe, expect, it } from 'vitest';
import { memoryStore } from '../../src/checkpoint-store.js';
import { dataflow } from '../../src/dataflow.js';
import type { Live } from '../../src/live.js';
import {
  Counting,
  failure,
  forever,
  Recording,
  runningSum,
  sumsUpTo,
  tick,
  upTo,
  valuesOf,
} from './helpers.js';

const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve());
  });

describe('a live dataflow', () => {
  it('shows every batch once the sink has it, then completes, and tells its report', async () => {
    const sink = new Recording({ write: (i) => (i % 2 ? tick() : undefined) });
    const live = dataflow('flow').from(new Counting(6)).to(sink).start();
    const seen: number[] = [];
    let isComplete = false;
    live.batches$.subscribe({
      next(batch) {
        seen.push(...valuesOf(batch));
        expect(sink.values).toEqual(seen);
      },
      complete: () => {
        isComplete = true;
      },
    });
    expect(await live.done).toMatchObject({ rows: 24, complete: true });
    expect(seen).toEqual(upTo(24));
    expect(isComplete).toBe(true);
  });

  it('tells its error to watchers and to done', async () => {
    const source = new Counting(6, { before: (i) => i === 2 && Promise.reject(new Error('boom')) });
    const live = dataflow('flow').from(source).to(new Recording()).start();
    const seen: unknown[] = [];
    live.batches$.subscribe({ error: (error: unknown) => seen.push(error) });
    const error = await failure(live.done, 'SOURCE_FAILED');
    expect(seen).toEqual([error]);
  });

  it('stops without a store: what was read is finished, and the report says that it is not all', async () => {
    const source = new Counting(1000, {
      before: (i, signal) => (i === 7 ? untilAborted(signal) : undefined),
    });
    const sink = new Recording({ column: 'sum' });
    const live = dataflow('flow').from(source).pipe(runningSum({})).to(sink).start();
    await tick(5);
    const report = await live.stop();
    expect(report).toMatchObject({ rows: 28, batches: 7, complete: false });
    expect(sink.values).toEqual(sumsUpTo(28));
    expect([sink.finished, sink.abandoned, source.ended]).toEqual([1, [], 1]);
    expect(await live.done).toBe(report);
  });

  it('stops with a store: the next run goes on where this one was', async () => {
    const store = memoryStore();
    const sink = new Recording({ column: 'sum' });
    const source: Counting = new Counting(20, {
      before: (i, signal) => (i === 7 && source.begun === 1 ? untilAborted(signal) : undefined),
    });
    const flow = dataflow('flow').from(source).pipe(runningSum({})).to(sink);
    const live = flow.start({ checkpoint: { store } });
    await tick(5);
    expect(await live.stop()).toMatchObject({ batches: 7, complete: false });
    expect([sink.finished, sink.abandoned]).toEqual([0, [true]]);
    expect(await flow.run({ checkpoint: { store } })).toMatchObject({
      resumedAt: 7,
      batches: 20,
      complete: true,
    });
    expect(sink.values).toEqual(sumsUpTo(80));
  });

  it('stops before it has begun, twice, and after its end', async () => {
    const sink = new Recording();
    const early = dataflow('flow').from(new Counting(5)).to(sink).start();
    const reports = await Promise.all([early.stop(), early.stop()]);
    expect(reports[0]).toMatchObject({ batches: 0, complete: false });
    const late = dataflow('flow').from(new Counting(5)).to(sink).start();
    await late.done;
    expect(await late.stop()).toMatchObject({ batches: 5, complete: true });
  });

  it('stops though the source waits forever and does not look at its signal', async () => {
    const source = new Counting(9, { before: (i) => (i === 2 ? forever : undefined) });
    const live = dataflow('flow').from(source).to(new Recording()).start();
    await tick(5);
    expect(await live.stop()).toMatchObject({ batches: 2, complete: false });
  });

  it('does not abort the signal of a sink that is still to write when it is stopped', async () => {
    const sink = new Recording({ write: (_, signal) => tick(5).then(() => signal.throwIfAborted()) });
    const live = dataflow('flow').from(new Counting(1000)).to(sink).start();
    await tick(12);
    const { rows } = await live.stop();
    expect(sink.values).toEqual(upTo(rows));
  });
});

describe('asking a live dataflow for a checkpoint', () => {
  it('takes one between two batches, though the source has nothing to say', async () => {
    const store = memoryStore();
    const source = new Counting(9, { before: (i, signal) => (i === 4 ? untilAborted(signal) : undefined) });
    const live = dataflow('flow').from(source).to(new Recording()).start({ checkpoint: { store } });
    await tick(5);
    expect(await store.list()).toEqual([]);
    await live.checkpoint();
    expect(await store.list()).toEqual([1]);
    await Promise.all([live.checkpoint(), live.checkpoint()]);
    expect(await store.list()).toEqual([2, 1].reverse());
    await live.stop();
  });

  it('works from within the source that it waits for', async () => {
    const store = memoryStore();
    let live: Live | undefined;
    const source = new Counting(5, { before: (i) => (i === 3 ? live!.checkpoint() : undefined) });
    live = dataflow('flow').from(source).to(new Recording()).start({ checkpoint: { store } });
    expect(await live.done).toMatchObject({ batches: 5 });
  });

  it('works right after the start', async () => {
    const store = memoryStore();
    const live = dataflow('flow').from(new Counting(5)).to(new Recording()).start({ checkpoint: { store } });
    await live.checkpoint();
    expect((await store.list()).length).toBeGreaterThan(0);
    await live.done;
  });

  it('is refused where there is no store', async () => {
    const live = dataflow('flow').from(new Counting(5)).to(new Recording()).start();
    const error = await failure(live.checkpoint(), 'OPTION_RANGE');
    expect(error.message).toMatch(
      /^flow: option checkpoint, expected a store .*directoryStore|checkpoint: \{ store \}/,
    );
    await live.done;
  });

  it('rejects with the error of a run that fails before, and of one that has failed', async () => {
    const sink = new Recording({
      write: (i, signal) => (i === 3 ? untilAborted(signal).then(() => tick()) : undefined),
    });
    const source = new Counting(9, {
      before: (i) => (i === 4 ? tick(10).then(() => Promise.reject(new Error('boom'))) : undefined),
    });
    const store = memoryStore();
    const live = dataflow('flow').from(source).to(sink).start({ checkpoint: { store } });
    await tick(3);
    const asked = live.checkpoint().catch((error: unknown) => error);
    const error = await failure(live.done, 'SOURCE_FAILED');
    expect(await asked).toBe(error);
    expect(await live.checkpoint().catch((late: unknown) => late)).toBe(error);
    expect(await store.list()).toEqual([]);
  });

  it('resolves after a complete end: everything is in the last one', async () => {
    const live = dataflow('flow')
      .from(new Counting(5))
      .to(new Recording())
      .start({ checkpoint: { store: memoryStore() } });
    await live.done;
    await live.checkpoint();
  });
});
